"""Cosine search: unit rows, and the rows nearest to each direction."""

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.backend import array_module
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

    Equal scores go by row number. The device names the module that searches its arrays.

    Args:
        unit: float32, (V, D): of length 1, or 0.
        directions: float32, (n, D), on the device of ``unit``: of length 1, or 0.
        excluded: for each direction, the rows that it may not return; others do not matter.
        k: how many, at least 1.

    Returns:
        rows (int64) and scores (float64), (n, min(k, V)) each, on the host. Where all other rows
        are excluded scores of −inf follow, whose rows mean nothing.
    """
    if len(directions) == 0:
        return np.empty((0, 0), np.int64), np.empty((0, 0))
    inside = [[row for row in rows if 0 <= row < len(unit)] for rows in excluded]
    offsets = np.zeros(len(directions) + 1, np.int64)
    np.cumsum([len(rows) for rows in inside], out=offsets[1:])
    flat = np.array([row for rows in inside for row in rows], np.int64)
    searches = importlib.import_module(device_of(unit).searches)
    return searches.best_rows(unit, directions, flat, offsets, min(k, len(unit)))
