"""Compiled: CBOW, two windows at a time; the mean of a window's contexts is its hidden vector.

Neither of the two sees what the other learns. Side by side, their twelve scores fill one vector,
and the long way from scores to steps is gone once.
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
    add,
    address,
    lanes,
    prefetch_lines,
    read,
    six_rows,
    write,
)
from embedlayer.kernels.cpu.scores import (
    GROUP,
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
    splat,
    store,
    sum_lanes,
    zeros,
)


@njit(nogil=True, cache=True)
def cbow_step(tables, windows, labels, lr, divide, measured, masked):
    dim, most = tables[0].pitch // FLOAT, most_contexts(windows[1])
    groups = (windows[2].shape[1] + GROUP - 1) // GROUP
    # Scratch rows, each on cache lines of its own: zeros, the hidden vectors of two windows, and
    # their updates.
    # numba frees an array behind its last use, and an address is none: those made here are
    # arguments of a function that works with their addresses.
    pitch = (dim * FLOAT + LINE - 1) // LINE * LINE
    scratch = np.zeros((5 * pitch + LINE) // FLOAT, np.float32)
    scores = np.empty((3, groups, 2 * LANES), np.float32)  # and steps, exponentials
    targets = np.zeros((groups + 1, LANES), np.float32)
    block_rows = np.empty((BLOCK + AHEAD, groups * GROUP), np.int32)
    context_at = np.empty((BLOCK + AHEAD) * most, np.intp)
    widths = np.empty(BLOCK + AHEAD, np.intp)
    row_at = np.empty(block_rows.size, np.intp)
    seen = np.full(SEEN, -1, np.int64)
    work = scratch, scores, targets, block_rows, widths, context_at, row_at, seen
    return _windows(tables, windows, labels, lr, divide, measured, work, dim, masked)


@njit(nogil=True, cache=True)
def _windows(tables, windows, labels, lr, divide, measured, work, dim, masked):
    _, offsets, rows = windows
    scratch, scores, targets, block_rows, widths, context_at, row_at, seen = work
    pitch = (dim * FLOAT + LINE - 1) // LINE * LINE
    zero_row = (address(scratch) + LINE - 1) // LINE * LINE
    h, k = zero_row + pitch, zero_row + 2 * pitch
    h_update, k_update = zero_row + 3 * pitch, zero_row + 4 * pitch
    row_pitch, flat_rows = block_rows.shape[1], block_rows.reshape(-1)
    steps, groups, size = scores[1], scores.shape[1], len(rows)
    group_pitch = scores.shape[2] * FLOAT
    score_at, step_at = address(scores), address(steps)
    row_places, pitch_of_places = address(row_at), row_pitch * ADDRESS
    loss, pairs = 0.0, 0

    for b in range(0, size, 2):
        if b % BLOCK == 0:
            base = offsets[b]
            look_up(
                tables, windows, b, block_rows, widths, context_at, row_at, zero_row, dim, masked
            )
        c = min(b + 1, size - 1)  # the partner; the last of an odd number has none
        first_row = b % BLOCK * row_pitch
        h_count, k_count = offsets[b + 1] - offsets[b], offsets[c + 1] - offsets[b + 1]
        h_places = address(context_at) + (offsets[b] - base) * ADDRESS
        k_places = h_places + h_count * ADDRESS
        for i in range(b + AHEAD, min(b + AHEAD + 2, size)):
            # Windows slide: of their contexts only the last two may be new here.
            last = offsets[i + 1] - base
            for j in range(max(last - 2, offsets[i] - base), last):
                prefetch_lines(context_at[j], tables[0].pitch)

        _mean(h, h_places, h_count, dim, masked)
        _mean(k, k_places, k_count, dim, masked)
        label, other_label = (b, c) if len(labels) > 1 else (0, 0)
        if b == 0 or label > 0:
            set_targets(targets, labels, label, other_label, rows.shape[1], lr)
        for group in range(groups):
            at, places = group * group_pitch, row_places + (first_row + group * GROUP) * ADDRESS
            score = _score(h, k, places, pitch_of_places, dim, masked)
            store(score_at + at, score)
            store_steps(score, step_at + at, targets, group, lr)
            for i in range(b, c + 1):
                if measured[i] and offsets[i] < offsets[i + 1]:
                    own_label = i if len(labels) > 1 else 0
                    at_scores = (i - b) * GROUP
                    more = sum_loss(scores, group, at_scores, 1, rows, i, labels, own_label)
                    loss += more[0]
                    pairs += more[1]

        for half in range(2):
            first = first_row + half * row_pitch
            drop_missing(flat_rows, first, row_pitch, steps, half, half + 1)
            if may_repeat(flat_rows, first, row_pitch, seen, b + half):
                settle_rows(flat_rows, first, row_pitch, row_at, zero_row, steps, half, half + 1)
        h_share = np.float32(1.0) / np.float32(max(1, h_count) if divide else 1)
        k_share = np.float32(1.0) / np.float32(max(1, k_count) if divide else 1)
        if groups > 1:  # a row may be one window's in this group, the other's in the next
            for group in range(groups):
                places = row_places + (first_row + group * GROUP) * ADDRESS
                at, sums = step_at + group * group_pitch, (h_update, k_update)
                _sum_updates(sums, group, places, pitch_of_places, at, dim, masked)
            _spread(h_update, h_share, h_places, h_count, dim, masked)
            _spread(k_update, k_share, k_places, k_count, dim, masked)
            h_count = k_count = 0  # have learnt
        learners = h_places, h_count, h_share, k_places, k_count, k_share
        for group in range(groups):
            places = row_places + (first_row + group * GROUP) * ADDRESS
            at = step_at + group * group_pitch
            _update(h, k, learners, places, pitch_of_places, at, dim, masked)
    return loss, pairs


@njit(nogil=True, cache=True)
def _mean(to, places, size, dim, masked):
    share = splat(np.float32(1.0) / np.float32(max(1, size)))
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        total = zeros()
        for c in range(size):
            total = total + read(load_address(places + c * ADDRESS) + at, count)
        store(to + at, total * share)


@njit(nogil=True, cache=True)
def _spread(row, share, places, size, dim, masked):
    """Add a share of a window's hidden update to each of its contexts."""
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        update = load(row + at) * splat(share)
        for c in range(size):
            add(load_address(places + c * ADDRESS) + at, update, count)


@njit(nogil=True, cache=True)
def _score(h, k, places, pitch, dim, masked):
    """The products of two hidden vectors, h and k, with six output rows each of their own."""
    h0 = h1 = h2 = h3 = h4 = h5 = zeros()
    k0 = k1 = k2 = k3 = k4 = k5 = zeros()
    o0, o1, o2, o3, o4, o5 = six_rows(places)
    p0, p1, p2, p3, p4, p5 = six_rows(places + pitch)
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        x, y = load(h + at), load(k + at)
        h0, k0 = h0 + x * read(o0 + at, count), k0 + y * read(p0 + at, count)
        h1, k1 = h1 + x * read(o1 + at, count), k1 + y * read(p1 + at, count)
        h2, k2 = h2 + x * read(o2 + at, count), k2 + y * read(p2 + at, count)
        h3, k3 = h3 + x * read(o3 + at, count), k3 + y * read(p3 + at, count)
        h4, k4 = h4 + x * read(o4 + at, count), k4 + y * read(p4 + at, count)
        h5, k5 = h5 + x * read(o5 + at, count), k5 + y * read(p5 + at, count)
    return sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)


@njit(nogil=True, cache=True)
def _sum_updates(sums, group, places, pitch, step_at, dim, masked):
    """Add step · output row to the updates of both hidden vectors; the first group sets them."""
    o0, o1, o2, o3, o4, o5 = six_rows(places)
    p0, p1, p2, p3, p4, p5 = six_rows(places + pitch)
    s0, s1, s2 = broadcast(step_at), broadcast(step_at + 4), broadcast(step_at + 8)
    s3, s4, s5 = broadcast(step_at + 12), broadcast(step_at + 16), broadcast(step_at + 20)
    t0, t1, t2 = broadcast(step_at + 24), broadcast(step_at + 28), broadcast(step_at + 32)
    t3, t4, t5 = broadcast(step_at + 36), broadcast(step_at + 40), broadcast(step_at + 44)
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        h, k = s0 * read(o0 + at, count), t0 * read(p0 + at, count)
        h, k = h + s1 * read(o1 + at, count), k + t1 * read(p1 + at, count)
        h, k = h + s2 * read(o2 + at, count), k + t2 * read(p2 + at, count)
        h, k = h + s3 * read(o3 + at, count), k + t3 * read(p3 + at, count)
        h, k = h + s4 * read(o4 + at, count), k + t4 * read(p4 + at, count)
        h, k = h + s5 * read(o5 + at, count), k + t5 * read(p5 + at, count)
        if group > 0:
            h, k = h + load(sums[0] + at), k + load(sums[1] + at)
        store(sums[0] + at, h)
        store(sums[1] + at, k)


@njit(nogil=True, cache=True)
def _update(h, k, learners, places, pitch, step_at, dim, masked):
    """Add step · hidden vector to the rows, and a share of step · row to those who learn it.

    Between the writes it asks for the rows of the two windows after these, so that they come while
    there is nothing to wait for.
    """
    h_places, h_count, h_share, k_places, k_count, k_share = learners
    soon = places + AHEAD * pitch
    o0, o1, o2, o3, o4, o5 = six_rows(places)
    p0, p1, p2, p3, p4, p5 = six_rows(places + pitch)
    s0, s1, s2 = broadcast(step_at), broadcast(step_at + 4), broadcast(step_at + 8)
    s3, s4, s5 = broadcast(step_at + 12), broadcast(step_at + 16), broadcast(step_at + 20)
    t0, t1, t2 = broadcast(step_at + 24), broadcast(step_at + 28), broadcast(step_at + 32)
    t3, t4, t5 = broadcast(step_at + 36), broadcast(step_at + 40), broadcast(step_at + 44)
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, lanes(dim, d, masked)
        for r in range(0, GROUP * ADDRESS, ADDRESS):
            prefetch(load_address(soon + r) + at)
            prefetch(load_address(soon + pitch + r) + at)
        x, y = load(h + at), load(k + at)
        # The two windows may share rows: all are read before any is written, and those of the
        # second are read again, after those of the first are written.
        v = t0 * read(p0 + at, count) + t1 * read(p1 + at, count)
        v = v + t2 * read(p2 + at, count) + t3 * read(p3 + at, count)
        v = v + t4 * read(p4 + at, count) + t5 * read(p5 + at, count)
        a0, a1 = read(o0 + at, count), read(o1 + at, count)
        a2, a3 = read(o2 + at, count), read(o3 + at, count)
        a4, a5 = read(o4 + at, count), read(o5 + at, count)
        w = s0 * a0 + s1 * a1 + s2 * a2 + s3 * a3 + s4 * a4 + s5 * a5
        for c in range(h_count):
            add(load_address(h_places + c * ADDRESS) + at, w * splat(h_share), count)
        for c in range(k_count):
            add(load_address(k_places + c * ADDRESS) + at, v * splat(k_share), count)
        write(o0 + at, a0 + s0 * x, count)
        write(o1 + at, a1 + s1 * x, count)
        write(o2 + at, a2 + s2 * x, count)
        write(o3 + at, a3 + s3 * x, count)
        write(o4 + at, a4 + s4 * x, count)
        write(o5 + at, a5 + s5 * x, count)
        add(p0 + at, t0 * y, count)
        add(p1 + at, t1 * y, count)
        add(p2 + at, t2 * y, count)
        add(p3 + at, t3 * y, count)
        add(p4 + at, t4 * y, count)
        add(p5 + at, t5 * y, count)
