"""Compiled: skip-gram, window by window; every context is a hidden vector of its own.

The inner loops hold a block in registers: two hidden vectors and six output rows for the scores,
six output rows and their sums for the update.
"""

from typing import NamedTuple

from embedlayer.kernels.cpu.simd.arithmetic import sum_lanes, zeros
from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    LINE,
    broadcast,
    load,
    load_address,
    prefetch,
    store,
)
from embedlayer.kernels.cpu.simd.rows import columns_from, copy_rows, read, six_addresses, write
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.blocks import AHEAD, BLOCK, fill_block, prefetch_contexts
from embedlayer.kernels.cpu.step.repeats import (
    drop_missing,
    may_repeat,
    merge_contexts,
    merge_outputs,
)
from embedlayer.kernels.cpu.step.scores import GROUP, PAIR_BYTES, add_loss, set_targets, store_steps
from embedlayer.kernels.cpu.step.scratch import addresses_in, make_scratch
from embedlayer.storage.compiled import compiled, inlined


class _Window(NamedTuple):
    """A window at work."""

    contexts: int  # where the addresses of its contexts are stored
    hidden: int  # how many contexts it has
    outputs: int  # where the addresses of its output rows are stored
    width: int  # how many output rows it has
    groups: int  # of GROUP output rows


@compiled
def skipgram_step(layouts, batch, lr, masked):
    """Train on all windows of a batch; returns the summed loss and the pairs it is of."""
    dim = layouts[0].pitch // FLOAT
    scratch = make_scratch(dim, batch, False)
    return _train_windows(layouts, batch, lr, scratch, dim, masked)


@compiled
def _train_windows(layouts, batch, lr, scratch, dim, masked):
    # Arrays are taken out of their tuples here: in the loop, numba would count references to them.
    contexts, offsets, _, labels, measured = batch
    scores, targets, stamps, block = scratch.scores, scratch.targets, scratch.stamps, scratch.block
    steps, rows, widths = scores[1], block.rows.reshape(-1), block.widths
    memory, columns = addresses_in(scratch, dim), block.rows.shape[1]
    first, loss, pairs = 0, 0.0, 0
    for b in range(len(batch.rows)):
        index = b % BLOCK
        if index == 0:
            first = b
            fill_block(block, layouts, batch, b, memory.zero_row, dim, masked)
        if b + AHEAD < len(batch.rows):
            prefetch_contexts(memory.contexts, offsets, first, b + AHEAD, layouts[0].pitch)
        begin, hidden = offsets[b] - offsets[first], offsets[b + 1] - offsets[b]
        width, groups = widths[index], (widths[index] + GROUP - 1) // GROUP
        inputs = memory.contexts + begin * ADDRESS
        outputs = memory.outputs + index * memory.window_pitch
        window = _Window(inputs, hidden, outputs, width, groups)
        if len(labels) > 1:
            set_targets(targets, labels, b, b, width, lr)
        elif b == 0:
            set_targets(targets, labels, 0, 0, labels.shape[1], lr)

        _score_window(window, memory, lr, dim, masked)
        if measured[b]:
            for group in range(groups):
                loss, pairs = add_loss(loss, pairs, scores, group, 0, hidden, batch, b)
        row, size = index * columns, groups * GROUP
        drop_missing(rows, row, size, steps, 0, hidden)
        if may_repeat(rows, row, width, stamps, 2 * b):
            merge_outputs(scratch, memory.zero_row, row, size, 0, hidden)
        if may_repeat(contexts, offsets[b], hidden, stamps, 2 * b + 1):
            merge_contexts(scratch, memory.zero_row, contexts, offsets[b], hidden, begin)
        _update_window(window, memory, dim, masked)
    return loss, pairs


@inlined  # a call would pass 18 values: 4 % slower
def _score_window(window, memory, lr, dim, masked):
    """Score all pairs of a context and an output row, and store the steps they ask for.

    All scores of a group come before its first step: σ has a long latency, but a new one can
    start at once if it waits for nothing.
    """
    for group in range(window.groups):
        outputs = window.outputs + group * GROUP * ADDRESS
        scores = memory.scores + group * memory.group_pitch
        for c in range(0, window.hidden, 2):
            h, k = load_address(window.contexts + c * ADDRESS), memory.zero_row
            if c + 1 < window.hidden:
                k = load_address(window.contexts + (c + 1) * ADDRESS)
            if window.width - group * GROUP > GROUP // 2:
                score = score_six(h, k, outputs, dim, masked)
            else:
                score = _score_few(h, k, outputs, dim, masked)
            store(scores + c // 2 * PAIR_BYTES, score)
        for c in range(0, window.hidden, 2):
            at = group * memory.group_pitch + c // 2 * PAIR_BYTES
            score = load(memory.scores + at)
            store_steps(score, memory.steps + at, memory.targets + group * LINE, lr)


@inlined
def _update_window(window, memory, dim, masked):
    """Take all steps of a window; ask for the output rows of the window AHEAD of it."""
    values = window.contexts
    if window.groups > 1:  # the update of a group must not see that of the group before it
        to, pitch = memory.zero_row + memory.row_pitch, memory.row_pitch
        copy_rows(window.contexts, window.hidden, to, pitch, dim, masked)
        values = memory.copies
    for group in range(window.groups):
        outputs = window.outputs + group * GROUP * ADDRESS
        coming = outputs + AHEAD * memory.window_pitch
        steps = memory.steps + group * memory.group_pitch
        if window.width - group * GROUP > GROUP // 2:
            _update(values, window, outputs, coming, steps, dim, masked)
        else:
            _update_few(values, window, outputs, coming, steps, dim, masked)


@compiled
def score_six(h, k, outputs, dim, masked):
    """The twelve products of two hidden vectors, h and k, with six output rows."""
    o0, o1, o2, o3, o4, o5 = six_addresses(outputs)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    h3, h4, h5, k3, k4, k5 = _products(h, k, o3, o4, o5, dim, masked)
    return sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)


@compiled
def _score_few(h, k, outputs, dim, masked):
    """As :func:`score_six`, where no more than three of the six output rows are left."""
    o0, o1, o2, _, _, _ = six_addresses(outputs)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    none = zeros()
    return sum_lanes(h0, h1, h2, none, none, none, k0, k1, k2, none, none, none)


@compiled
def _products(h, k, o0, o1, o2, dim, masked):
    """The products of two hidden vectors with three output rows, not yet summed over the lanes."""
    h0 = h1 = h2 = k0 = k1 = k2 = zeros()
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        x, y = read(h, columns), read(k, columns)
        o = read(o0, columns)
        h0, k0 = h0 + x * o, k0 + y * o
        o = read(o1, columns)
        h1, k1 = h1 + x * o, k1 + y * o
        o = read(o2, columns)
        h2, k2 = h2 + x * o, k2 + y * o
    return h0, h1, h2, k0, k1, k2


@compiled
def _update(values, window, outputs, coming, steps, dim, masked):
    """Add step · output row to every context and step · context to six output rows.

    ``values`` is where the addresses of the contexts' values are stored. Between the writes it asks
    for the six rows whose addresses are stored from ``coming`` on.
    """
    r0, r1, r2, r3, r4, r5 = six_addresses(outputs)
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        for r in range(0, GROUP * ADDRESS, ADDRESS):
            prefetch(load_address(coming + r) + columns.byte)
        o0, o1 = read(r0, columns), read(r1, columns)
        o2, o3 = read(r2, columns), read(r3, columns)
        o4, o5 = read(r4, columns), read(r5, columns)
        n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
        step = steps
        for c in range(window.hidden):
            context = load_address(window.contexts + c * ADDRESS)
            h = read(load_address(values + c * ADDRESS), columns)
            w = read(context, columns)
            g = broadcast(step)  # six broadcasts at once take more registers: 10 % slower
            w, n0 = w + g * o0, n0 + g * h
            g = broadcast(step + FLOAT)
            w, n1 = w + g * o1, n1 + g * h
            g = broadcast(step + 2 * FLOAT)
            w, n2 = w + g * o2, n2 + g * h
            g = broadcast(step + 3 * FLOAT)
            w, n3 = w + g * o3, n3 + g * h
            g = broadcast(step + 4 * FLOAT)
            w, n4 = w + g * o4, n4 + g * h
            g = broadcast(step + 5 * FLOAT)
            w, n5 = w + g * o5, n5 + g * h
            write(context, columns, w)
            step += GROUP * FLOAT
        write(r0, columns, n0)
        write(r1, columns, n1)
        write(r2, columns, n2)
        write(r3, columns, n3)
        write(r4, columns, n4)
        write(r5, columns, n5)


@compiled
def _update_few(values, window, outputs, coming, steps, dim, masked):
    """As :func:`_update`, where no more than three of the six output rows are left."""
    r0, r1, r2, _, _, _ = six_addresses(outputs)
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        for r in range(0, GROUP * ADDRESS, ADDRESS):
            prefetch(load_address(coming + r) + columns.byte)
        o0, o1, o2 = read(r0, columns), read(r1, columns), read(r2, columns)
        n0, n1, n2 = o0, o1, o2
        step = steps
        for c in range(window.hidden):
            context = load_address(window.contexts + c * ADDRESS)
            h = read(load_address(values + c * ADDRESS), columns)
            w = read(context, columns)
            g = broadcast(step)
            w, n0 = w + g * o0, n0 + g * h
            g = broadcast(step + FLOAT)
            w, n1 = w + g * o1, n1 + g * h
            g = broadcast(step + 2 * FLOAT)
            w, n2 = w + g * o2, n2 + g * h
            write(context, columns, w)
            step += GROUP * FLOAT
        write(r0, columns, n0)
        write(r1, columns, n1)
        write(r2, columns, n2)
