"""Small tables in HTML, for notebooks and pages."""

import html
from collections.abc import Collection, Iterable, Sequence

Cell = str | int | float | None


def html_table(
    rows: Iterable[Sequence[Cell]], head: Sequence[str] = (), right: Collection[int] = ()
) -> str:
    """A table; texts are escaped, numbers have their digits grouped.

    Args:
        rows: None is shown as a dash; the first cell of a row names it.
        head: names of the columns.
        right: columns that stand at the right, beside those that hold a number.
    """
    made = [list(row) for row in rows]
    numbers = {i for row in made for i, cell in enumerate(row) if isinstance(cell, int | float)}
    numbers |= {*right}
    first = "".join(f"<th{_kind(i in numbers)}>{_text(name)}</th>" for i, name in enumerate(head))
    lines = [f"<thead><tr>{first}</tr></thead>"] if head else []
    for row in made:
        cells = [
            f"<td{_kind(i in numbers)}>{_text(cell)}</td>" for i, cell in enumerate(row[1:], 1)
        ]
        lines.append(f'<tr><th scope="row">{_text(row[0])}</th>{"".join(cells)}</tr>')
    return f"<table>{''.join(lines)}</table>"


def titled(title: str, *tables: str) -> str:
    """Tables below a title, as a notebook shows an object."""
    return f"<div><strong>{html.escape(title)}</strong>{''.join(tables)}</div>"


def text_of(cell: Cell) -> str:
    """A cell as people read it."""
    if cell is None:
        return "-"
    if isinstance(cell, bool | str):
        return str(cell)
    if isinstance(cell, float) and not cell.is_integer():
        return f"{cell:,.4g}" if abs(cell) < 1000 else f"{cell:,.0f}"
    return f"{int(cell):,}"


def _text(cell: Cell) -> str:
    return html.escape(text_of(cell))


def _kind(number: bool) -> str:
    return ' class="number"' if number else ""
