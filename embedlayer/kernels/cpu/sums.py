"""Compiled: sums of values by row; threads sum parts of the ids side by side.

``scatter_add`` uses one thread as long as rows are short. Here the sums are new arrays, so that
parts can have separate sums: the sum of a row belongs to the first part of the ids that has the
row. Every later part that has it sums into an extra row behind all sums, and the extra rows are
added to the sums at the end. The parts depend on sizes alone, so the result does not depend on the
number of threads, to the bit.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from embedlayer.arrays import SPARSE
from embedlayer.kernels import reference
from embedlayer.kernels.cpu.rows import HALF, add_rows, scatter_add
from embedlayer.storage.compiled import compiled
from embedlayer.threads import available_cores, in_parts

PART_BYTES = 1 << 24  # of the values in a part
MAX_PARTS = 8


def sum_by_row(rows, values, size):
    if values.dtype.char == HALF:
        rows, sums = sum_by_row(rows, values.astype(np.float32), size)
        return rows, sums.astype(values.dtype)
    if size > SPARSE * len(rows):
        return reference.sum_by_row(rows, values, size, add=scatter_add)
    parts = min(MAX_PARTS, max(1, values.nbytes // PART_BYTES))
    for_each = in_parts if parts > 1 and available_cores() > 1 else _one_by_one
    ids = _slices(0, len(rows), parts)
    unique, places, firsts, more = _places(rows, np.array([0, *(part.stop for part in ids)]), size)
    # Not ``np.zeros``: it takes new memory from the system, which is slow.
    sums = np.empty((len(unique) + len(firsts), values.shape[1]), values.dtype)
    zeroed, others = _slices(0, len(sums), parts), sums[len(unique) :]

    def add(places, values, slices):
        for_each(lambda i: add_rows(sums, places[slices[i]], values[slices[i]]), parts)

    for_each(lambda part: sums[zeroed[part]].fill(0), parts)
    add(places, values, ids)
    for begin, end in pairwise(more):  # of one part, which has each row once
        add(firsts, others, _slices(begin, end, parts))
    return unique, sums[: len(unique)]


def _slices(begin: int, end: int, parts: int) -> list[slice]:
    """``begin … end − 1``, cut into parts of one size."""
    edges = begin + np.arange(parts + 1) * (end - begin) // parts
    return [slice(*two) for two in pairwise(edges.tolist())]


def _one_by_one(work: Callable[[int], object], parts: int) -> None:
    for part in range(parts):
        work(part)


@compiled
def _places(rows, edges, size):
    """Where each of the values is added.

    Returns:
        unique: int64, (U,): the rows that occur, sorted.
        places: int32, as long as ``rows``: which sum or extra row each value is added to; −1: none.
        firsts: int32: for each extra row, the sum that it is added to.
        more: int64, (parts + 1,): the extra rows of part p are ``more[p]`` … ``more[p + 1]`` − 1.
    """
    parts, places = len(edges) - 1, np.empty(len(rows), np.int32)
    readers = np.zeros(
        size + 1, np.uint8
    )  # one bit per part; −1 marks the last entry, which is no row's
    for part in range(parts):
        for i in range(edges[part], edges[part + 1]):
            readers[rows[i]] |= 1 << part
    unique, place, n = np.empty(min(size, len(rows)), np.int64), np.empty(size + 1, np.int32), 0
    place[size] = -1
    for row in range(size):
        if readers[row]:
            unique[n], place[row] = row, n
            n += 1
    firsts, more, k = np.empty(len(rows) + 1, np.int32), np.zeros(parts + 1, np.int64), 0
    for part in range(parts):
        for u in range(n if part > 0 else 0):
            row = unique[u]
            until_here = readers[row] & np.uint8((2 << part) - 1)
            again = until_here > np.uint8(1 << part)  # in this part, and in one before it
            # Write, then advance or not: there is no branch to predict.
            firsts[k] = u
            place[row] = n + k if again else place[row]
            k += again
        more[part + 1] = k
        for i in range(edges[part], edges[part + 1]):
            places[i] = place[rows[i]]
    return unique[:n], places, firsts[:k], more
