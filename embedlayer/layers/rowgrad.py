"""The gradient of a table that was read by rows: an array of its shape, or the read rows alone."""

from typing import Any, NamedTuple

import numpy as np

from embedlayer.arrays import places_of
from embedlayer.backend import array_module


class RowGrad(NamedTuple):
    """The gradient of a table as the rows that were read, summed per row; the others have none.

    rows: int32 or int64, (U,), sorted, each once. values: (U, D), of the table's dtype.
    """

    rows: Any
    values: Any


def no_gradient(W: Any, sparse: bool) -> Any:
    """The gradient before any backward: zeros of W's shape, or a :class:`RowGrad` of no rows."""
    xp = array_module(W)
    if sparse:
        return RowGrad(xp.zeros(0, np.int64), xp.zeros((0, W.shape[1]), W.dtype))
    return xp.zeros(W.shape, W.dtype)


def start_gradient(grad: Any, W: Any, rows: Any) -> tuple[Any, Any, Any]:
    """The gradient of W at ``rows`` before anything is added, and how to add to it.

    Args:
        grad: the one before: an array is zeroed, a :class:`RowGrad` gives way to a new one.
        rows: int32 or int64, N of any shape, each a row of W or −1, "no row".

    Returns:
        The gradient; the array of its numbers, all zero; and the place of each of ``rows`` in
        that array, (N,), −1 for no row: ``scatter_add(numbers, places, values)`` adds up.
    """
    rows = array_module(W).ascontiguousarray(rows.reshape(-1))
    if not isinstance(grad, RowGrad):
        grad[...] = 0
        return grad, grad, rows
    unique, places = places_of(rows, len(W))
    values = array_module(W).empty((len(unique), W.shape[1]), W.dtype)
    values[...] = 0  # may be memory in use before; ``zeros`` takes it new from the system, slowly
    return RowGrad(unique, values), values, places
