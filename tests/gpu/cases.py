"""The ladder's cases for the kernels, as NumPy arrays, and how a device's results are compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from examples import Step, run_in_parts

from embedlayer import rng
from embedlayer.kernels import cuda, launch, reference
from embedlayer.kernels.arguments import Mode

from .emulator import RawModule

KEY = rng.make_key(7, "cases")
LR = 0.1


def step(
    D: int = 16,
    *,
    V: int = 40,
    sizes: tuple[int, ...] = (3, 1, 0, 6, 10),
    R: int = 6,
    shared_labels: bool = True,
    row: int | None = None,
    apart: bool = False,
) -> Step:
    """Windows of the given sizes; ``row`` fills every output row, ``apart`` shares no rows."""
    random = np.random.default_rng(D + V + R)
    B, total = len(sizes), sum(sizes)
    contexts = random.integers(0, V, total, np.int32)
    rows = random.integers(-1, V, (B, R), np.int32)
    if apart:
        V = max(total, B * R)
        contexts, rows = (random.permutation(V)[:size].astype(np.int32) for size in (total, B * R))
    else:
        contexts[-1:] = V - 1  # the last id
        rows[:1, -1] = V - 1
    labels = (random.random((1 if shared_labels else B, R)) < 0.3).astype(np.float32)
    return Step(
        *(random.normal(0, 0.3, (V, D)).astype(np.float32) for _ in range(2)),
        contexts,
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
        rows.reshape(B, R) if row is None else np.full((B, R), row, np.int32),
        labels,
        random.random(B) < 0.7,
    )


STEPS = {
    "no windows": step(sizes=()),
    "one context": step(sizes=(1, 1, 1)),
    "empty windows": step(sizes=(0, 2, 0, 0)),
    "many contexts": step(sizes=(40, 33, 32)),
    "repeated ids": step(V=3, sizes=(6, 12, 40)),
    "all rows -1": step(row=-1),
    "one row": step(R=1),
    "twenty negatives": step(R=21),
    "a Huffman path": step(R=40, shared_labels=False),
    "labels a window": step(shared_labels=False),
    "D = 1": step(1),
    "D = 3": step(3),
    "D = 33": step(33),
    "D = 100": step(100),
    "D = 300": step(300, sizes=(4, 10)),
    "D = 1030": step(1030, sizes=(2, 6)),
    "beyond shared memory": step(1056, sizes=(2, 6), R=28),
    "beyond it, D = 1030": step(1030, sizes=(2,), R=28),
    "eight thousand negatives": step(16, V=9000, sizes=(5, 2), R=8001),
    "a path of eight thousand": step(7, V=9000, sizes=(3, 1), R=8001, shared_labels=False),
}


def one_by_one(case: Step, mode: Mode) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Tables, loss and pairs of the reference, which sees one window after the other."""
    exact = case._replace(W_in=case.W_in.astype(np.float64), W_out=case.W_out.astype(np.float64))
    return run_in_parts(reference.sgd_step, exact, 1, LR, mode)


def on_device(cupy: Any, case: Step, mode: Mode) -> list[Any]:
    """Tables, loss and pairs of ``cuda.sgd_step``, still on the device."""
    moved = Step(*map(cupy.asarray, case))
    return [*moved.tables, *cuda.sgd_step(moved.tables, moved.batch, LR, mode)]


def require_equal_steps(found: list[Any], wanted: tuple[Any, ...]) -> None:
    """The tables within float32's rounding, the loss too, the pairs exactly."""
    *tables, loss, pairs = (array.get() for array in found)
    for table, exact in zip(tables, wanted, strict=False):
        largest = max(1, np.abs(exact).max(initial=0))  # of sums over thousands of rows
        np.testing.assert_allclose(table, exact, rtol=0, atol=3e-6 * largest)
    np.testing.assert_allclose(loss, wanted[2], rtol=1e-5)
    assert pairs == wanted[3]


class Text(NamedTuple):
    """The arguments of the integer kernels."""

    ids: np.ndarray
    offsets: np.ndarray
    start: int
    keep: np.ndarray
    window: int
    negative: int


def text(
    lengths: tuple[int, ...], *, V: int = 30, kept: float = 0.6, window: int = 5, start: int = 0
) -> Text:
    """Sentences of these lengths; about this share of the tokens is kept."""
    random = np.random.default_rng(sum(lengths) + V)
    ids = random.integers(0, V, sum(lengths), np.int32)
    ids[-1:] = V - 1
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    keep = (random.random(V) * 2 * kept * (2**32 - 1)).clip(0, 2**32 - 1).astype(np.uint32)
    return Text(ids, offsets, start, keep, window, negative=5)


TEXTS = {
    "no tokens": text(()),
    "an empty sentence": text((0,)),
    "one token": text((1,), kept=9),
    "lone tokens": text((1,) * 50, kept=9),
    "empty among full": text((0, 5, 0, 0, 20, 1, 0), kept=9),
    "nothing kept": text((10, 10), kept=0),
    "everything kept": text((7, 300, 1, 40), kept=9),
    "long": text((1000, 3, 700, 0, 41)),
    "window 1": text((50, 50), window=1),
    "window 20": text((50, 9), window=20),
    "far into a corpus": text((60, 60), start=5_000_000_000),
}


def filled(ids: Any, offsets: Any, positions: Any) -> list[np.ndarray]:
    """What ``subsample`` kept, without the slots beyond it, which must be −1."""
    ids, offsets, positions = (array.get() for array in (ids, offsets, positions))
    size = offsets[-1]
    assert (ids[size:] == -1).all()
    assert (positions[size:] == -1).all()
    return [ids[:size], offsets, positions[:size]]


def filled_windows(contexts: Any, offsets: Any, *of_each: Any) -> list[np.ndarray]:
    """What ``windows`` made, without the empty ones; ``of_each`` holds something per window."""
    contexts, offsets = contexts.get(), offsets.get()
    sizes = np.diff(offsets)
    starts = np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(np.int64)
    return [contexts[: offsets[-1]], starts, *(array.get()[sizes > 0] for array in of_each)]


@contextmanager
def schedule(*, seed: int = 0, resident: int = 1, in_flight: int = 1) -> Iterator[None]:
    """How the emulator orders threads, and how many windows are in flight."""
    RawModule.seed, RawModule.resident = seed, resident
    default, cuda.default_in_flight = cuda.default_in_flight, lambda words: in_flight
    try:
        yield
    finally:
        RawModule.seed, RawModule.resident = 0, 1
        cuda.default_in_flight = default


@contextmanager
def in_scratch() -> Iterator[None]:
    """Every window lies in scratch, as where a device had no shared memory."""
    limits, cuda._limits = cuda._limits, lambda *of: limits(*of)._replace(shared=0)
    try:
        yield
    finally:
        cuda._limits = limits


@contextmanager
def source(path: Path) -> Iterator[None]:
    """Another ``cuda.cu`` in place of the shipped one, not optimized: it has little to do."""
    shipped, launch.SOURCE = launch.SOURCE, path
    level, RawModule.level = RawModule.level, "-O0"
    try:
        with afresh():
            yield
    finally:
        launch.SOURCE, RawModule.level = shipped, level


@contextmanager
def device(capability: int) -> Iterator[None]:
    """The double as a device of another compute capability, named by ten times that."""
    before, RawModule.device = RawModule.device, capability
    try:
        with afresh():
            yield
    finally:
        RawModule.device = before


@contextmanager
def afresh() -> Iterator[None]:
    """What is kept of source, kernels and device is asked for again, here and after."""
    caches = (launch._parameters, launch._kernel, launch._module, cuda._limits)
    for cached in caches:
        cached.cache_clear()
    try:
        yield
    finally:
        for cached in caches:
            cached.cache_clear()
