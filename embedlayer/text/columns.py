"""Columns of data frames: each cell is a sentence, a text that white space splits or its words.

They are known by what they offer, so that none of pandas, Arrow and Polars is imported here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from embedlayer.errors import EmbedlayerError

SLICE = 4096  # cells of an Arrow array that are Python objects at once
words_of = re.compile(r"[^ \t\n\r\v\f]+").findall  # as in files; str.split() knows more white space


def is_column(values: Any) -> bool:
    """Whether it is a column: of pandas, Polars, Arrow, or a NumPy array of one axis."""
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


def sentences_of(values: Any) -> Any:
    """The sentences of a column; anything else as it is.

    Raises:
        EmbedlayerError: a whole table, where a column is meant; later, what
            :func:`column_sentences` refuses.
    """
    if hasattr(values, "columns"):
        raise EmbedlayerError(
            f"a {type(values).__name__} is a whole table: give one of its columns, df['text']"
        )
    return column_sentences(values) if is_column(values) else values


def column_sentences(column: Iterable[Any]) -> Iterator[Iterable[str]]:
    """The sentences of a column: a text's words, or the list of words in a cell.

    Raises:
        EmbedlayerError: a cell that is missing or neither.
    """
    for place, cell in enumerate(cells(column), 1):
        if isinstance(cell, str):
            yield words_of(cell)
        elif isinstance(cell, Iterable):
            yield cell
        else:
            raise EmbedlayerError(
                f"cell {place} of the column is the {type(cell).__name__} {cell!r}, neither a text "
                "nor a list of words: leave out what is missing (dropna, drop_null, drop_nulls)"
            )
