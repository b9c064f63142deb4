"""Rows that repeat in a window: the first takes the steps of all, so that all rows are different.

Different rows can be written as soon as all are read. The others get the address of a row of zeros
and steps of zero; so does −1, "no row". The scores are those of the rows as they were.
"""

from typing import NamedTuple

from embedlayer.arrays import Array
from embedlayer.kernels.cpu.step.scores import GROUP
from embedlayer.storage.compiled import compiled

SLOTS = 1024  # a power of two


class Rows(NamedTuple):
    """The rows of a block of windows, the contexts or the output rows, and what they are to learn.

    Attributes:
        ids: int32, flat; −1 is "no row".
        addresses: intp, flat.
        steps: float32, (groups, …): of the window at work, GROUP steps per hidden vector in each
            group of output rows.
        zero_row: the address of a row of zeros.
    """

    ids: Array
    addresses: Array
    steps: Array
    zero_row: int


@compiled
def may_repeat(ids, first, size, stamps, stamp):
    """Whether two of these ids have the same last bits, and so may be the same; −1 aside.

    Args:
        stamps: int64, (SLOTS,): the stamps of former calls, none of them this ``stamp``.
    """
    repeats = False
    for i in range(first, first + size):
        slot = ids[i] & (SLOTS - 1)
        repeats |= (stamps[slot] == stamp) & (ids[i] >= 0)
        stamps[slot] = stamp
    return repeats


@compiled
def drop_missing(ids, first, size, steps, begin, end):
    """Let "no row" take no step; the arguments are those of ``merge_outputs``."""
    for r in range(size):
        if ids[first + r] < 0:
            for c in range(begin * GROUP, end * GROUP, GROUP):
                steps[r // GROUP, c + r % GROUP] = 0


@compiled
def merge_outputs(outputs, first, size, begin, end):
    """Let the first of a window's output rows that repeat take the steps of all.

    The window's rows are the ``size`` ones from ``first`` on; the steps of its hidden vectors
    ``begin`` … ``end`` − 1 are changed.
    """
    ids, steps = outputs.ids, outputs.steps
    for r in range(1, size):
        for earlier in range(r if ids[first + r] >= 0 else 0):
            if ids[first + earlier] == ids[first + r]:
                outputs.addresses[first + r] = outputs.zero_row
                for c in range(begin * GROUP, end * GROUP, GROUP):
                    step = steps[r // GROUP, c + r % GROUP]
                    steps[earlier // GROUP, c + earlier % GROUP] += step
                    steps[r // GROUP, c + r % GROUP] = 0
                break


@compiled
def merge_contexts(contexts, first, size, begin):
    """Let the first of a window's contexts that repeat take the steps of all.

    The window's contexts are the ``size`` ids from ``first`` on, and the addresses from ``begin``.
    """
    ids, steps = contexts.ids, contexts.steps
    for c in range(1, size):
        for earlier in range(c):
            if ids[first + earlier] == ids[first + c]:
                contexts.addresses[begin + c] = contexts.zero_row
                for group in range(len(steps)):
                    for r in range(GROUP):
                        steps[group, earlier * GROUP + r] += steps[group, c * GROUP + r]
                        steps[group, c * GROUP + r] = 0
                break
