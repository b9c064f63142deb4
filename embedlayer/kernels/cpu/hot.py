"""Where a thread finds its rows; the rows used most it keeps to itself, if others train beside it.

A row that two threads write in turns travels between the caches of their cores at every turn; where
the cores share no cache, two threads are then slower than one. Most of all uses are of the few
thousand rows at the head of a table, those of the most frequent words (or of the nodes next to the
root). So each thread works on copies of its own. What it has added to a copy goes to the table, and
what others have added comes from there, in one of ``every`` blocks of windows that use the row, and
for all rows at the end. Steps take no locks: of two exchanges of one row at one moment, one is
lost.
"""

import threading
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.lanes import FLOAT, LINE, add, lanes, prefetch_lines, read, write
from embedlayer.kernels.cpu.simd import LANES

BLOCK = 64  # windows whose rows are looked up together
AHEAD = 2  # windows behind them, which are asked for before their turn
HOT_BYTES = 1 << 20  # of one table, at most
TOKENS = 2000  # a row is kept for so many tokens that its thread trains on: it is used often then
UNSEEN = 64  # blocks, of all threads together, whose use of a row others may not have seen

_closing = threading.Lock()


class Table(NamedTuple):
    """Where the rows of a table are.

    The first ``hot`` rows are at ``own``, and behind them is what they were when last compared with
    the table; the others are at ``shared``.
    """

    shared: int  # address
    own: int  # address
    hot: int  # rows
    pitch: int  # bytes from row to row
    every: int  # a power of two
    turn: int  # blocks before this call


def shared_table(W) -> Table:
    """A table none of whose rows is kept."""
    return Table(W.ctypes.data, 0, 0, W.strides[0], 1, 0)


class OwnRows:
    """The copies of a thread, for an epoch or so: within ``with``, it hands them to its steps.

    Args:
        tables: W_in and W_out, float32, C-contiguous.
        tokens: how many all threads together will train on meanwhile.
        threads: that train on these tables, each with rows of its own.
    """

    def __init__(self, tables, tokens: int, threads: int) -> None:
        self.tables, self.turn = tables, 0
        self.every = max(4, UNSEEN >> (threads - 1).bit_length())
        self.hot = [hot_rows(W.shape, tokens, threads) for W in tables]
        self._copies = [
            np.empty(2 * hot * W.shape[1] + LANES, np.float32)
            for hot, W in zip(self.hot, tables, strict=True)
        ]

    def __enter__(self) -> "OwnRows":
        for table in self.look(0):
            open_table(table)
        return self

    def __exit__(self, *error: object) -> None:
        tables = self.look(0)
        with _closing:  # threads end an epoch together
            for table in tables:
                close_table(table)

    def look(self, windows: int) -> tuple[Table, Table]:
        """Where the rows of both tables are; the next step is of so many windows."""
        turn, self.turn = self.turn, self.turn + -(-windows // BLOCK)
        W_in, W_out = (
            Table(W.ctypes.data, _first_line(copies), hot, W.strides[0], self.every, turn)
            for W, copies, hot in zip(self.tables, self._copies, self.hot, strict=True)
        )
        return W_in, W_out


def hot_rows(shape: tuple[int, int], tokens: int, threads: int) -> int:
    """How many rows of a table of this shape a thread keeps."""
    rows, columns = shape
    return min(rows, tokens // threads // TOKENS, HOT_BYTES // (columns * FLOAT))


def own_bytes(shapes: Iterable[tuple[int, int]], tokens: int, threads: int) -> int:
    """What the :class:`OwnRows` of all threads take, for tables of these shapes."""
    kept = sum(hot_rows(shape, tokens, threads) * shape[1] for shape in shapes)
    return 2 * kept * FLOAT * threads


def _first_line(array) -> int:
    """The first address in an array where a cache line begins."""
    return -(-array.ctypes.data // LINE) * LINE


@njit(nogil=True, cache=True)
def open_table(table):
    """Copy the hot rows."""
    size = table.hot * table.pitch // FLOAT
    seen = table.own + table.hot * table.pitch
    for d in range(0, size, LANES):
        at, count = d * FLOAT, lanes(size, d, True)
        values = read(table.shared + at, count)
        write(table.own + at, values, count)
        write(seen + at, values, count)


@njit(nogil=True, cache=True)
def close_table(table):
    """Give the table what was added to the hot rows."""
    for row in range(table.hot):
        _exchange(table, row, table.pitch // FLOAT, True)


@njit(nogil=True, cache=True)
def most_contexts(offsets):
    most = 1
    for b in range(len(offsets) - 1):
        most = max(most, offsets[b + 1] - offsets[b])
    return most


@njit(nogil=True, cache=True)
def look_up(tables, windows, b, block_rows, widths, context_at, row_at, nowhere, dim, masked):
    """Find the rows of the block of windows that begins with b, and of those ahead of it.

    Args:
        block_rows: int32, (BLOCK + AHEAD, at least R): to be filled with the output rows; −1
            where a window has no contexts, and beyond R.
        widths: intp, (BLOCK + AHEAD,): to be filled with the number of output rows up to the last
            that is not −1: paths through the tree are shorter than R.
        context_at, row_at: intp, flat: to be filled with the addresses of the contexts, from the
            first one of window b on, and of ``block_rows``; ``nowhere`` for −1.
    """
    inputs, outputs = tables
    contexts, offsets, rows = windows
    end = min(b + BLOCK + AHEAD, len(rows))
    block_rows[:] = -1
    widths[:] = 0
    for i in range(b, end):
        width = rows.shape[1] if offsets[i] < offsets[i + 1] else 0
        while width > 0 and rows[i, width - 1] < 0:
            width -= 1
        for r in range(width):
            block_rows[i - b, r] = rows[i, r]
        widths[i - b] = width
    block_contexts, flat_rows = contexts[offsets[b] : offsets[end]], block_rows.reshape(-1)
    due = np.empty(len(block_contexts) + len(flat_rows), np.intp)
    due_inputs = _ask_for_due(inputs, block_contexts, b // BLOCK, due)
    due_outputs = _ask_for_due(outputs, flat_rows, b // BLOCK, due[due_inputs:])
    _find(inputs, block_contexts, nowhere, context_at)
    _find(outputs, flat_rows, nowhere, row_at)
    for i in range(due_inputs):
        _exchange(inputs, due[i], dim, masked)
    for i in range(due_inputs, due_inputs + due_outputs):
        _exchange(outputs, due[i], dim, masked)


@njit(nogil=True, cache=True)
def _find(table, rows, nowhere, row_at):
    for i in range(len(rows)):
        row = np.int64(rows[i])
        start = table.own if row < table.hot else table.shared
        row_at[i] = start + row * table.pitch if row >= 0 else nowhere


@njit(nogil=True, cache=True)
def _ask_for_due(table, rows, block, due):
    """Find the hot ones of these rows whose turn it is in this block, each once; how many.

    They are asked for at once, as another core may have them.
    """
    size = 0
    if table.hot:
        turn = table.turn + block
        for i in range(len(rows)):
            row = np.intp(rows[i])
            if (row + turn) & (table.every - 1) == 0 and 0 <= row < table.hot:
                if not _among(row, due, size):
                    prefetch_lines(table.shared + row * table.pitch, table.pitch)
                    due[size] = row
                    size += 1
    return size


@njit(nogil=True, cache=True)
def _among(row, rows, size):
    for i in range(size):
        if rows[i] == row:
            return True
    return False


@njit(nogil=True, cache=True)
def _exchange(table, row, dim, masked):
    shared, own = table.shared + row * table.pitch, table.own + row * table.pitch
    seen = own + table.hot * table.pitch
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        add(shared + at, read(own + at, count) - read(seen + at, count), count)
        values = read(shared + at, count)
        write(own + at, values, count)
        write(seen + at, values, count)
