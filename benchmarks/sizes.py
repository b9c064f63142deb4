"""How large the arrays of the kernel benchmark are."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """ids read or added at once, rows of the table, numbers in a row, tokens and windows a call."""

    ids: int = 100_000
    rows: int = 70_000
    dim: int = 100
    tokens: int = 50_000
    windows: int = 8_000


QUICK = Sizes(ids=3_000, rows=500, dim=20, tokens=2_000, windows=200)
