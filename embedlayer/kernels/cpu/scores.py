"""From the scores of twelve pairs of vectors to their steps and their loss."""

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.lanes import FLOAT, LINE, address
from embedlayer.kernels.cpu.simd import clip, floor, load, power_of_two, splat, store

GROUP = 6  # output rows held in registers at once: 1 + K for the usual K = 5
PAIR = 2 * GROUP * FLOAT  # bytes of the scores of two hidden vectors
SEEN = 1024  # slots in which repeated ids are noticed
ONE, HALF = np.float32(1.0), np.float32(0.5)
LN_2, MINUS_LOG2_E = np.float32(np.log(2.0)), np.float32(-1.0 / np.log(2.0))


@njit(nogil=True, cache=True)
def set_targets(targets, half, labels, label, width, lr):
    """lr · label of the first ``width`` output rows, for one hidden vector of each pair."""
    for r in range(width):
        targets[r // GROUP, half * GROUP + r % GROUP] = lr * labels[label, r]


@njit(nogil=True, cache=True)
def store_steps(score, score_at, step_at, targets, group, lr):
    """Keep twelve scores, and their steps: lr · (label − σ(score))."""
    target = load(address(targets) + group * LINE)
    store(score_at, score)
    store(step_at, target - splat(lr) * _sigmoid(score))


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
def sum_loss(scores, hidden, rows, labels, first):
    """The summed loss of a group of output rows, and its (hidden, output) pairs.

    −log σ(−z) = max(z, 0) + log(1 + exp(−|z|)), with one logarithm for a product of many.
    """
    loss, pairs, product = 0.0, 0, 1.0
    for r in range(first, min(first + GROUP, len(rows))):
        if rows[r] >= 0:
            sign = -1.0 if labels[r] > 0 else 1.0
            for c in range(hidden):
                z = sign * scores[c * GROUP + r - first]
                loss += max(z, 0.0)
                product *= 1.0 + np.exp(-abs(z))
                if product > 1e300:
                    loss += np.log(product)
                    product = 1.0
            pairs += hidden
    return loss + np.log(product), pairs
