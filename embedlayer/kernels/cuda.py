"""The kernels for CuPy arrays: ``reference/`` mirrored by launches of ``cuda.cu``.

Nothing here but ``distinct`` and ``take_windows`` waits for the device, so one size that only the
device knows must not decide the size of an array: arrays have room for the most there can be.
``offsets[-1]`` says how much is filled; ids, targets and positions are −1 beyond it, and a window
there is empty, which is no window at all.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from embedlayer.arrays import offsets_of
from embedlayer.backend import array_library, array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import reference
from embedlayer.kernels.arguments import Batch, Mode, Share, Tables
from embedlayer.kernels.launch import MAX_BLOCKS, launch

LANES = 32
MAX_IN_FLIGHT = 8192  # windows: 32 warps on each of 256 multiprocessors, more than any GPU has
TILE = 4  # hidden rows trained together, as in cuda.cu
LINE = 128  # bytes of a cache line: each warp's scratch begins on one
MOST_SCRATCH = 4 << 31  # bytes of a warp: cuda.cu counts floats in an int
SCRATCH_PART = 8  # of the device's memory, that scratch takes at most by default: one in eight


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
    launch("mark_kept", N, ids, start, keep, key, kept, N)
    before = offsets_of(kept)
    kept_ids, positions = xp.empty(N, np.int32), xp.empty(N, np.int64)
    launch("compact_kept", N, ids, start, before, kept_ids, positions, N)
    return kept_ids, before[offsets], positions


def windows(
    ids: Any,
    offsets: Any,
    positions: Any,
    least: int,
    window: int,
    reach: int,
    key: np.uint64,
) -> tuple[Any, Any, Any, Any]:
    xp, N, S = array_module(ids), len(ids), len(offsets) - 1
    sizes = xp.empty(N, np.int32)
    launch("window_sizes", N, offsets, positions, least, window, key, sizes, S, N)
    starts = offsets_of(sizes)
    contexts = xp.full(2 * reach * N, -1, np.int32)
    arguments = (ids, offsets, positions, least, window, key, starts, contexts, S, N)
    launch("window_contexts", N, *arguments)
    return contexts, starts, ids, positions


def draw(prob: Any, alias: Any, targets: Any, positions: Any, negative: int, key: np.uint64) -> Any:
    B = len(targets)
    rows = array_module(targets).empty((B, 1 + negative), np.int32)
    launch("draw", B, prob, alias, targets, positions, key, rows, len(prob), negative, B)
    return rows


take_windows = reference.take_windows  # few windows, in few launches


def bag_sum(W: Any, ids: Any, offsets: Any, mean: bool) -> Any:
    if W.dtype != np.float32:
        return reference.bag_sum(W, ids, offsets, mean)
    B, D = len(offsets) - 1, W.shape[1]
    sums = array_module(W).empty((B, D), np.float32)
    launch("bag_sum", B * LANES, W, _as_int32(ids), offsets, mean, sums, D, B)
    return sums


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
        launch("scatter_add", N * LANES, W, _as_int32(rows), values, D, N)


def scatter_add_sorted(W: Any, rows: Any, values: Any) -> None:
    """:func:`scatter_add` in one fixed order: equal rows in a run, each run added by one warp."""
    N, D = len(rows), W.shape[1]
    order = array_module(W).argsort(rows, kind="stable")
    rows = _as_int32(rows)[order]
    launch("scatter_add_sorted", N * LANES, W, rows, order, values, D, N)


def add_products(W: Any, rows: Any, factors: Any, values: Any) -> None:
    reference.add_products(W, rows, factors, values, add=scatter_add)


def distinct(ids: Any, size: int) -> tuple[Any, Any]:
    """As the reference; how many there are decides sizes of arrays, so that this waits."""
    return reference.distinct(ids, size)


def bag_means(W: Any, ids: Any, offsets: Any, bags: Any) -> Any:
    if W.dtype != np.float32:
        return reference.bag_means(W, ids, offsets, bags)
    N, D = len(bags), W.shape[1]
    means = array_module(W).empty((N, D), np.float32)
    launch("bag_means", N * LANES, W, ids, offsets, bags, means, D, N)
    return means


def add_to_bags(W: Any, ids: Any, offsets: Any, bags: Any, values: Any) -> None:
    if W.dtype != np.float32:
        reference.add_to_bags(W, ids, offsets, bags, values)
        return
    N, D = len(bags), W.shape[1]
    launch("add_to_bags", N * LANES, W, ids, offsets, bags, values, D, N)


def sum_by_row(rows: Any, values: Any, size: int) -> tuple[Any, Any]:
    return reference.sum_by_row(rows, values, size, add=scatter_add)


merge_rows = reference.merge_rows  # a few passes over rows, each as fast as memory


def sgd_step(
    tables: Tables, batch: Batch, lr: float, mode: Mode, *, in_flight: int | None = None
) -> tuple[Any, Any]:
    """As the reference, but loss and pairs are 0-d arrays: reading them waits for the device.

    At most ``in_flight`` windows are trained at once; default :func:`default_in_flight`.
    """
    (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
    xp, (B, R), D = array_module(W_in), rows.shape, W_in.shape[1]
    held = _held(xp, len(W_in), R, D, in_flight)
    warps = max(1, min(B, held.warps))
    losses, pairs = xp.zeros(warps, np.float32), xp.zeros(warps, np.int64)
    name, scratch = "sgd_cbow" if mode.mean else "sgd_skipgram", None
    if D % 4 == 0 and W_in.data.ptr % 16 == W_out.data.ptr % 16 == 0:
        name += "_wide"
    if held.scratch:
        name += "_scratch"
        scratch = xp.empty((warps, held.scratch // 4), np.float32)

    examples = (contexts, offsets, rows, labels, R if len(labels) > 1 else 0)
    results = (measured, losses, pairs, scratch, held.scratch // 4)
    arguments = (W_in, W_out, *examples, lr, mode.divide, *results, D, R, B)
    launch(name, warps * LANES if B else 0, *arguments, block=LANES, shared=held.shared)
    return losses.sum(dtype=np.float64), pairs.sum()


def batch_loss(tables: Tables, batch: Batch, mode: Mode) -> tuple[Any, Any]:
    """As the reference; by a step at the rate 0, after which all rows are what they were."""
    return sgd_step(tables, batch, 0.0, mode)


def worker_step(tables: Tables, share: Share) -> AbstractContextManager[Any]:
    """``sgd_step`` as the one worker takes it."""
    return nullcontext(partial(sgd_step, in_flight=share.in_flight))


def worker_bytes(shapes: tuple[tuple[int, int], tuple[int, int]], width: int, share: Share) -> int:
    """What the step takes from the device's memory, where shared memory is too small.

    Args:
        shapes: of the tables.
        width: R, the output rows of a window.
        share: its ``in_flight``.

    Raises:
        EmbedlayerError: more than the device has.
    """
    (words, D), _ = shapes
    held = _held(array_library("cupy"), words, width, D, share.in_flight)
    return held.scratch * held.warps


class _Held(NamedTuple):
    """What a warp holds of its window: so many bytes of shared memory, or of scratch; and warps."""

    shared: int
    scratch: int
    warps: int


def _held(xp: Any, words: int, R: int, D: int, in_flight: int | None) -> _Held:
    """Where a warp holds its window, and how many warps there are.

    Shared memory, if a block may have so much; else scratch in the device's memory. Then fewer
    windows are in flight by default, so that scratch leaves room for the tables.

    Raises:
        EmbedlayerError: so much scratch that the device, or the kernel, cannot hold it.
    """
    limits = _limits(xp, xp.cuda.Device().id)
    size, default = 4 * (8 * R + 8 + (2 * R + TILE) * D), default_in_flight(words)
    if size <= limits.shared:
        return _Held(size, 0, min(MAX_BLOCKS, in_flight or default))
    size = -(-size // LINE) * LINE
    by_memory = max(1, limits.memory // SCRATCH_PART // size)
    warps = min(MAX_BLOCKS, in_flight or min(default, by_memory))
    if size > MOST_SCRATCH or size * warps > limits.memory:
        raise EmbedlayerError(
            f"a window of {R:,} output rows and {D:,} columns takes {size / 1e6:,.1f} MB of the "
            f"device's memory, and {warps:,} in flight take {size * warps / 1e6:,.1f} MB; a window "
            f"may take {MOST_SCRATCH / 1e6:,.1f} MB, and the device has "
            f"{limits.memory / 1e6:,.1f} MB: lower negative, dim or in_flight"
        )
    return _Held(0, size, warps)


def _as_int32(rows: Any) -> Any:
    return rows.astype(np.int32, copy=False)


class _Limits(NamedTuple):
    """Bytes: of shared memory that one block may have, and of the device's memory."""

    shared: int
    memory: int


@cache
def _limits(cupy: Any, device: int) -> _Limits:
    shared = cupy.cuda.Device(device).attributes["MaxSharedMemoryPerBlockOptin"]
    return _Limits(int(shared), int(cupy.cuda.runtime.memGetInfo()[1]))
