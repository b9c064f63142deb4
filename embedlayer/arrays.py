"""Helpers on arrays of either library: groups and their offsets, places of rows, pieces, tables."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from embedlayer.backend import array_module, device_of

# Arrays of the backend in force, NumPy's or CuPy's. What each holds, the docstrings say.
Array: TypeAlias = Any  # of any dtype
Ids: TypeAlias = Any  # int32 or int64
Table: TypeAlias = Any  # floats, (V, D)

SPARSE = 256  # table rows for each id, beyond which sorting ids beats marking rows


def offsets_of(sizes: Array) -> Array:
    """int64, (N + 1,): where each of N groups of these sizes begins, then their total."""
    xp = array_module(sizes)
    return xp.concatenate([xp.zeros(1, np.int64), xp.cumsum(sizes, dtype=np.int64)])


def group_of_each(offsets: Array, size: int) -> Array:
    """The number of the group that each of ``size`` flat entries belongs to."""
    xp = array_module(offsets)
    return xp.searchsorted(offsets, xp.arange(size, dtype=np.int64), side="right") - 1


def entries_of(offsets: Array, groups: Ids) -> tuple[Array, Array]:
    """int64: the flat places of the entries of some groups, and the offsets of those groups in it.

    Args:
        offsets: int64: group g is ``offsets[g]`` … ``offsets[g + 1]`` − 1.
        groups: int32 or int64, (N,): the groups, in any order.
    """
    starts = offsets_of(offsets[groups + 1] - offsets[groups])
    size = int(starts[-1])  # on a device, a wait
    group = group_of_each(starts, size)
    places = array_module(offsets).arange(size, dtype=np.int64) - starts[group]
    return places + offsets[groups][group], starts


def places_of(rows: Ids, size: int) -> tuple[Ids, Ids]:
    """The rows that occur, sorted, and the place of each of ``rows`` among them; −1 stays −1.

    Args:
        rows: int32 or int64, (N,), each below ``size``.
        size: V, the rows of the table.
    """
    xp = array_module(rows)
    if size > SPARSE * len(rows):
        unique, places = xp.unique(rows, return_inverse=True)
        skipped = int(len(unique) > 0 and unique[0] < 0)  # −1 sorts first
        return unique[skipped:].astype(np.int64), places - skipped
    read = xp.zeros(size + 1, bool)
    read[rows] = True  # −1 marks the last, which is no row's
    unique = xp.flatnonzero(read[:-1])
    place = xp.empty(size + 1, rows.dtype)
    place[unique] = xp.arange(len(unique), dtype=rows.dtype)
    place[-1] = -1
    return unique, place.take(rows)


def pieces(size: int, like: Array) -> Iterator[slice]:
    """Slices that cover ``size`` rows as long as those of ``like``, a cache's content at a time.

    What is made of each piece then stays in the cache; a GPU takes a single one.
    """
    step, most = size, device_of(like).piece_bytes
    if most is not None:
        row = like.itemsize * int(np.prod(like.shape[1:]))
        step = max(1, most // max(1, row))
    for begin in range(0, size, max(1, step)):
        yield slice(begin, begin + step)
