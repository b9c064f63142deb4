"""Compiled: skip-gram, window by window; every context is a hidden vector of its own.

The inner loops hold a block of registers: two hidden vectors against six output rows for the
scores, six output rows and their sums for the update.
"""

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.hot import (
    AHEAD,
    BLOCK,
    look_up,
    most_contexts,
)
from embedlayer.kernels.cpu.lanes import (
    ADDRESS,
    FLOAT,
    LINE,
    address,
    copy_rows,
    lanes,
    prefetch_lines,
    read,
    six_rows,
    write,
)
from embedlayer.kernels.cpu.scores import (
    GROUP,
    PAIR,
    SEEN,
    drop_missing,
    may_repeat,
    set_targets,
    settle_rows,
    store_steps,
    sum_loss,
)
from embedlayer.kernels.cpu.simd import (
    LANES,
    broadcast,
    load,
    load_address,
    prefetch,
    store,
    sum_lanes,
    zeros,
)


@njit(nogil=True, cache=True)
def skipgram_step(tables, windows, labels, lr, measured, masked):
    dim, most = tables[0].pitch // FLOAT, most_contexts(windows[1])
    groups = (windows[2].shape[1] + GROUP - 1) // GROUP
    # Scratch rows, each on cache lines of its own: zeros, then copies of the hidden vectors.
    # numba frees an array behind its last use, and an address is none: those made here are
    # arguments of a function that works with their addresses.
    pitch = (dim * FLOAT + LINE - 1) // LINE * LINE
    scratch = np.zeros(((1 + most) * pitch + LINE) // FLOAT, np.float32)
    scores = np.empty(
        (3, groups, (most + 1) * GROUP + LANES), np.float32
    )  # and steps, exponentials
    targets = np.zeros((groups + 1, LANES), np.float32)
    block_rows = np.empty((BLOCK + AHEAD, groups * GROUP), np.int32)
    context_at = np.empty((BLOCK + AHEAD) * most, np.intp)
    widths = np.empty(BLOCK + AHEAD, np.intp)
    row_at = np.empty(block_rows.size, np.intp)
    seen = np.full(SEEN, -1, np.int64)
    copy_at = np.empty(most, np.intp)
    work = scratch, scores, targets, block_rows, widths, context_at, row_at, copy_at, seen
    return _windows(tables, windows, labels, lr, measured, work, dim, masked)


@njit(nogil=True, cache=True)
def _windows(tables, windows, labels, lr, measured, work, dim, masked):
    contexts, offsets, rows = windows
    scratch, scores, targets, block_rows, widths, context_at, row_at, copy_at, seen = work
    pitch = (dim * FLOAT + LINE - 1) // LINE * LINE
    zero_row = (address(scratch) + LINE - 1) // LINE * LINE
    row_pitch, flat_rows = block_rows.shape[1], block_rows.reshape(-1)
    steps, group_pitch = scores[1], scores.shape[2] * FLOAT
    score_at, step_at = address(scores), address(steps)
    loss, pairs = 0.0, 0

    for b in range(len(rows)):
        if b % BLOCK == 0:
            base = offsets[b]
            look_up(
                tables, windows, b, block_rows, widths, context_at, row_at, zero_row, dim, masked
            )
        begin, end, first_row = offsets[b] - base, offsets[b + 1] - base, b % BLOCK * row_pitch
        if b + AHEAD < len(rows):
            # Windows slide: of that one's contexts only the last two may be new here.
            last = offsets[b + AHEAD + 1] - base
            for i in range(max(end, last - 2), last):
                prefetch_lines(context_at[i], tables[0].pitch)
        hidden, width = end - begin, widths[b % BLOCK]
        row_places = address(row_at) + first_row * ADDRESS
        groups = (width + GROUP - 1) // GROUP

        label = b if len(labels) > 1 else 0
        if b == 0 or label > 0:
            known = width if len(labels) > 1 else rows.shape[1]
            set_targets(targets, labels, label, label, known, lr)
        for group in range(groups):
            at, places = group * group_pitch, row_places + group * GROUP * ADDRESS
            for c in range(0, hidden, 2):
                h = context_at[begin + c]
                k = context_at[begin + c + 1] if c + 1 < hidden else zero_row
                if width - group * GROUP > GROUP // 2:
                    score = _score(h, k, places, dim, masked)
                else:
                    score = _score_few(h, k, places, dim, masked)
                store(score_at + at, score)
                at += PAIR
            for c in range(0, hidden, 2):
                at = group * group_pitch + c // 2 * PAIR
                store_steps(load(score_at + at), step_at + at, targets, group, lr)
            if measured[b]:
                more = sum_loss(scores, group, 0, hidden, rows, b, labels, label)
                loss += more[0]
                pairs += more[1]

        size = groups * GROUP
        drop_missing(flat_rows, first_row, size, steps, 0, hidden)
        if may_repeat(flat_rows, first_row, width, seen, 2 * b):
            settle_rows(flat_rows, first_row, size, row_at, zero_row, steps, 0, hidden)
        if may_repeat(contexts, offsets[b], hidden, seen, 2 * b + 1):
            _settle_contexts(contexts, offsets[b], hidden, context_at, begin, zero_row, steps)
        read_at = add_at = address(context_at) + begin * ADDRESS
        if groups > 1:  # the update of a group must not see that of the one before it
            copy_rows(zero_row + pitch, pitch, read_at, hidden, copy_at, dim, masked)
            read_at = address(copy_at)
        learners = read_at, add_at, hidden
        for group in range(groups):
            places, at = row_places + group * GROUP * ADDRESS, step_at + group * group_pitch
            soon = places + AHEAD * row_pitch * ADDRESS
            if width - group * GROUP > GROUP // 2:
                _update(learners, places, soon, at, dim, masked)
            else:
                _update_few(learners, places, soon, at, dim, masked)
    return loss, pairs


@njit(nogil=True, cache=True)
def _settle_contexts(contexts, first, hidden, context_at, begin, nowhere, steps):
    """Let contexts that repeat take their steps together; see ``settle_rows``."""
    for c in range(1, hidden):
        for earlier in range(c):
            if contexts[first + earlier] == contexts[first + c]:
                context_at[begin + c] = nowhere
                for group in range(len(steps)):
                    for r in range(GROUP):
                        steps[group, earlier * GROUP + r] += steps[group, c * GROUP + r]
                        steps[group, c * GROUP + r] = 0
                break


@njit(nogil=True, cache=True)
def _score(h, k, places, dim, masked):
    """The twelve products of two hidden vectors, h and k, with six output rows."""
    o0, o1, o2, o3, o4, o5 = six_rows(places)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    h3, h4, h5, k3, k4, k5 = _products(h, k, o3, o4, o5, dim, masked)
    return sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)


@njit(nogil=True, cache=True)
def _score_few(h, k, places, dim, masked):
    """As :func:`_score`, where no more than three of the six output rows are left."""
    o0, o1, o2, _, _, _ = six_rows(places)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    none = zeros()
    return sum_lanes(h0, h1, h2, none, none, none, k0, k1, k2, none, none, none)


@njit(nogil=True, cache=True)
def _products(h, k, o0, o1, o2, dim, masked):
    """Of two hidden vectors with three output rows, still to be summed over the lanes."""
    h0 = h1 = h2 = k0 = k1 = k2 = zeros()
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        x, y = read(h + at, count), read(k + at, count)
        o = read(o0 + at, count)
        h0, k0 = h0 + x * o, k0 + y * o
        o = read(o1 + at, count)
        h1, k1 = h1 + x * o, k1 + y * o
        o = read(o2 + at, count)
        h2, k2 = h2 + x * o, k2 + y * o
    return h0, h1, h2, k0, k1, k2


@njit(nogil=True, cache=True)
def _update(learners, places, soon, step_at, dim, masked):
    """Add step · output row to every hidden vector and step · hidden vector to six output rows.

    On the way it asks for rows of the window to come, from ``soon`` on, while there is much to do.
    """
    read_at, add_at, hidden = learners
    r0, r1, r2, r3, r4, r5 = six_rows(places)
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        for r in range(0, GROUP * ADDRESS, ADDRESS):
            prefetch(load_address(soon + r) + at)
        o0, o1 = read(r0 + at, count), read(r1 + at, count)
        o2, o3 = read(r2 + at, count), read(r3 + at, count)
        o4, o5 = read(r4 + at, count), read(r5 + at, count)
        n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
        step = step_at
        for c in range(hidden):
            learner = load_address(add_at + c * ADDRESS) + at
            h = read(load_address(read_at + c * ADDRESS) + at, count)
            w = read(learner, count)
            g = broadcast(step)
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
            write(learner, w, count)
            step += GROUP * FLOAT
        write(r0 + at, n0, count)
        write(r1 + at, n1, count)
        write(r2 + at, n2, count)
        write(r3 + at, n3, count)
        write(r4 + at, n4, count)
        write(r5 + at, n5, count)


@njit(nogil=True, cache=True)
def _update_few(learners, places, soon, step_at, dim, masked):
    """As :func:`_update`, where no more than three of the six output rows are left."""
    read_at, add_at, hidden = learners
    r0, r1, r2, _, _, _ = six_rows(places)
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        for r in range(0, GROUP * ADDRESS, ADDRESS):
            prefetch(load_address(soon + r) + at)
        o0, o1, o2 = read(r0 + at, count), read(r1 + at, count), read(r2 + at, count)
        n0, n1, n2 = o0, o1, o2
        step = step_at
        for c in range(hidden):
            learner = load_address(add_at + c * ADDRESS) + at
            h = read(load_address(read_at + c * ADDRESS) + at, count)
            w = read(learner, count)
            g = broadcast(step)
            w, n0 = w + g * o0, n0 + g * h
            g = broadcast(step + FLOAT)
            w, n1 = w + g * o1, n1 + g * h
            g = broadcast(step + 2 * FLOAT)
            w, n2 = w + g * o2, n2 + g * h
            write(learner, w, count)
            step += GROUP * FLOAT
        write(r0 + at, n0, count)
        write(r1 + at, n1, count)
        write(r2 + at, n2, count)
