"""Columns of data frames: each cell is a sentence, a text that white space splits or its words.

They are known by what they offer, so that none of pandas, Arrow and Polars is imported here.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.text.readers import BLOCK_BYTES, Block

SLICE = 4096  # cells of an Arrow array that are Python objects at once


def is_column(values: Any) -> bool:
    """Whether it is a column: of pandas, Polars, Arrow, or a NumPy array of one axis.

    Raises:
        EmbedlayerError: a whole table, where a column is meant.
    """
    if hasattr(values, "columns"):
        raise EmbedlayerError(
            f"a {type(values).__name__} is a whole table: give one of its columns, df['text']"
        )
    typed = hasattr(values, "dtype") or hasattr(values, "to_pylist")
    return typed and getattr(values, "ndim", 1) == 1


def cells(values: Iterable[Any]) -> Iterator[Any]:
    """The cells of a column, or the items of anything else, as Python's own objects."""
    if not hasattr(values, "to_pylist"):
        yield from values
        return
    column: Any = values  # Arrow's: its own iterator gives scalars of Arrow
    for start in range(0, len(column), SLICE):
        yield from column.slice(start, SLICE).to_pylist()


def holds_texts(column: Iterable[Any]) -> bool:
    """Whether the cells of a column are texts, and not lists of words, by the first of them."""
    return not _is_list(next(cells(column), []))


def text_blocks(column: Iterable[Any]) -> Iterator[Block]:
    """A column of texts as a file in which each is a line, in blocks as those of a file.

    Raises:
        EmbedlayerError: a cell that is missing, or no text that UTF-8 can hold.
    """
    start = size = 0
    lines: list[bytes] = []
    for place, cell in enumerate(cells(column), 1):
        try:
            lines.append(cell.encode().replace(b"\n", b" "))
        except (AttributeError, UnicodeEncodeError):
            raise _refused(place, cell, "a text") from None
        size += len(lines[-1]) + 1
        if size >= BLOCK_BYTES:
            yield Block("the column", start, b"\n".join([*lines, b""]), start + size)
            start, size, lines = start + size, 0, []
    yield Block("the column", start, b"\n".join([*lines, b""]), start + size)


def word_lists(column: Iterable[Any]) -> Iterator[Iterable[str]]:
    """The lists of words of a column; EmbedlayerError for a cell that is missing or a text."""
    for place, cell in enumerate(cells(column), 1):
        if not _is_list(cell):
            raise _refused(place, cell, "a list of words")
        yield cell


def _is_list(cell: Any) -> bool:
    return isinstance(cell, Iterable) and not isinstance(cell, str)


def _refused(place: int, cell: Any, wanted: str) -> EmbedlayerError:
    return EmbedlayerError(
        f"cell {place} of the column is the {type(cell).__name__} {cell!r:.40}, and not {wanted}: "
        "leave out what is missing (dropna, drop_null, drop_nulls)"
    )
