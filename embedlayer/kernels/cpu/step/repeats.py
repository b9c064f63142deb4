"""Rows that repeat in a window: the first takes the steps of all, so that all rows are different.

Different rows can be written as soon as all are read. The others get the address of a row of zeros
and steps of zero; so does −1, "no row". The scores are those of the rows as they were.
"""

from embedlayer.kernels.cpu.simd.integers import any_equal
from embedlayer.kernels.cpu.simd.memory import INT
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.scores import GROUP
from embedlayer.storage.compiled import compiled, inlined

SLOTS = 1024  # a power of two


@inlined
def may_repeat(address, ids, first, size, stamps, stamp):
    """Whether two of these ids are equal, −1 included; of many, whether their last bits are,
    −1 aside.

    Args:
        address: of ``ids``.
        stamps: int64, (SLOTS,): the stamps of former calls, none of them this ``stamp``.
    """
    if size <= LANES:
        return any_equal(address + first * INT, size)
    repeats = False
    for i in range(first, first + size):
        slot = ids[i] & (SLOTS - 1)
        repeats |= (stamps[slot] == stamp) & (ids[i] >= 0)
        stamps[slot] = stamp
    return repeats


@compiled
def drop_missing(rows, first, size, steps, begin, end):
    """Let "no row" take no step; see ``merge_outputs``."""
    for r in range(size):
        if rows[first + r] < 0:
            for c in range(begin * GROUP, end * GROUP, GROUP):
                steps[r // GROUP, c + r % GROUP] = 0


@compiled
def merge_outputs(scratch, zero_row, first, size, begin, end):
    """Let the first of a window's output rows that repeat take the steps of all.

    The window's rows are the ``size`` ones from ``first`` on, of those of the block; the steps of
    its hidden vectors ``begin`` … ``end`` − 1 are changed.
    """
    rows, steps = scratch.block.rows.reshape(-1), scratch.scores[1]
    for r in range(1, size):
        for earlier in range(r if rows[first + r] >= 0 else 0):
            if rows[first + earlier] == rows[first + r]:
                scratch.block.outputs[first + r] = zero_row
                for c in range(begin * GROUP, end * GROUP, GROUP):
                    step = steps[r // GROUP, c + r % GROUP]
                    steps[earlier // GROUP, c + earlier % GROUP] += step
                    steps[r // GROUP, c + r % GROUP] = 0
                break


@compiled
def merge_contexts(scratch, zero_row, ids, first, size, begin):
    """Let the first of a window's contexts that repeat take the steps of all.

    The window's contexts are the ``size`` ids from ``first`` on; their addresses are those of the
    block from ``begin`` on.
    """
    steps = scratch.scores[1]
    for c in range(1, size):
        for earlier in range(c):
            if ids[first + earlier] == ids[first + c]:
                scratch.block.contexts[begin + c] = zero_row
                for group in range(len(steps)):
                    for r in range(GROUP):
                        steps[group, earlier * GROUP + r] += steps[group, c * GROUP + r]
                        steps[group, c * GROUP + r] = 0
                break
