"""From the scores of twelve pairs of vectors to their steps and their loss."""

import math

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.lanes import FLOAT, LINE, address
from embedlayer.kernels.cpu.simd import (
    LANES,
    clip,
    floor,
    load,
    load_first,
    magnitude,
    power_of_two,
    splat,
    store,
)

GROUP = 6  # output rows held in registers at once: 1 + K for the usual K = 5
PAIR = 2 * GROUP * FLOAT  # bytes of the scores of two hidden vectors
SEEN = 1024  # slots in which repeated ids are noticed
ONE, HALF = np.float32(1.0), np.float32(0.5)
MINUS_LOG2_E = np.float32(-1.0 / math.log(2.0))
SERIES = tuple(np.float32(math.log(2.0) ** n / math.factorial(n)) for n in range(7))  # of 2**x


@njit(nogil=True, cache=True)
def set_targets(targets, labels, first, second, width, lr):
    """lr · label of a window's output rows for both hidden vectors of each pair.

    Args:
        targets: float32, (groups + 1, LANES): each row's end, and the one more, is room to write.
        first, second: the rows of ``labels`` that are the labels of the two.
        width: the output rows that have one.
    """
    for group in range((width + GROUP - 1) // GROUP):
        label, count = group * GROUP, min(GROUP, width - group * GROUP)
        target_at, label_at = address(targets) + group * LINE, address(labels) + label * FLOAT
        pitch = labels.shape[1] * FLOAT
        store(target_at, load_first(label_at + first * pitch, count) * splat(lr))
        target_at += GROUP * FLOAT
        store(target_at, load_first(label_at + second * pitch, count) * splat(lr))


@njit(nogil=True, cache=True)
def store_steps(score, step_at, targets, group, lr):
    """Keep the steps that twelve scores ask for: lr · (label − σ(score))."""
    target = load(address(targets) + group * LINE)
    store(step_at, target - splat(lr) * _sigmoid(score))


@njit(nogil=True, cache=True)
def _sigmoid(x):
    """1 / (1 + exp(−x)) to 2e-7."""
    return splat(ONE) / (splat(ONE) + _exp_minus(x))


@njit(nogil=True, cache=True)
def _exp_minus(x):
    """exp(−x) = 2**(whole + part) with |part| ≤ 1/2.

    The whole goes into the exponent bits of a float, and 2**part is its Taylor series to degree 6.
    """
    power = clip(x * splat(MINUS_LOG2_E), np.float32(126.0))
    whole = floor(power + splat(HALF))
    part = power - whole
    series = splat(SERIES[6])
    series = series * part + splat(SERIES[5])
    series = series * part + splat(SERIES[4])
    series = series * part + splat(SERIES[3])
    series = series * part + splat(SERIES[2])
    series = series * part + splat(SERIES[1])
    series = series * part + splat(SERIES[0])
    return power_of_two(whole) * series


@njit(nogil=True, cache=True)
def may_repeat(ids, first, size, seen, stamp):
    """Whether two of these ids share their last bits, and so may be one; −1 aside.

    Args:
        seen: int64, (SEEN,): the stamps of former calls, none of them this ``stamp``.
    """
    again = False
    for i in range(first, first + size):
        slot = ids[i] & (SEEN - 1)
        again |= (seen[slot] == stamp) & (ids[i] >= 0)
        seen[slot] = stamp
    return again


@njit(nogil=True, cache=True)
def drop_missing(rows, first, size, steps, begin, end):
    """Let "no row" take no step; arguments as ``settle_rows``."""
    for r in range(size):
        if rows[first + r] < 0:
            for c in range(begin * GROUP, end * GROUP, GROUP):
                steps[r // GROUP, c + r % GROUP] = 0


@njit(nogil=True, cache=True)
def settle_rows(rows, first, size, row_at, nowhere, steps, begin, end):
    """Let the first of rows that repeat take the steps of all.

    The others' addresses become ``nowhere``, a row of zeros: what remains are different rows, which
    can be written as soon as all are read. The scores are those of the rows as they were.

    Args:
        rows: int32, flat: ``size`` of them from ``first`` on are a window's, −1 is "no row".
        row_at: where they are.
        steps: float32, (groups, …): of each group, GROUP a hidden vector; those of the hidden
            vectors ``begin`` … ``end`` − 1 are meant.
    """
    for r in range(1, size):
        for earlier in range(r if rows[first + r] >= 0 else 0):
            if rows[first + earlier] == rows[first + r]:
                row_at[first + r] = nowhere
                for c in range(begin * GROUP, end * GROUP, GROUP):
                    step = steps[r // GROUP, c + r % GROUP]
                    steps[earlier // GROUP, c + earlier % GROUP] += step
                    steps[r // GROUP, c + r % GROUP] = 0
                break


@njit(nogil=True, cache=True)
def sum_loss(scores, group, first, hidden, rows, b, labels, label):
    """The summed loss of a group of window b's output rows, and its (hidden, output) pairs.

    −log σ(−z) = max(z, 0) + log(1 + exp(−|z|)), with one logarithm for a product of many.

    Args:
        scores: float32, (3, groups, …): of each hidden vector GROUP, from ``first`` on; the last of
            the three is room for their exponentials.
    """
    loss, pairs, product = 0.0, 0, 1.0
    exp_at = address(scores) + 2 * scores.shape[1] * scores.shape[2] * FLOAT
    for c in range(first, first + hidden * GROUP, LANES):
        at = (group * scores.shape[2] + c) * FLOAT
        store(exp_at + at, _exp_minus(magnitude(load(address(scores) + at))))
    for r in range(min(GROUP, rows.shape[1] - group * GROUP)):
        if rows[b, group * GROUP + r] >= 0:
            sign = -1.0 if labels[label, group * GROUP + r] > 0 else 1.0
            for c in range(first + r, first + r + hidden * GROUP, GROUP):
                loss += max(sign * scores[0, group, c], 0.0)
                product *= 1.0 + scores[2, group, c]
                if product > 1e300:
                    loss += np.log(product)
                    product = 1.0
            pairs += hidden
    return loss + np.log(product), pairs
