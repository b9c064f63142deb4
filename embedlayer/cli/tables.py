"""Tables as wide as they may be: long cells are wrapped, by what a terminal shows of each letter.

A table that is too wide even so has its columns one below the other.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import click

GAP = "  "
LEAST = 8  # columns that a wrapped cell has at least
MARK = "\u200e"  # between words from right to left: or a terminal would show them as one text
# What would not be shown but obeyed: control characters, and those that turn the direction.
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def table_lines(
    rows: Iterable[Sequence[str]], head: Sequence[str] = (), columns: int | None = None
) -> Iterator[str]:
    """The lines of a table, aligned; Korean and Chinese letters and emoji are two columns wide.

    Args:
        rows: cells, as many in each.
        head: a name for each column, if they have any.
        columns: the most of a line; None: no bound, and a row is a line.
    """
    cells = [[printable(cell) for cell in row] for row in ([head] if head else []) + [*rows]]
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    if columns is not None:
        fitted = fit(widths, columns - len(GAP) * (len(widths) - 1))
        if fitted is None:
            yield from _below_each_other(cells, bool(head), columns)
            return
        widths = fitted
    for number, row in enumerate(cells):
        for line in _lines_of(row, widths, columns is not None):
            yield click.style(line, bold=True) if head and number == 0 else line


def fit(widths: list[int], room: int) -> list[int] | None:
    """The widths, the largest of them reduced until all fit; None where that cannot be."""
    fitted = list(widths)
    while sum(fitted) > room:
        widest = max(range(len(fitted)), key=fitted.__getitem__)
        if fitted[widest] <= LEAST:
            return None
        fitted[widest] -= 1
    return fitted


def wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text, one at least, none wider unless a single letter is."""
    if display_width(text) <= columns:  # with all its spaces
        return [text]
    from wcwidth import wrap

    return wrap(text, columns) or [""]


def display_width(text: str) -> int:
    """The columns of a terminal that a text fills."""
    if text.isascii():
        return len(text)
    from wcwidth import width

    return width(text)


def printable(text: str) -> str:
    """A text of which a terminal obeys nothing: control characters are escaped."""
    return OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _lines_of(row: Sequence[str], widths: Sequence[int], on_terminal: bool) -> Iterator[str]:
    """The lines of one row."""
    parts = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    gap = MARK + GAP if on_terminal and any(map(_from_right, row)) else GAP
    for number in range(max(map(len, parts))):
        line = [part[number] if number < len(part) else "" for part in parts]
        padded = (
            cell + " " * (width - display_width(cell))
            for cell, width in zip(line, widths, strict=True)
        )
        yield gap.join(padded).rstrip()


def _below_each_other(cells: list[list[str]], has_head: bool, columns: int) -> Iterator[str]:
    """Each row by itself: a line for each cell, behind the name of its column."""
    names = cells[0] if has_head else [""] * len(cells[0])
    for number, row in enumerate(cells[has_head:]):
        if number:
            yield ""
        yield from table_lines(
            [(name, cell) for name, cell in zip(names, row, strict=True) if cell], (), columns
        )


def _from_right(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
