"""Compiled: CBOW, two windows at a time; the mean of a window's contexts is its hidden vector.

Neither of the two windows, h and k, sees what the other learns. Their twelve scores fill one
vector, so that σ is computed once for both.
"""

from typing import NamedTuple

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import sum_lanes, zeros
from embedlayer.kernels.cpu.simd.integers import any_in_both, odd_in_sixes
from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    INT,
    LINE,
    load,
    store,
)
from embedlayer.kernels.cpu.simd.rows import (
    columns_from,
    prefetch_six,
    read,
    six_addresses,
    six_steps,
    write,
)
from embedlayer.kernels.cpu.simd.several import add_to_each, set_mean
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.blocks import AHEAD, BLOCK, fill_block, prefetch_contexts
from embedlayer.kernels.cpu.step.repeats import drop_missing, may_repeat, merge_outputs
from embedlayer.kernels.cpu.step.scores import GROUP, add_loss, set_targets, store_steps
from embedlayer.kernels.cpu.step.scratch import addresses_in, make_scratch
from embedlayer.storage.compiled import compiled, inlined


class _Window(NamedTuple):
    """One of the two windows at work."""

    contexts: int  # where the addresses of its contexts are stored
    size: int  # how many contexts it has
    share: float  # of its hidden vector's update, that each context receives: float32
    hidden: int  # the address of its hidden vector
    update: int  # the address of that vector's update, where there are several groups


@compiled
def cbow_step(layouts, batch, lr, divide, masked):
    """Train on all windows of a batch; returns the summed loss and the pairs it is of."""
    dim = layouts[0].pitch // FLOAT
    scratch = make_scratch(dim, batch, True)
    return _train_pairs(layouts, batch, lr, divide, scratch, dim, masked)


@compiled
def _train_pairs(layouts, batch, lr, divide, scratch, dim, masked):
    # Arrays are taken out of their tuples here: in the loop, numba would count references to them.
    _, offsets, _, labels, measured = batch
    scores, targets, stamps, block = scratch.scores, scratch.targets, scratch.stamps, scratch.block
    steps, rows, columns = scores[1], block.rows.reshape(-1), block.rows.shape[1]
    memory, size, groups = addresses_in(scratch, dim), len(batch.rows), scores.shape[1]
    first, loss, pairs = 0, 0.0, 0
    for b in range(0, size, 2):
        index = b % BLOCK
        if index == 0:
            first = b
            fill_block(block, layouts, batch, b, memory.zero_row, dim, masked)
        for ahead in range(b + AHEAD, min(b + AHEAD + 2, size)):
            prefetch_contexts(memory.contexts, offsets, first, ahead, layouts[0].pitch)
        c = min(b + 1, size - 1)  # the second window; the last of an odd number has none
        begin, middle, end = offsets[b], offsets[b + 1], offsets[c + 1]
        contexts = memory.contexts - offsets[first] * ADDRESS
        vectors = memory.zero_row + memory.row_pitch
        h = _window(contexts + begin * ADDRESS, middle - begin, divide, vectors, memory.row_pitch)
        vectors += 2 * memory.row_pitch
        k = _window(contexts + middle * ADDRESS, end - middle, divide, vectors, memory.row_pitch)

        set_mean(h.hidden, h.contexts, h.size, dim, masked)
        set_mean(k.hidden, k.contexts, k.size, dim, masked)
        if len(labels) > 1:
            set_targets(targets, labels, b, c, labels.shape[1], lr)
        elif b == 0:
            set_targets(targets, labels, 0, 0, labels.shape[1], lr)
        addresses = memory.outputs + index * memory.window_pitch
        _score_groups(h, k, addresses, groups, memory, lr, dim, masked)
        for group in range(groups):
            for i in range(b, c + 1):
                if measured[i] and offsets[i] < offsets[i + 1]:
                    at = (i - b) * GROUP
                    loss, pairs = add_loss(loss, pairs, scores, group, at, 1, batch, i)
        ids = memory.rows + index * GROUP * INT
        apart = groups == 1 and not any_in_both(ids)
        if groups > 1 or odd_in_sixes(ids):
            for i in range(2):
                row = (index + i) * columns
                drop_missing(rows, row, columns, steps, i, i + 1)
                if may_repeat(memory.rows, rows, row, columns, stamps, b + i):
                    merge_outputs(scratch, memory.zero_row, row, columns, i, i + 1)
        _update_groups(h, k, addresses, groups, memory, apart, dim, masked)
    return loss, pairs


@compiled
def _window(contexts, size, divide, vectors, pitch):
    share = np.float32(1.0) / np.float32(max(1, size) if divide else 1)
    return _Window(contexts, size, share, vectors, vectors + pitch)


@inlined
def _score_groups(h, k, outputs, groups, memory, lr, dim, masked):
    """Score the hidden vectors of two windows with their output rows; store scores and steps."""
    for group in range(groups):
        at = group * memory.group_pitch
        rows = outputs + group * GROUP * ADDRESS
        h0, h1, h2, h3, h4, h5 = _products(h.hidden, rows, dim, masked)
        k0, k1, k2, k3, k4, k5 = _products(k.hidden, rows + memory.window_pitch, dim, masked)
        score = sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)
        store(memory.scores + at, score)
        store_steps(score, memory.steps + at, memory.targets + group * LINE, lr)


@inlined
def _update_groups(h, k, outputs, groups, memory, apart, dim, masked):
    """Take all steps of two windows; ask for the output rows of the two that come next.

    ``apart`` is True only where no output row is of both.
    """
    of_k = GROUP * FLOAT  # behind the steps of h
    coming = AHEAD * memory.window_pitch
    to = k.update
    if not apart:
        for group in range(groups):
            rows = outputs + group * GROUP * ADDRESS + memory.window_pitch
            steps = memory.steps + group * memory.group_pitch + of_k
            _sum_updates(k.update, group, rows, steps, dim, masked)
        to = h.hidden  # what k would learn of rows that h has changed: used by nobody
    for group in range(groups):
        rows = outputs + group * GROUP * ADDRESS
        steps = memory.steps + group * memory.group_pitch
        _update(h.hidden, h.update, group, rows, rows + coming, steps, dim, masked)
    for group in range(groups):
        rows = outputs + group * GROUP * ADDRESS + memory.window_pitch
        steps = memory.steps + group * memory.group_pitch + of_k
        _update(k.hidden, to, group, rows, rows + coming, steps, dim, masked)
    add_to_each(h.contexts, h.size, h.update, h.share, dim, masked)
    add_to_each(k.contexts, k.size, k.update, k.share, dim, masked)


@compiled
def _products(hidden, rows, dim, masked):
    """The products of a hidden vector with six output rows, not yet summed over the lanes."""
    s0 = s1 = s2 = s3 = s4 = s5 = zeros()
    o0, o1, o2, o3, o4, o5 = six_addresses(rows)
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        x = load(hidden + columns.byte)
        s0, s1 = s0 + x * read(o0, columns), s1 + x * read(o1, columns)
        s2, s3 = s2 + x * read(o2, columns), s3 + x * read(o3, columns)
        s4, s5 = s4 + x * read(o4, columns), s5 + x * read(o5, columns)
    return s0, s1, s2, s3, s4, s5


@compiled
def _sum_updates(update, group, rows, steps, dim, masked):
    """Add step · output row to the update of a hidden vector; the first group sets it."""
    o0, o1, o2, o3, o4, o5 = six_addresses(rows)
    s0, s1, s2, s3, s4, s5 = six_steps(steps)
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        total = s0 * read(o0, columns)
        total = total + s1 * read(o1, columns)
        total = total + s2 * read(o2, columns)
        total = total + s3 * read(o3, columns)
        total = total + s4 * read(o4, columns)
        total = total + s5 * read(o5, columns)
        if group > 0:
            total = total + load(update + columns.byte)
        store(update + columns.byte, total)


@compiled
def _update(hidden, update, group, rows, coming, steps, dim, masked):
    """As :func:`_sum_updates`, and add step · hidden vector to the six output rows.

    Between the writes it asks for the six rows whose addresses are stored from ``coming`` on.
    """
    o0, o1, o2, o3, o4, o5 = six_addresses(rows)
    s0, s1, s2, s3, s4, s5 = six_steps(steps)
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        prefetch_six(coming, columns.byte)
        x, total = load(hidden + columns.byte), zeros()
        total = _learn(o0, columns, s0, x, total)
        total = _learn(o1, columns, s1, x, total)
        total = _learn(o2, columns, s2, x, total)
        total = _learn(o3, columns, s3, x, total)
        total = _learn(o4, columns, s4, x, total)
        total = _learn(o5, columns, s5, x, total)
        if group > 0:
            total = total + load(update + columns.byte)
        store(update + columns.byte, total)


@compiled
def _learn(row, columns, step, hidden, total):
    """Add step · hidden vector to a row; returns the total with step · what the row was."""
    was = read(row, columns)
    write(row, columns, was + step * hidden)
    return total + step * was
