"""Vectors rounded to float16, half as large, and how far that is from what they were."""

import logging
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.formats.contents import Contents
from embedlayer.vectors.subwords import SubwordRows

LARGEST = float(np.finfo(np.float16).max)
AT_ONCE = 8192  # rows

_log = logging.getLogger("embedlayer")


def halved(contents: Contents) -> Contents:
    """The contents with the matrix and the rows of n-grams in float16; the output table stays.

    The metadata then have ``float16``: the largest error of a number, and the lowest cosine of a
    word's vector with what it was.

    Raises:
        EmbedlayerError: a number beyond ±65504, which float16 does not hold.
    """
    matrix = np.empty(contents.matrix.shape, np.float16)
    errors, cosines = _round(contents.matrix, matrix)
    subwords = contents.subwords
    if subwords is not None:
        rows = np.empty((len(subwords), subwords.dim), np.float16)
        errors = max(errors, _round(subwords.rows, rows)[0])
        subwords = SubwordRows(subwords.subwords, rows, subwords.kept)
    _log.info(
        "float16: no number is off by more than %.3g, no word's cosine with what it was is below "
        "%.9f", errors, cosines,
    )  # fmt: skip
    about = {"largest_error": float(f"{errors:.3g}"), "lowest_cosine": round(cosines, 9)}
    metadata = (contents.metadata or {}) | {"float16": about}
    return contents._replace(matrix=matrix, subwords=subwords, metadata=metadata)


def _round(rows: Any, rounded: np.ndarray) -> tuple[float, float]:
    """Fill ``rounded``; the largest error of a number, and the lowest cosine of a row."""
    largest, lowest = 0.0, 1.0
    for first in range(0, len(rounded), AT_ONCE):
        exact = np.array(rows[first : first + AT_ONCE], np.float64)
        if np.abs(exact).max() > LARGEST:
            raise EmbedlayerError(f"float16 holds numbers up to {LARGEST:.0f}, and one is larger")
        part = rounded[first : first + AT_ONCE]
        part[:] = exact
        again = part.astype(np.float64)
        largest = max(largest, float(np.abs(again - exact).max()))
        lengths = np.sqrt((exact**2).sum(axis=1) * (again**2).sum(axis=1))
        there = lengths > 0
        if there.any():
            products = (exact * again).sum(axis=1)
            lowest = min(lowest, float((products[there] / lengths[there]).min()))
    return largest, lowest
