"""The addresses of all rows that a block of windows uses, found together: LLVM vectorises that."""

from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array
from embedlayer.kernels.cpu.local import BLOCK, exchange, find_due
from embedlayer.kernels.cpu.simd.memory import ADDRESS, load_address
from embedlayer.kernels.cpu.simd.rows import prefetch_row_at
from embedlayer.storage.compiled import compiled, inlined

AHEAD = 2  # rows are asked for while the window that is so many windows before theirs is trained


class Block(NamedTuple):
    """BLOCK windows, and the AHEAD windows behind them.

    Attributes:
        rows: int32, (BLOCK + AHEAD, at least R): the output rows; −1 where a window has no
            contexts, and beyond R.
        widths: intp, (BLOCK + AHEAD,): how many output rows there are up to the last that is not
            −1: paths through the tree are shorter than R.
        contexts: intp, flat: the address of every context, from the first one of the block on.
        outputs: intp, flat: the address of each of ``rows``; for −1 that of a row of zeros.
        due: intp, flat: room for all of these.
    """

    rows: Array
    widths: Array
    contexts: Array
    outputs: Array
    due: Array


@compiled
def make_block(contexts, columns):
    """Room for windows of at most so many contexts, with so many ``columns`` of output rows."""
    windows = BLOCK + AHEAD
    return Block(
        np.empty((windows, columns), np.int32),
        np.empty(windows, np.intp),
        np.empty(windows * contexts, np.intp),
        np.empty(windows * columns, np.intp),
        np.empty(windows * (contexts + columns), np.intp),
    )


@compiled
def fill_block(block, layouts, batch, first, zero_row, dim, masked):
    """Find the rows of the block that begins with window ``first``; exchange those that are due."""
    inputs, outputs = layouts
    end = min(first + BLOCK + AHEAD, len(batch.rows))
    _copy_rows(block, batch, first, end)
    contexts = batch.contexts[batch.offsets[first] : batch.offsets[end]]
    rows, due = block.rows.reshape(-1), block.due
    due_inputs = find_due(inputs, contexts, first // BLOCK, due)
    due_outputs = find_due(outputs, rows, first // BLOCK, due[due_inputs:])
    _find_addresses(inputs, contexts, zero_row, block.contexts)
    _find_addresses(outputs, rows, zero_row, block.outputs)
    for i in range(due_inputs):
        exchange(inputs, due[i], dim, masked)
    for i in range(due_inputs, due_inputs + due_outputs):
        exchange(outputs, due[i], dim, masked)


@compiled
def _copy_rows(block, batch, first, end):
    """Copy the output rows of the windows ``first`` … ``end`` − 1 that have contexts."""
    block.rows[:] = -1
    block.widths[:] = 0
    rows, offsets = batch.rows, batch.offsets
    for b in range(first, end):
        width = rows.shape[1] if offsets[b] < offsets[b + 1] else 0
        while width > 0 and rows[b, width - 1] < 0:
            width -= 1
        for r in range(width):
            block.rows[b - first, r] = rows[b, r]
        block.widths[b - first] = width


@compiled
def _find_addresses(layout, rows, zero_row, addresses):
    for i in range(len(rows)):
        row = np.int64(rows[i])
        start = layout.local if row < layout.local_rows else layout.table
        addresses[i] = start + row * layout.pitch if row >= 0 else zero_row


@inlined
def prefetch_contexts(contexts, offsets, first, b, pitch):
    """Ask for the last two contexts of window b: windows slide, so that only these may be new.

    ``contexts`` is where the addresses of the contexts are stored, from window ``first`` on.
    """
    begin, end = offsets[b] - offsets[first], offsets[b + 1] - offsets[first]
    for i in range(max(begin, end - 2), end):
        prefetch_row_at(load_address(contexts + i * ADDRESS), pitch)
