"""Cosine search: unit rows, and the rows nearest to each direction, by one matrix product."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.backend import array_module, to_numpy
from embedlayer.device import device_of


def unit_rows(matrix: Any) -> Any:
    """Each row divided by its length; a row of zeros stays zero.

    Rows are first divided by their largest entry, so that no square overflows or vanishes.
    """
    xp = array_module(matrix)
    largest = xp.abs(matrix).max(axis=1, keepdims=True)
    scaled = matrix / xp.where(largest > 0, largest, largest.dtype.type(1))
    length = xp.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return scaled / xp.maximum(length, length.dtype.type(1))  # 1 at least, but for a row of zeros


def analogy_directions(unit: Any, a: Any, b: Any, c: Any) -> Any:
    """3CosAdd: where "a is to b as c is to ?" points; float32, (n, D), of length 1.

    (Mikolov, Yih and Zweig, "Linguistic regularities in continuous space word representations",
    NAACL 2013.)

    Args:
        unit: float32, (V, D): unit rows.
        a, b, c: integers, (n,), on the device of ``unit``: rows.
    """
    return unit_rows(unit[b] - unit[a] + unit[c])


def cosines(products: Any) -> np.ndarray:
    """The dot products of unit rows as cosines: by rounding some are a little beyond ±1."""
    return np.clip(products, -1, 1)


def nearest_rows(
    unit: Any, directions: Any, excluded: Sequence[Sequence[int]], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of the highest dot product with each direction, the best first.

    Equal scores go by row number. Chunks of directions keep the memory bounded.

    Args:
        unit: float32, (V, D).
        directions: float32, (n, D), on the device of ``unit``.
        excluded: for each direction, the rows that it may not return.
        k: how many, at least 1.

    Returns:
        rows (int64) and scores (float32), (n, min(k, V)) each, on the host. An excluded row comes
        only when nothing else is left, with a score of −inf.
    """
    device = device_of(unit)
    if len(directions) == 0:
        return np.empty((0, 0), np.int64), np.empty((0, 0), np.float32)
    chunk = max(1, device.search_scores // len(unit))
    starts = range(0, len(directions), chunk)
    places = _places(excluded)
    cuts = np.searchsorted(places[0], [*starts, len(directions)]).tolist()
    xp = device.xp
    places = xp.asarray(places)
    answers = []
    for start, first, last in zip(starts, cuts, cuts[1:], strict=False):
        score = directions[start : start + chunk] @ unit.T
        score[places[0, first:last] - start, places[1, first:last]] = -xp.inf
        best = device.top(score, min(k, len(unit)))
        best_score = xp.take_along_axis(score, best, axis=1)
        answers.append(xp.stack([best.astype(np.int32), best_score.view(np.int32)]))
    rows, bits = to_numpy(xp.concatenate(answers, axis=1))  # both at once: one wait for a device
    return rows.astype(np.int64), bits.view(np.float32)


def _places(excluded: Sequence[Sequence[int]]) -> np.ndarray:
    """int64, (2, n): the direction and the row of each excluded score, by direction."""
    pairs = [(direction, row) for direction, rows in enumerate(excluded) for row in rows]
    return np.array(pairs, np.int64).reshape(-1, 2).T
