"""The scratch memory of a step, which skip-gram and CBOW share, and the addresses in it.

numba frees an array behind its last visible use, and an address does not count as one. So the
arrays live in the caller of the function that works with their addresses.
"""

from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array
from embedlayer.kernels.cpu.simd.memory import ADDRESS, FLOAT, LINE, address_of
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.blocks import Block, make_block
from embedlayer.kernels.cpu.step.repeats import SLOTS
from embedlayer.kernels.cpu.step.scores import GROUP
from embedlayer.storage.compiled import compiled


class Scratch(NamedTuple):
    """The arrays that a step works in.

    Attributes:
        rows: float32, flat: a row of zeros, rows that hold hidden vectors or their updates, and a
            vector of each hidden vector.
        scores: float32, (3, groups, at least hidden vectors × GROUP): the scores of a window's
            hidden vectors, by groups of output rows; their steps; exponentials for the loss.
        targets: float32, (groups + 1, LANES): lr · label of a group's output rows, for two hidden
            vectors; the rest is room for vectors that are written whole.
        copies: intp, (hidden vectors,): the addresses of ``rows`` behind that of zeros.
        stamps: int64, (SLOTS,): see ``may_repeat``.
        block: the rows of the windows at work.
    """

    rows: Array
    scores: Array
    targets: Array
    copies: Array
    stamps: Array
    block: Block


class Addresses(NamedTuple):
    """Where the scratch memory is, and the distances between its parts in bytes."""

    zero_row: int
    row_pitch: int  # from one scratch row to the next; each begins a cache line
    scores: int
    steps: int
    group_pitch: int  # from the scores or steps of one group to those of the next
    targets: int
    copies: int
    halfway: int  # behind the scratch rows: a vector of each
    rows: int  # the block's
    contexts: int  # the block's
    outputs: int  # the block's
    window_pitch: int  # from the addresses of one window's output rows to those of the next


@compiled
def make_scratch(dim, batch, mean):
    """The scratch memory for a batch: for the mean of the contexts of two windows, or for all
    contexts of one."""
    most = most_contexts(batch.offsets)
    hidden, rows = (2, 5) if mean else (most, 1 + most)
    groups = (batch.rows.shape[1] + GROUP - 1) // GROUP
    return Scratch(
        np.zeros((rows * _row_pitch(dim) + (hidden + 1) * LINE) // FLOAT, np.float32),
        np.empty((3, groups, (hidden + 1) * GROUP + LANES), np.float32),
        np.zeros((groups + 1, LANES), np.float32),
        np.empty(hidden, np.intp),
        np.full(SLOTS, -1, np.int64),
        make_block(most, groups * GROUP),
    )


@compiled
def addresses_in(scratch, dim):
    zero_row = (address_of(scratch.rows) + LINE - 1) // LINE * LINE
    row_pitch, scores = _row_pitch(dim), address_of(scratch.scores)
    for c in range(len(scratch.copies)):
        scratch.copies[c] = zero_row + (1 + c) * row_pitch
    _, groups, columns = scratch.scores.shape
    return Addresses(
        zero_row,
        row_pitch,
        scores,
        scores + groups * columns * FLOAT,
        columns * FLOAT,
        address_of(scratch.targets),
        address_of(scratch.copies),
        zero_row + (1 + len(scratch.copies)) * row_pitch,
        address_of(scratch.block.rows),
        address_of(scratch.block.contexts),
        address_of(scratch.block.outputs),
        scratch.block.rows.shape[1] * ADDRESS,
    )


@compiled
def _row_pitch(dim):
    return (dim * FLOAT + LINE - 1) // LINE * LINE


@compiled
def most_contexts(offsets):
    most = 1
    for b in range(len(offsets) - 1):
        most = max(most, offsets[b + 1] - offsets[b])
    return most
