"""What makes vectors: checked, and made read-only."""

import json
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.errors import EmbedlayerError

MOST_METADATA = 1 << 21  # bytes as JSON: a quarter of the longest header that is read
MOST_LEVELS = 64
PIECE = 1 << 18  # numbers checked at once, in a core's cache


def holds_several(value: Any) -> bool:
    """Whether a value has items: no text, no mapping and no array without axes."""
    single = isinstance(value, str | bytes | Mapping) or getattr(value, "ndim", 1) == 0
    return isinstance(value, Iterable) and not single


def checked_words(words: Any) -> tuple[str, ...]:
    """The words in their order; EmbedlayerError for what has none, or is one word alone."""
    if isinstance(words, Set) or not holds_several(words):
        raise EmbedlayerError(f"words are of type {type(words).__name__}: give a list of strings")
    return tuple(words)


def words_in(query: Any) -> str | list[str] | None:
    """The word, or the list of words, that a query is: strings, also NumPy's; None for numbers."""
    if isinstance(query, np.ndarray) and query.dtype.kind in "UTO":
        query = query.tolist()
    if isinstance(query, str):
        return str(query)
    if isinstance(query, list | tuple) and all(isinstance(word, str) for word in query):
        return [str(word) for word in query]
    return None


def row_of(words: tuple[str, ...]) -> dict[str, int]:
    """The row of each word; EmbedlayerError unless there are words, different ones."""
    if not words:
        raise EmbedlayerError("no words: vectors need one at least")
    if {*map(type, words)} == {str}:  # as nearly always: in one go
        row_of = dict(zip(words, range(len(words)), strict=True))
        if len(row_of) == len(words):
            return row_of
    row_of = {}
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
    return _checked_rows(values, lambda row: f"the vector of {words[row]!r}")


def checked_output(output: Any, dim: int) -> np.ndarray:
    """A read-only float32 view of an output table, checked against the dimensions."""
    values = to_numpy(output)
    if values.ndim != 2 or values.shape[1] != dim:
        raise EmbedlayerError(f"output is a table (R, {dim}); this is {values.shape}")
    return _checked_rows(values, lambda row: f"row {row} of the output table")


def _checked_rows(values: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise EmbedlayerError(f"a matrix holds real numbers, not {values.dtype}")
    with np.errstate(over="ignore"):  # a float64 too large for float32 is found as an infinity
        rows = np.ascontiguousarray(values, np.float32)
    bad = first_not_finite(rows)
    if bad is not None:
        raise EmbedlayerError(f"{name(bad)} holds a NaN or an infinity")
    return read_only(rows)


def first_not_finite(rows: np.ndarray) -> int | None:
    """The first row that holds a NaN or an infinity, if one does."""
    several = max(PIECE // rows.shape[1], 1)
    for first in range(0, len(rows), several):  # else its answers take a quarter of the matrix
        bad = np.flatnonzero(~np.isfinite(rows[first : first + several]).all(axis=1))
        if len(bad):
            return first + int(bad[0])
    return None


def as_floats(values: Any, kind: Any = np.float32) -> np.ndarray:
    """Real numbers as an array of floats; TypeError or ValueError for anything else."""
    given = np.asarray(values)
    if given.dtype.kind == "c":
        raise TypeError("complex numbers")
    return given.astype(kind, copy=False)


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def checked_metadata(metadata: Any) -> dict[str, Any]:
    """A copy, if a file can hold it: a dict that JSON can hold, of 2 MB and 64 levels at most."""
    if not isinstance(metadata, dict):
        raise EmbedlayerError(f"metadata is a dict, not a {type(metadata).__name__}")
    _check_depth(metadata, MOST_LEVELS)
    try:
        text = json.dumps(metadata, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise EmbedlayerError(f"metadata must be what JSON can hold: {error}") from None
    if size > MOST_METADATA:
        raise EmbedlayerError(f"metadata of {size} bytes: at most {MOST_METADATA} are kept")
    return json.loads(text)


def _check_depth(value: Any, levels: int) -> None:
    if isinstance(value, dict | list | tuple):
        if levels == 0:
            raise EmbedlayerError(f"metadata has more than {MOST_LEVELS} levels, one in the other")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, levels - 1)
