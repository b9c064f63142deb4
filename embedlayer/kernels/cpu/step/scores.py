"""From the scores of twelve pairs of vectors to their steps and their loss."""

import math

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import clip, floor, magnitude, power_of_two, splat
from embedlayer.kernels.cpu.simd.memory import FLOAT, LINE, address_of, load, load_first, store
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled

GROUP = 6  # output rows held in registers at once: 1 + K for the usual K = 5
PAIR_BYTES = 2 * GROUP * FLOAT  # of the scores of two hidden vectors
ONE, HALF = np.float32(1.0), np.float32(0.5)
MINUS_LOG2_E = np.float32(-1.0 / math.log(2.0))
SERIES = tuple(np.float32(math.log(2.0) ** n / math.factorial(n)) for n in range(7))  # of 2**x


@compiled
def set_targets(targets, labels, first, second, width, lr):
    """Set lr · label of a window's output rows, for both hidden vectors of a pair.

    Args:
        targets: float32, (groups + 1, LANES): the end of each row, and the last row, are room for
            vectors that are written whole.
        first, second: the rows of ``labels`` that belong to the two hidden vectors.
        width: how many output rows have a label.
    """
    for group in range((width + GROUP - 1) // GROUP):
        column, count = group * GROUP, min(GROUP, width - group * GROUP)
        target, label = address_of(targets) + group * LINE, address_of(labels) + column * FLOAT
        pitch = labels.shape[1] * FLOAT
        store(target, load_first(label + first * pitch, count) * splat(lr))
        store(target + GROUP * FLOAT, load_first(label + second * pitch, count) * splat(lr))


@compiled
def store_steps(score, steps, targets, lr):
    """Store the steps that twelve scores ask for: lr · (label − σ(score)); targets: lr · label."""
    store(steps, load(targets) - splat(lr) * _sigmoid(score))


@compiled
def _sigmoid(x):
    """1 / (1 + exp(−x)) to 2e-7."""
    return splat(ONE) / (splat(ONE) + _exp_minus(x))


@compiled
def _exp_minus(x):
    """exp(−x) = 2**(whole + part) with |part| ≤ 1/2.

    The whole goes into the exponent bits of a float; 2**part is a Taylor series of degree 6.
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


@compiled
def add_loss(loss, pairs, scores, group, first, hidden, batch, b):
    """Add the loss of a group of window b's output rows, and its (hidden, output) pairs.

    −log σ(−z) = max(z, 0) + log(1 + exp(−|z|)), with one logarithm for a product of many.

    Args:
        loss, pairs: the sums so far.
        scores: float32, (3, groups, …): GROUP scores per hidden vector, the first of them at
            ``first``; the last of the three is room for their exponentials.
        hidden: how many hidden vectors there are.

    Returns:
        The new sums.
    """
    group_loss, product = np.float64(0.0), np.float64(1.0)  # of float32 in plain Python, too
    label = b if len(batch.labels) > 1 else 0
    exponentials = 2 * scores.shape[1] * scores.shape[2] * FLOAT
    for c in range(first, first + hidden * GROUP, LANES):
        at = address_of(scores) + (group * scores.shape[2] + c) * FLOAT
        store(at + exponentials, _exp_minus(magnitude(load(at))))
    for r in range(min(GROUP, batch.rows.shape[1] - group * GROUP)):
        if batch.rows[b, group * GROUP + r] >= 0:
            sign = -1.0 if batch.labels[label, group * GROUP + r] > 0 else 1.0
            for c in range(first + r, first + r + hidden * GROUP, GROUP):
                group_loss += max(sign * scores[0, group, c], 0.0)
                product *= 1.0 + scores[2, group, c]
                if product > 1e300:
                    group_loss += np.log(product)
                    product = 1.0
            pairs += hidden
    return loss + (group_loss + np.log(product)), pairs
