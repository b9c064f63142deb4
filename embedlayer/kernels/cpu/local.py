"""Local rows: copies of the rows that are used most, on which one thread trains alone.

A row that two threads write travels between the caches of their cores at every change of writer;
where the cores share no cache, two threads are then slower than one. Most uses are of the few
thousand rows at the head of a table: those of the most frequent words, or of the nodes next to the
root. So each thread trains on its own copies of these rows. An exchange of a row adds what this
thread has added to its copy to the table, and reads what others have added. A row is exchanged in
one of every ``period`` blocks of windows that use it, and all rows are exchanged at the end. Steps
take no locks: if two threads exchange one row at the same moment, one of the two changes is lost.
"""

import threading
from typing import NamedTuple

import numpy as np

from embedlayer.kernels.cpu.simd.memory import FLOAT, LINE
from embedlayer.kernels.cpu.simd.rows import add, columns_from, prefetch_row_at, read, write
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled

BLOCK = 64  # windows whose rows are found together
LOCAL_BYTES = 1 << 20  # the most bytes of one table that have local copies
TOKENS_PER_ROW = 2000  # a thread has one local row per so many tokens that it trains on
UNSEEN_BLOCKS = 64  # of all threads together, whose changes to a row others may not have seen

_closing = threading.Lock()


class Layout(NamedTuple):
    """Where the rows of a table are in memory.

    The first ``local_rows`` rows have a local copy. Behind the local rows lie their base values, in
    the same order: the values that they had after their last exchange with the table.
    """

    table: int  # the address of row 0 in the table
    local: int  # the address of the local copy of row 0
    local_rows: int
    pitch: int  # bytes from one row to the next
    period: int  # a row is exchanged in one of so many blocks: a power of two
    block: int  # the number of the first block of this step


def table_layout(W) -> Layout:
    """The layout of a table without local rows."""
    return Layout(W.ctypes.data, 0, 0, W.strides[0], 1, 0)


class LocalRows:
    """The local rows of one thread; used as a context manager, for about an epoch.

    Args:
        tables: W_in and W_out, float32, C-contiguous.
        tokens: how many all threads together will train on meanwhile.
        threads: how many train on these tables, each with local rows.
    """

    def __init__(self, tables, tokens: int, threads: int) -> None:
        self.tables, self.blocks = tables, 0
        self.period = max(4, UNSEEN_BLOCKS >> (threads - 1).bit_length())
        self.counts = [count_local_rows(W.shape, tokens, threads) for W in tables]
        self._copies = [
            np.empty(2 * count * W.shape[1] + LANES, np.float32)
            for count, W in zip(self.counts, tables, strict=True)
        ]

    def __enter__(self) -> "LocalRows":
        for layout in self.layouts(self.tables):
            copy_from_table(layout)
        return self

    def __exit__(self, *error: object) -> None:
        with _closing:  # threads end an epoch at the same time
            for layout in self.layouts(self.tables):
                exchange_all(layout)

    def layouts(self, tables, windows: int = 0) -> tuple[Layout, Layout]:
        """The layouts of these tables, for a step of so many windows.

        A table that is not one of ``self.tables`` has no local rows.
        """
        block, self.blocks = self.blocks, self.blocks + -(-windows // BLOCK)
        W_in, W_out = (self._layout(W, block) for W in tables)
        return W_in, W_out

    def _layout(self, W, block: int) -> Layout:
        for table, copies, count in zip(self.tables, self._copies, self.counts, strict=True):
            if table is W:
                local = -(-copies.ctypes.data // LINE) * LINE  # where a cache line begins
                return Layout(W.ctypes.data, local, count, W.strides[0], self.period, block)
        return table_layout(W)


def count_local_rows(shape: tuple[int, int], tokens: int, threads: int) -> int:
    """How many rows of a table of this shape have a local copy in each thread."""
    rows, columns = shape
    return min(rows, tokens // threads // TOKENS_PER_ROW, LOCAL_BYTES // (columns * FLOAT))


@compiled
def copy_from_table(layout):
    """Set the local rows and their base values to the rows of the table."""
    size = layout.local_rows * layout.pitch // FLOAT
    base = layout.local + layout.local_rows * layout.pitch
    for d in range(0, size, LANES):
        columns = columns_from(d, size, True)
        values = read(layout.table, columns)
        write(layout.local, columns, values)
        write(base, columns, values)


@compiled
def exchange_all(layout):
    for row in range(layout.local_rows):
        exchange(layout, row, layout.pitch // FLOAT, True)


@compiled
def exchange(layout, row, dim, masked):
    """Add what this thread added to a local row to the table, and read what others added."""
    table, local = layout.table + row * layout.pitch, layout.local + row * layout.pitch
    base = local + layout.local_rows * layout.pitch
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        add(table, columns, read(local, columns) - read(base, columns))
        values = read(table, columns)
        write(local, columns, values)
        write(base, columns, values)


@compiled
def find_due(layout, rows, block, due):
    """Find the local rows among these whose exchange is due in a block; ask for them at once.

    Another core may have them.

    Args:
        rows: int32, (N,): row numbers; −1 is "no row".
        block: the number of the block in this step.
        due: intp, (N,): to be filled with the rows that are due, each once.

    Returns:
        How many rows are due.
    """
    size = 0
    if layout.local_rows:
        block += layout.block
        for i in range(len(rows)):
            row = np.intp(rows[i])
            if (row + block) & (layout.period - 1) == 0 and 0 <= row < layout.local_rows:
                if not _contains(due, size, row):
                    prefetch_row_at(layout.table + row * layout.pitch, layout.pitch)
                    due[size] = row
                    size += 1
    return size


@compiled
def _contains(rows, size, row):
    for i in range(size):
        if rows[i] == row:
            return True
    return False
