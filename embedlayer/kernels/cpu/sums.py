"""Compiled: sums of values by row, of parts of the ids that threads sum side by side.

``scatter_add`` is one thread's work as long as rows are short. Here the sums are new, and may lie
in any order until they are done: a row belongs to the first part of the ids that has it, and every
later part that has it too sums into a row of its own, behind all others, which is added to the
first at the end. Parts are cut by size alone, so the sums are the same, bit for bit, whatever the
number of threads.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from embedlayer.arrays import SPARSE
from embedlayer.kernels import reference
from embedlayer.kernels.cpu.parts import in_parts
from embedlayer.kernels.cpu.rows import add_rows, scatter_add
from embedlayer.storage.compiled import compiled
from embedlayer.threads import available_cores

PART = 1 << 24  # bytes of values that are worth sums of their own
MOST = 8  # parts


def sum_by_row(rows, values, size):
    if size > SPARSE * len(rows):
        return reference.sum_by_row(rows, values, size, add=scatter_add)
    parts = min(MOST, max(1, values.nbytes // PART))
    for_each = in_parts if parts > 1 and available_cores() > 1 else _in_turn
    ids = _shares(0, len(rows), parts)
    unique, places, firsts, more = _places(rows, np.array([0, *(own.stop for own in ids)]), size)
    # Empty and zeroed: ``np.zeros`` takes memory new from the system, slowly.
    sums = np.empty((len(unique) + len(firsts), values.shape[1]), values.dtype)
    zeroed, others = _shares(0, len(sums), parts), sums[len(unique) :]

    def add(places, values, shares):
        for_each(lambda i: add_rows(sums, places[shares[i]], values[shares[i]]), parts)

    for_each(lambda part: sums[zeroed[part]].fill(0), parts)
    add(places, values, ids)
    for begin, end in pairwise(more):  # of one part, so that no first row is there twice
        add(firsts, others, _shares(begin, end, parts))
    return unique, sums[: len(unique)]


def _shares(begin: int, end: int, parts: int) -> list[slice]:
    """``begin … end − 1``, cut into parts of one size."""
    edges = begin + np.arange(parts + 1) * (end - begin) // parts
    return [slice(*two) for two in pairwise(edges.tolist())]


def _in_turn(work: Callable[[int], object], parts: int) -> None:
    for part in range(parts):
        work(part)


@compiled
def _places(rows, edges, size):
    """Where each of the values is to be added.

    Returns:
        The rows that occur, int64, sorted; the place of each of ``rows``, int32, −1 for none; of
        the places behind the sums of rows, each one's row among those; and where each part's begin.
    """
    parts, places = len(edges) - 1, np.empty(len(rows), np.int32)
    readers = np.zeros(size + 1, np.uint8)  # a bit each part; −1 marks the last, which is no row's
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
            again = until_here > np.uint8(1 << part)  # this part's, and one's before it
            # Write, then advance or not: no branch for the processor to guess wrong.
            firsts[k] = u
            place[row] = n + k if again else place[row]
            k += again
        more[part + 1] = k
        for i in range(edges[part], edges[part + 1]):
            places[i] = place[rows[i]]
    return unique[:n], places, firsts[:k], more
