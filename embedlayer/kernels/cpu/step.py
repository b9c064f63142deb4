"""Compiled: one step of gradient descent, window by window.

The inner loops hold a block of registers: two hidden vectors against six output rows for the
scores, six output rows and their sums for the update. Vectors are found by address, in bytes: a
table's row, or a copy of it where the rules ask for the value at the window's start.
"""

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.simd import (
    LANES,
    broadcast,
    clip,
    floor,
    load,
    load_first,
    power_of_two,
    prefetch,
    splat,
    store,
    store_first,
    sum_lanes,
    zeros,
)

GROUP = 6  # output rows held in registers at once: 1 + K for the usual K = 5
LINE = 64  # bytes of a cache line, and of a vector
FLOAT = 4  # bytes
ONE, HALF = np.float32(1.0), np.float32(0.5)
LN_2, MINUS_LOG2_E = np.float32(np.log(2.0)), np.float32(-1.0 / np.log(2.0))


def sgd_step(W_in, W_out, contexts, offsets, rows, labels, lr, mean, divide, measured):
    # numba compiles a function for each set of types: for None, without a trace of masks.
    masked = True if W_in.shape[1] % LANES else None
    return _sgd_step(
        W_in, W_out, contexts, offsets, rows, labels, lr, mean, divide, measured, masked
    )


@njit(nogil=True, cache=True)
def _sgd_step(W_in, W_out, contexts, offsets, rows, labels, lr, mean, divide, measured, masked):
    most = 1
    for b in range(len(rows)):
        most = max(most, offsets[b + 1] - offsets[b])
    groups = (rows.shape[1] + GROUP - 1) // GROUP
    # Scratch rows, each on cache lines of its own: zeros, a bin for the updates of "no row", the
    # sum of a window's hidden updates, then copies of the hidden vectors and the output rows.
    # The callee sees the arrays' addresses alone; they live here until it returns.
    lines = (W_in.shape[1] * FLOAT + LINE - 1) // LINE
    scratch = np.zeros(((3 + most + groups * GROUP) * lines + 1) * LANES, np.float32)
    scores = np.empty((2, (most + 1) * GROUP + LANES), np.float32)
    targets = np.zeros((groups, LANES), np.float32)
    # Where each vector is read and where its update is added: addresses, in bytes.
    places_in = np.empty((2, most + 1), np.intp)
    places_out = np.empty((2, groups * GROUP), np.intp)
    return _step_windows(
        W_in,
        W_out,
        contexts,
        offsets,
        rows,
        labels,
        np.float32(lr),
        mean,
        divide,
        measured,
        scratch,
        scores,
        targets,
        places_in,
        places_out,
        masked,
    )


@njit(nogil=True, cache=True)
def _step_windows(
    W_in,
    W_out,
    contexts,
    offsets,
    rows,
    labels,
    lr,
    mean,
    divide,
    measured,
    scratch,
    scores,
    targets,
    places_in,
    places_out,
    masked,
):
    dim, width = W_in.shape[1], rows.shape[1]
    pitch, scratch_pitch = dim * FLOAT, (dim * FLOAT + LINE - 1) // LINE * LINE
    table_in, table_out = W_in.ctypes.data, W_out.ctypes.data
    zero_row = (scratch.ctypes.data + LINE - 1) // LINE * LINE
    bin_row, sum_row = zero_row + scratch_pitch, zero_row + 2 * scratch_pitch
    copies = zero_row + 3 * scratch_pitch
    read_in, add_in = places_in[0], places_in[1]
    read_out, add_out = places_out[0], places_out[1]
    read_out[:], add_out[:] = zero_row, bin_row
    groups = len(read_out) // GROUP
    score_at, target_at = scores.ctypes.data, targets.ctypes.data
    step_at = score_at + scores.shape[1] * FLOAT
    loss, pairs = 0.0, 0

    for b in range(len(rows)):
        begin, end = offsets[b], offsets[b + 1]
        if b + 1 < len(rows):
            # Windows slide: of the next one's contexts only the last two may be new here.
            _prefetch(table_in, pitch, contexts, max(end, offsets[b + 2] - 2), offsets[b + 2])
            for r in range(width):
                _prefetch_row(table_out + np.intp(max(rows[b + 1, r], 0)) * pitch, pitch)
        if begin == end:
            continue
        hidden = end - begin
        for c in range(hidden):
            read_in[c] = add_in[c] = table_in + np.intp(contexts[begin + c]) * pitch
        for r in range(width):
            real = rows[b, r] >= 0
            row = table_out + np.intp(rows[b, r]) * pitch
            read_out[r] = row if real else zero_row
            add_out[r] = row if real else bin_row

        if mean:
            _mean(copies, read_in, hidden, dim, masked)
            _clear(sum_row, dim)
            read_in[0], add_in[0], hidden = copies, sum_row, 1
        elif groups > 1 or _has_repeat(contexts, begin, end):
            _copy_rows(copies, scratch_pitch, read_in, hidden, dim, masked)
        if groups > 1:
            _copy_rows(copies + hidden * scratch_pitch, scratch_pitch, read_out, width, dim, masked)
        read_in[hidden] = zero_row  # the partner of an odd vector in its pair

        label = b if len(labels) > 1 else 0
        if b == 0 or label > 0:
            _set_targets(targets, labels, label, lr)
        for first in range(0, width, GROUP):
            target = load(target_at + first // GROUP * LINE)
            for c in range(0, hidden, 2):
                at = c * GROUP * FLOAT
                score = _score(read_in[c], read_in[c + 1], read_out, first, dim, masked)
                store(score_at + at, score)
                store(step_at + at, target - splat(lr) * _sigmoid(score))
            if measured[b]:
                more = _loss(scores, hidden, rows, b, labels, label, first)
                loss += more[0]
                pairs += more[1]
            _update(read_in, add_in, hidden, read_out, add_out, first, step_at, dim, masked)
        if mean:
            _spread(sum_row, table_in, pitch, contexts, begin, end, dim, masked, divide)
    return loss, pairs


@njit(nogil=True, cache=True)
def _count(dim, d, masked):
    """The lanes of a row's vector that begins at d; None, of a type of its own, for all."""
    return None if masked is None else min(LANES, dim - d)


@njit(nogil=True, cache=True)
def _read(address, count):
    return load(address) if count is None else load_first(address, count)


@njit(nogil=True, cache=True)
def _write(address, vector, count):
    if count is None:
        store(address, vector)
    else:
        store_first(address, vector, count)


@njit(nogil=True, cache=True)
def _prefetch(table, pitch, ids, begin, end):
    for i in range(begin, end):
        _prefetch_row(table + np.intp(ids[i]) * pitch, pitch)


@njit(nogil=True, cache=True)
def _prefetch_row(row, pitch):
    for line in range(0, pitch, LINE):
        prefetch(row + line)


@njit(nogil=True, cache=True)
def _has_repeat(ids, begin, end):
    seen, again = np.uint64(0), np.uint64(0)
    for i in range(begin, end):
        bit = np.uint64(1) << np.uint64(ids[i] & 63)
        again |= seen & bit
        seen |= bit
    if again:  # rare: two ids share their last six bits, and may be one
        for i in range(begin + 1, end):
            for earlier in range(begin, i):
                if ids[earlier] == ids[i]:
                    return True
    return False


@njit(nogil=True, cache=True)
def _clear(row, dim):
    for d in range(0, dim, LANES):
        store(row + d * FLOAT, zeros())


@njit(nogil=True, cache=True)
def _copy_rows(to, pitch, addresses, count, dim, masked):
    """Copy rows to scratch and let their addresses follow."""
    for i in range(count):
        for d in range(0, dim, LANES):
            store(to + d * FLOAT, _read(addresses[i] + d * FLOAT, _count(dim, d, masked)))
        addresses[i] = to
        to += pitch


@njit(nogil=True, cache=True)
def _mean(to, addresses, size, dim, masked):
    share = splat(np.float32(1.0) / np.float32(size))
    for d in range(0, dim, LANES):
        total = zeros()
        for c in range(size):
            total = total + _read(addresses[c] + d * FLOAT, _count(dim, d, masked))
        store(to + d * FLOAT, total * share)


@njit(nogil=True, cache=True)
def _spread(row, table, pitch, contexts, begin, end, dim, masked, divide):
    """Add a window's hidden update to each of its contexts, whole or divided by their number."""
    share = splat(np.float32(1.0) / np.float32(end - begin if divide else 1))
    for i in range(begin, end):
        address = table + np.intp(contexts[i]) * pitch
        for d in range(0, dim, LANES):
            at, count = d * FLOAT, _count(dim, d, masked)
            _write(address + at, _read(address + at, count) + load(row + at) * share, count)


@njit(nogil=True, cache=True)
def _score(h, k, read_out, first, dim, masked):
    """The twelve products of two hidden vectors, h and k, with six output rows."""
    h0 = h1 = h2 = h3 = h4 = h5 = zeros()
    k0 = k1 = k2 = k3 = k4 = k5 = zeros()
    o0, o1, o2 = read_out[first], read_out[first + 1], read_out[first + 2]
    o3, o4, o5 = read_out[first + 3], read_out[first + 4], read_out[first + 5]
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, _count(dim, d, masked)
        x, y = _read(h + at, count), _read(k + at, count)
        o = _read(o0 + at, count)
        h0, k0 = h0 + x * o, k0 + y * o
        o = _read(o1 + at, count)
        h1, k1 = h1 + x * o, k1 + y * o
        o = _read(o2 + at, count)
        h2, k2 = h2 + x * o, k2 + y * o
        o = _read(o3 + at, count)
        h3, k3 = h3 + x * o, k3 + y * o
        o = _read(o4 + at, count)
        h4, k4 = h4 + x * o, k4 + y * o
        o = _read(o5 + at, count)
        h5, k5 = h5 + x * o, k5 + y * o
    return sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)


@njit(nogil=True, cache=True)
def _set_targets(targets, labels, label, lr):
    """lr · label of each group of six output rows, twice: for the two hidden vectors of a pair."""
    for r in range(labels.shape[1]):
        for half in range(0, 2 * GROUP, GROUP):
            targets[r // GROUP, half + r % GROUP] = lr * labels[label, r]


@njit(nogil=True, cache=True)
def _sigmoid(x):
    """1 / (1 + exp(−x)) to 2e-7.

    exp(−x) = 2**(whole + part) with |part| ≤ 1/2: the whole goes into the exponent bits of a
    float, and 2**part is its Taylor series to degree 6.
    """
    power = clip(x * splat(MINUS_LOG2_E), np.float32(126.0))
    whole = floor(power + splat(HALF))
    part = (power - whole) * splat(LN_2)
    series = splat(np.float32(1.0 / 720.0))
    series = series * part + splat(np.float32(1.0 / 120.0))
    series = series * part + splat(np.float32(1.0 / 24.0))
    series = series * part + splat(np.float32(1.0 / 6.0))
    series = series * part + splat(HALF)
    series = series * part + splat(ONE)
    series = series * part + splat(ONE)
    return splat(ONE) / (splat(ONE) + power_of_two(whole) * series)


@njit(nogil=True, cache=True)
def _loss(scores, hidden, rows, b, labels, label, first):
    """The summed loss of a group of output rows, and its (hidden, output) pairs.

    −log σ(−z) = max(z, 0) + log(1 + exp(−|z|)), with one logarithm for a product of many.
    """
    loss, pairs, product = 0.0, 0, 1.0
    for r in range(first, min(first + GROUP, rows.shape[1])):
        if rows[b, r] >= 0:
            sign = -1.0 if labels[label, r] > 0 else 1.0
            for c in range(hidden):
                z = sign * scores[0, c * GROUP + r - first]
                loss += max(z, 0.0)
                product *= 1.0 + np.exp(-abs(z))
                if product > 1e300:
                    loss += np.log(product)
                    product = 1.0
            pairs += hidden
    return loss + np.log(product), pairs


@njit(nogil=True, cache=True)
def _update(read_in, add_in, hidden, read_out, add_out, first, step_at, dim, masked):
    """Add step · output row to every hidden vector and step · hidden vector to six output rows."""
    r0, r1, r2 = read_out[first], read_out[first + 1], read_out[first + 2]
    r3, r4, r5 = read_out[first + 3], read_out[first + 4], read_out[first + 5]
    a0, a1, a2 = add_out[first], add_out[first + 1], add_out[first + 2]
    a3, a4, a5 = add_out[first + 3], add_out[first + 4], add_out[first + 5]
    for d in range(0, dim, LANES):
        at, count = d * FLOAT, _count(dim, d, masked)
        o0, o1 = _read(r0 + at, count), _read(r1 + at, count)
        o2, o3 = _read(r2 + at, count), _read(r3 + at, count)
        o4, o5 = _read(r4 + at, count), _read(r5 + at, count)
        s0 = s1 = s2 = s3 = s4 = s5 = zeros()
        step = step_at
        for c in range(hidden):
            h = _read(read_in[c] + at, count)
            w = _read(add_in[c] + at, count)
            g = broadcast(step)
            w, s0 = w + g * o0, s0 + g * h
            g = broadcast(step + FLOAT)
            w, s1 = w + g * o1, s1 + g * h
            g = broadcast(step + 2 * FLOAT)
            w, s2 = w + g * o2, s2 + g * h
            g = broadcast(step + 3 * FLOAT)
            w, s3 = w + g * o3, s3 + g * h
            g = broadcast(step + 4 * FLOAT)
            w, s4 = w + g * o4, s4 + g * h
            g = broadcast(step + 5 * FLOAT)
            w, s5 = w + g * o5, s5 + g * h
            _write(add_in[c] + at, w, count)
            step += GROUP * FLOAT
        _add_to(a0 + at, s0, count)
        _add_to(a1 + at, s1, count)
        _add_to(a2 + at, s2, count)
        _add_to(a3 + at, s3, count)
        _add_to(a4 + at, s4, count)
        _add_to(a5 + at, s5, count)


@njit(nogil=True, cache=True)
def _add_to(address, vector, count):
    _write(address, _read(address, count) + vector, count)
