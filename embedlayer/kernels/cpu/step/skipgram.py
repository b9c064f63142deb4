"""Compiled: skip-gram, window by window; every context is a hidden vector of its own."""

from typing import NamedTuple

from embedlayer.kernels.cpu.simd.integers import odd_in_sixes
from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    INT,
    LINE,
    address_of,
    load,
    load_address,
    store,
)
from embedlayer.kernels.cpu.simd.rows import copy_rows
from embedlayer.kernels.cpu.step.blocks import AHEAD, BLOCK, fill_block, prefetch_contexts
from embedlayer.kernels.cpu.step.pairs import score_few, score_six, update, update_few
from embedlayer.kernels.cpu.step.repeats import (
    drop_missing,
    may_repeat,
    merge_contexts,
    merge_outputs,
)
from embedlayer.kernels.cpu.step.scores import GROUP, PAIR_BYTES, add_loss, set_targets, store_steps
from embedlayer.kernels.cpu.step.scratch import addresses_in, make_scratch
from embedlayer.storage.compiled import compiled, inlined

FIRST_SIX = (1 << GROUP) - 1  # bits


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
    ids, first, loss, pairs = address_of(contexts), 0, 0.0, 0
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
        if columns > GROUP or odd_in_sixes(memory.rows + row * INT) & FIRST_SIX:
            drop_missing(rows, row, size, steps, 0, hidden)
            if may_repeat(memory.rows, rows, row, width, stamps, 2 * b):
                merge_outputs(scratch, memory.zero_row, row, size, 0, hidden)
        if may_repeat(ids, contexts, offsets[b], hidden, stamps, 2 * b + 1):
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
                score = score_few(h, k, outputs, dim, masked)
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
            update(values, window, outputs, coming, memory.halfway, steps, dim, masked)
        else:
            update_few(values, window, outputs, coming, steps, dim, masked)
