"""Rows of tables: read in bags, added to, summed, merged."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embedlayer.arrays import entries_of, group_of_each, pieces, places_of
from embedlayer.backend import array_module


def bag_sum(W: Any, ids: Any, offsets: Any, mean: bool) -> Any:
    """The sum of each bag's rows, ``W[ids[offsets[b]:offsets[b + 1]]].sum(axis=0)``; (B, D).

    With ``mean`` their mean. An empty bag's is zero. Of float16 rows the sums are float32 inside.
    """
    xp = array_module(W)
    sizes = xp.diff(offsets)
    total = xp.zeros((len(sizes), W.shape[1]), np.promote_types(W.dtype, np.float32))
    xp.add.at(total, group_of_each(offsets, len(ids)), W[ids].astype(total.dtype, copy=False))
    if mean:
        total /= xp.maximum(sizes, 1)[:, None].astype(total.dtype)
    return total.astype(W.dtype, copy=False)


def scatter_add(W: Any, rows: Any, values: Any) -> None:
    """``W[rows[i]] += values[i]``, in place; repeated rows accumulate, rows of −1 are skipped.

    Args:
        W: any numeric dtype, (V, D); to float16, sums of float32 are added.
        rows: int32 or int64, (N,), each below V.
        values: (N, D), of W's dtype.
    """
    xp = array_module(W)
    if W.dtype == np.float16:
        rows, sums = sum_by_row(rows, values.astype(np.float32), len(W))
        W[rows] += sums
        return
    real = rows >= 0
    xp.add.at(W, rows[real], values[real])


def add_products(
    W: Any, rows: Any, factors: Any, values: Any, *, add: Callable[..., None] = scatter_add
) -> None:
    """``W[rows[n, r]] += factors[n, r] · values[n]``, in place, as :func:`scatter_add`.

    Args:
        W: floats, (V, D).
        rows: int32 or int64, (N, R).
        factors, values: of W's dtype, (N, R) and (N, D).
        add: the ``scatter_add`` of the implementation.
    """
    each = array_module(W).arange(rows.size) // rows.shape[1]
    for piece in pieces(rows.size, W):
        products = factors.reshape(-1, 1)[piece] * values[each[piece]]
        add(W, rows.reshape(-1)[piece], products)


def distinct(ids: Any, size: int) -> tuple[Any, Any]:
    """The ids that occur, each once, in any order, and where each of ``ids`` is among them.

    Args:
        ids: int32, (N,), each below ``size``, V; −1 is "no id", and stays it.

    Returns:
        int32, (U,), and int32, (N,).
    """
    found, places = places_of(ids, size)
    return found.astype(np.int32), places.astype(np.int32)


def bag_means(W: Any, ids: Any, offsets: Any, bags: Any) -> Any:
    """The mean of the rows of some bags, each ``W[ids[offsets[b]:offsets[b + 1]]]``; (N, D).

    Args:
        W, ids, offsets: as in :func:`bag_sum`; no bag is empty.
        bags: int32, (N,): the number of each bag that is read.
    """
    entries, starts = entries_of(offsets, bags)
    return bag_sum(W, ids[entries], starts, True)


def add_to_bags(W: Any, ids: Any, offsets: Any, bags: Any, values: Any) -> None:
    """Add ``values[i]`` to every row of bag ``bags[i]``, in place; rows that bags share accumulate.

    Args:
        W, ids, offsets, bags: as in :func:`bag_means`.
        values: (N, D), of W's dtype.
    """
    entries, starts = entries_of(offsets, bags)
    scatter_add(W, ids[entries], values[group_of_each(starts, len(entries))])


def sum_by_row(
    rows: Any, values: Any, size: int, *, add: Callable[..., None] = scatter_add
) -> tuple[Any, Any]:
    """The sum of the values of each row that occurs.

    Args:
        rows, values: as in :func:`scatter_add`.
        size: V, the rows of the table.
        add: the ``scatter_add`` of the implementation.

    Returns:
        The rows, int64, (U,), sorted, each once, and their sums, (U, D), of the values' dtype.
    """
    unique, places = places_of(rows, size)
    sums = array_module(values).zeros((len(unique), values.shape[1]), values.dtype)
    add(sums, places, values)
    return unique, sums


def merge_rows(W: Any, parts: Sequence[Any], share: Any) -> None:
    """Add to rows the changes that N replicas made to them, by Adasum whose correction is damped.

    Two changes a and b give (1 − θ a·b / 2|a|²) a + (1 − θ a·b / 2|b|²) b, more of them a binary
    tree in the order of the replicas; one without a partner stays. θ = 1 is Adasum (Maleki et al.,
    "Scaling distributed training with adaptive summation", MLSys 2021), θ = 0 the sum. The parts
    become what the rows become.

    Args:
        W: float32, (R, D): the rows as they were when all replicas had the same.
        parts: of each replica, float32, (R, D): the rows now.
        share: θ, float32, (R,), 0 to 1.
    """
    changes = [part - W for part in parts]
    while len(changes) > 1:
        pairs = [changes[i : i + 2] for i in range(0, len(changes), 2)]
        changes = [_merged(share, *pair) for pair in pairs]
    W += changes[0]
    for part in parts:
        part[...] = W


def _merged(share: Any, a: Any, b: Any = None) -> Any:
    if b is None:
        return a
    xp = array_module(a)
    shared = share * xp.einsum("rd,rd->r", a, b) / 2
    lengths = (xp.einsum("rd,rd->r", one, one) for one in (a, b))
    less_a, less_b = (shared / xp.where(length > 0, length, 1) for length in lengths)
    return (1 - less_a)[:, None] * a + (1 - less_b)[:, None] * b
