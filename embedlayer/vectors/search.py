"""Cosine search: unit rows, and the rows nearest to each direction, by one matrix product."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.backend import array_module, to_numpy

CHUNK_SCORES = 2**20  # scores held at once: 4 MiB, and 8 MiB of row numbers, stay near the cache


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
    xp = array_module(unit)
    chunk = max(1, CHUNK_SCORES // len(unit))
    rows, scores = [], []
    for start in range(0, len(directions), chunk):
        score = directions[start : start + chunk] @ unit.T
        places = _places(excluded[start : start + chunk])
        score[xp.asarray(places[0]), xp.asarray(places[1])] = -xp.inf
        best = _best_rows(score, min(k, len(unit)))
        rows.append(best)
        scores.append(xp.take_along_axis(score, best, axis=1))
    if not rows:
        return np.empty((0, 0), np.int64), np.empty((0, 0), np.float32)
    return to_numpy(xp.concatenate(rows)), to_numpy(xp.concatenate(scores))


def _places(excluded: Sequence[Sequence[int]]) -> np.ndarray:
    """int64, (2, n): the direction and the row of each excluded score."""
    pairs = [(direction, row) for direction, rows in enumerate(excluded) for row in rows]
    return np.array(pairs, np.int64).reshape(-1, 2).T


def _best_rows(score: Any, k: int) -> Any:
    """int64, (n, k): the rows of the k highest scores, float32, (n, V); the lower row on a tie."""
    xp = array_module(score)
    if k == 1:
        return score.argmax(axis=1)[:, None]
    edge = score.shape[1] - k
    best = xp.argpartition(score, edge, axis=1)[:, edge:]
    least = xp.take_along_axis(score, best, axis=1).min(axis=1, keepdims=True)
    tied = xp.nonzero((score >= least).sum(axis=1) > k)[0]  # some as good were left out
    best[tied] = xp.argsort(-score[tied], axis=1, kind="stable")[:, :k]
    best = xp.sort(best, axis=1)
    order = xp.argsort(-xp.take_along_axis(score, best, axis=1), axis=1, kind="stable")
    return xp.take_along_axis(best, order, axis=1)
