"""What makes vectors: checked, and made read-only."""

import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.errors import EmbedlayerError


def checked_words(words: Any) -> tuple[str, ...]:
    """The words in their order; EmbedlayerError for what has none, or is one word alone."""
    if isinstance(words, str | bytes | Mapping | Set) or not isinstance(words, Iterable):
        raise EmbedlayerError(f"words are of type {type(words).__name__}: give a list of strings")
    return tuple(words)


def row_of(words: tuple[str, ...]) -> dict[str, int]:
    """The row of each word; EmbedlayerError unless there are words, different ones."""
    if not words:
        raise EmbedlayerError("no words: vectors need one at least")
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise EmbedlayerError(f"words are strings; word {row} is {word!r}")
        if row_of.setdefault(word, row) != row:
            raise EmbedlayerError(f"word {word!r} is given twice, as {row_of[word]} and {row}")
    return row_of


def checked_matrix(matrix: Any, words: tuple[str, ...]) -> np.ndarray:
    """A read-only float32 view of the matrix, checked against the words."""
    values = to_numpy(matrix)
    if values.ndim != 2 or values.shape[0] != len(words) or values.shape[1] < 1:
        raise EmbedlayerError(
            f"{len(words)} words need a matrix ({len(words)}, D); this is {values.shape}"
        )
    if values.dtype.kind not in "fiub":
        raise EmbedlayerError(f"a matrix holds real numbers, not {values.dtype}")
    with np.errstate(over="ignore"):  # a float64 too large for float32 is found as an infinity
        view = np.ascontiguousarray(values, np.float32).view()
    bad = np.flatnonzero(~np.isfinite(view).all(axis=1))
    if len(bad):
        raise EmbedlayerError(f"the vector of {words[bad[0]]!r} holds a NaN or an infinity")
    view.flags.writeable = False
    return view


def checked_counts(counts: Any, size: int) -> np.ndarray:
    """A read-only int64 view of the counts."""
    values = to_numpy(counts)
    if values.shape != (size,) or values.dtype.kind not in "iu" or values.min() < 0:
        raise EmbedlayerError(f"counts are {size} integers from 0 up, one for each word")
    view = np.ascontiguousarray(values, np.int64).view()
    view.flags.writeable = False
    return view


def as_json(metadata: dict[str, Any]) -> dict[str, Any]:
    """A deep copy, by way of JSON: what comes back from a file is what went in."""
    if not isinstance(metadata, dict):
        raise EmbedlayerError(f"metadata is {metadata!r:.60}: give a dict")
    try:
        return json.loads(json.dumps(metadata, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise EmbedlayerError(f"metadata must be what JSON can hold: {error}") from None
