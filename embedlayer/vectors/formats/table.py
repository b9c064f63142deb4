"""A float32 matrix that grows by rows, in place: two of it are never in memory."""

import numpy as np

FIRST_BYTES = 1 << 24
GROWTH = 8  # by an eighth: Linux moves pages and copies nothing


class Table:
    """Rows as they are read, behind one another.

    Args:
        dim: D.
        most: rows that it will hold, as far as is known: it has no room for more until they come.
        begin: rows to have room for at once; what is not filled takes no memory on most systems.
    """

    def __init__(self, dim: int, most: int | None = None, begin: int = 0) -> None:
        self._most = most
        self._matrix = np.empty((begin, dim), np.float32)
        self._rows = 0

    def room(self, rows: int) -> np.ndarray:
        """float32, (rows or more, D): those behind the last, to be filled; until the next call."""
        least = self._rows + rows
        if least > len(self._matrix):
            ahead = max(least * (GROWTH + 1) // GROWTH, FIRST_BYTES // self._row_bytes())
            self._resize(ahead if self._most is None else max(least, min(ahead, self._most)))
        return self._matrix[self._rows :]

    def take(self, rows: int) -> None:
        """The first of the room are filled."""
        self._rows += rows

    def add(self, rows: np.ndarray) -> None:
        """Copies of rows, (n, D)."""
        self.room(len(rows))[: len(rows)] = rows
        self.take(len(rows))

    def filled(self) -> np.ndarray:
        """float32, (rows, D): all that was taken. The table ends with it."""
        self._resize(self._rows)
        return self._matrix

    def _row_bytes(self) -> int:
        return 4 * self._matrix.shape[1]

    def _resize(self, rows: int) -> None:
        # NumPy cannot tell our views, which nobody reads again, from those of others.
        self._matrix.resize((rows, self._matrix.shape[1]), refcheck=False)
