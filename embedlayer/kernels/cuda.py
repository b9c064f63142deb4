"""The kernels for CuPy arrays: checks and launches ``cuda.cu``, the mirror of ``reference.py``.

Nothing here waits for the device, so one size that only the device knows must not decide the size
of an array: arrays have room for the most there can be. ``offsets[-1]`` says how much is filled;
ids, targets and positions are −1 beyond it, and a window there is empty, which is no window at all.
"""

import os
import re
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.arrays import offsets_of
from embedlayer.backend import array_library, array_module
from embedlayer.kernels import reference
from embedlayer.kernels.arguments import Batch, Mode, Share, Tables

SOURCE = Path(__file__).with_name("cuda.cu")
OPTIONS = ("-std=c++17",)
TYPES = {
    "float": np.float32,
    "int": np.int32,
    "unsigned": np.uint32,
    "i64": np.int64,
    "u64": np.uint64,
    "bool": np.bool_,
}
LANES = 32
BLOCK = 256  # threads of a block, but for sgd_step: there a block is one warp
MAX_BLOCKS = 1 << 16  # further work is done by the same threads, in strides
MAX_IN_FLIGHT = 8192  # windows: 32 warps on each of 256 multiprocessors, more than any GPU has
TILE = 4  # hidden rows trained together, as in cuda.cu
SHARED_BY_DEFAULT = 48 << 10  # bytes of shared memory a block may have without asking


def default_in_flight(words: int) -> int:
    """How many windows may be trained at once: one for every 32 words.

    Windows in flight do not see each other's updates. Where they share rows, and in a small
    vocabulary they do, a row receives the sum of steps that were each computed for the old row,
    as if the learning rate were larger. docs/gpu.md has the measurements behind the number.
    """
    return min(MAX_IN_FLIGHT, max(1, words // 32))


def subsample(
    ids: Any, offsets: Any, start: int, keep: Any, key: np.uint64
) -> tuple[Any, Any, Any]:
    xp, N = array_module(ids), len(ids)
    kept = xp.empty(N, np.bool_)
    _launch("mark_kept", N, ids, start, keep, key, kept, N)
    before = offsets_of(kept)
    kept_ids, positions = xp.empty(N, np.int32), xp.empty(N, np.int64)
    _launch("compact_kept", N, ids, start, before, kept_ids, positions, N)
    return kept_ids, before[offsets], positions


def windows(
    ids: Any, offsets: Any, positions: Any, window: int, key: np.uint64
) -> tuple[Any, Any, Any, Any]:
    xp, N, S = array_module(ids), len(ids), len(offsets) - 1
    sizes = xp.empty(N, np.int32)
    _launch("window_sizes", N, offsets, positions, window, key, sizes, S, N)
    starts = offsets_of(sizes)
    contexts = xp.full(2 * window * N, -1, np.int32)
    arguments = (ids, offsets, positions, window, key, starts, contexts, S, N)
    _launch("window_contexts", N, *arguments)
    return contexts, starts, ids, positions


def draw(prob: Any, alias: Any, targets: Any, positions: Any, negative: int, key: np.uint64) -> Any:
    B = len(targets)
    rows = array_module(targets).empty((B, 1 + negative), np.int32)
    _launch("draw", B, prob, alias, targets, positions, key, rows, len(prob), negative, B)
    return rows


def bag_mean(W: Any, ids: Any, offsets: Any) -> Any:
    if W.dtype != np.float32:
        return reference.bag_mean(W, ids, offsets)
    B, D = len(offsets) - 1, W.shape[1]
    means = array_module(W).empty((B, D), np.float32)
    _launch("bag_mean", B * LANES, W, _as_int32(ids), offsets, means, D, B)
    return means


def scatter_add(W: Any, rows: Any, values: Any) -> None:
    """As the reference; with ``EMBEDLAYER_DETERMINISTIC=1`` in one fixed order.

    Floating-point sums then repeat bit by bit, at the price of a sort.
    """
    N, D = len(rows), W.shape[1]
    if W.dtype != np.float32:
        reference.scatter_add(W, rows, values)
    elif os.environ.get("EMBEDLAYER_DETERMINISTIC") == "1":
        scatter_add_sorted(W, rows, values)
    else:
        _launch("scatter_add", N * LANES, W, _as_int32(rows), values, D, N)


def scatter_add_sorted(W: Any, rows: Any, values: Any) -> None:
    """:func:`scatter_add` in one fixed order: equal rows in a run, each run added by one warp."""
    N, D = len(rows), W.shape[1]
    order = array_module(W).argsort(rows, kind="stable")
    rows = _as_int32(rows)[order]
    _launch("scatter_add_sorted", N * LANES, W, rows, order, values, D, N)


def sum_by_row(rows: Any, values: Any, size: int) -> tuple[Any, Any]:
    return reference.sum_by_row(rows, values, size, add=scatter_add)


def sgd_step(
    tables: Tables, batch: Batch, lr: float, mode: Mode, *, in_flight: int | None = None
) -> tuple[Any, Any]:
    """As the reference, but loss and pairs are 0-d arrays: reading them waits for the device.

    At most ``in_flight`` windows are trained at once; default :func:`default_in_flight`.
    """
    (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
    xp, (B, R), D = array_module(W_in), rows.shape, W_in.shape[1]
    warps = max(1, min(B, in_flight or default_in_flight(len(W_in))))
    losses, pairs = xp.zeros(warps, np.float32), xp.zeros(warps, np.int64)
    name = "sgd_cbow" if mode.mean else "sgd_skipgram"
    if D % 4 == 0 and W_in.data.ptr % 16 == W_out.data.ptr % 16 == 0:
        name += "_wide"

    short, long, fits = _window_bytes(xp, R, D)
    scratch = None if fits else xp.empty((warps, long // 4), np.float32)
    examples = (contexts, offsets, rows, labels, R if len(labels) > 1 else 0)
    results = (measured, losses, pairs, scratch, long // 4)
    arguments = (W_in, W_out, *examples, lr, mode.divide, *results, D, R, B)
    shared = short + long if fits else short
    _launch(name, warps * LANES if B else 0, *arguments, block=LANES, shared=shared)
    return losses.sum(dtype=np.float64), pairs.sum()


def worker_step(tables: Tables, share: Share) -> AbstractContextManager[Any]:
    """``sgd_step`` as the one worker takes it."""
    return nullcontext(partial(sgd_step, in_flight=share.in_flight))


def worker_bytes(shapes: tuple[tuple[int, int], tuple[int, int]], width: int, share: Share) -> int:
    """What the step takes from the device's memory, where shared memory is too small.

    Args:
        shapes: of the tables.
        width: R, the output rows of a window.
        share: its ``in_flight``.
    """
    (words, D), _ = shapes
    _, long, fits = _window_bytes(array_library("cupy"), width, D)
    return 0 if fits else long * (share.in_flight or default_in_flight(words))


def _window_bytes(xp: Any, R: int, D: int) -> tuple[int, int, bool]:
    """Bytes that a warp keeps: short arrays, and rows; whether shared memory can hold the rows."""
    short, long = 4 * (R * (TILE + 4) + 2 * TILE), 4 * (2 * R + TILE) * D
    return short, long, short + long <= _shared_limit(xp)


def _as_int32(rows: Any) -> Any:
    return rows.astype(np.int32, copy=False)


def _launch(name: str, threads: int, *arguments: Any, block: int = BLOCK, shared: int = 0) -> None:
    """Run one kernel on the current stream, its arguments checked against the source.

    Raises:
        TypeError: an array that is not CuPy's or not of the declared dtype.
        ValueError: an array that is not C-contiguous.
    """
    if threads == 0:
        return
    checked = []
    for (ctype, parameter), argument in zip(_parameters()[name], arguments, strict=True):
        where = f"{name}({parameter})"
        checked.append(_checked(where, ctype, argument))
    blocks = min(-(-threads // block), MAX_BLOCKS)
    kernel = _kernel(array_module(*arguments), name)
    if shared > SHARED_BY_DEFAULT:
        kernel.max_dynamic_shared_size_bytes = shared
    kernel((blocks,), (block,), tuple(checked), shared_mem=shared)


def _checked(where: str, ctype: str, argument: Any) -> Any:
    """The argument as the kernel declares it: CuPy would pass any array, and any int as int64."""
    dtype = TYPES[ctype.removesuffix("*")]
    if not ctype.endswith("*"):
        return dtype(argument)
    if argument is None:
        return np.uint64(0)  # the null pointer
    if array_module(argument) is np:
        raise TypeError(f"{where}: a CuPy array is needed, not {type(argument).__name__}")
    if argument.dtype != dtype:
        raise TypeError(f"{where}: dtype {np.dtype(dtype)} is needed, not {argument.dtype}")
    if not argument.flags.c_contiguous:
        raise ValueError(f"{where}: the array must be C-contiguous")
    return argument


@cache
def _parameters() -> dict[str, list[tuple[str, str]]]:
    """(type, name) of every parameter of every kernel, read from the source."""
    source = SOURCE.read_text(encoding="utf-8").replace("\\\n", "\n")
    kernel = r"__global__ void(?:\s+__launch_bounds__\(.*?\))?\s+(\w+)\((.*?)\)\s*{"
    found = re.findall(kernel, source, re.S)
    kernels = {name: _declared(parameters) for name, parameters in found}
    step = kernels.pop("NAME")
    return kernels | dict.fromkeys(re.findall(r"^SGD_STEP\((\w+)", source, re.M), step)


def _declared(parameters: str) -> list[tuple[str, str]]:
    return [
        (ctype.removeprefix("const "), name)
        for ctype, name in re.findall(r"\s*([\w ]+?\*?) (\w+)(?:,|$)", parameters)
    ]


@cache
def _kernel(cupy: Any, name: str) -> Any:
    return _module(cupy).get_function(name)


@cache
def _module(cupy: Any) -> Any:
    """The compiled source; CuPy compiles when a kernel is first needed and keeps it on disk."""
    return cupy.RawModule(code=SOURCE.read_text(encoding="utf-8"), options=OPTIONS)


@cache
def _shared_limit(cupy: Any) -> int:
    """Bytes of shared memory that one block may have on this device."""
    return int(cupy.cuda.Device().attributes["MaxSharedMemoryPerBlockOptin"])
