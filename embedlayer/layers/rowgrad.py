"""The gradient of a table that was read by rows: an array of its shape, or the read rows alone."""

from typing import Any, NamedTuple

import numpy as np

from embedlayer.backend import array_module
from embedlayer.kernels import kernels_for


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


def add_up(grad: Any, rows: Any, values: Any) -> Any:
    """The gradient with ``values`` (…, D) added up by ``rows`` (…), rows of −1 left out.

    An array is zeroed, filled and returned; a :class:`RowGrad` gives way to a new one.
    """
    xp, scatter_add = array_module(values), kernels_for(values).scatter_add
    rows = xp.ascontiguousarray(rows.reshape(-1))
    values = xp.ascontiguousarray(values.reshape(len(rows), values.shape[-1]))
    if not isinstance(grad, RowGrad):
        grad[...] = 0
        scatter_add(grad, rows, values)
        return grad
    unique, place = xp.unique(rows, return_inverse=True)
    skipped = int(len(unique) > 0 and unique[0] < 0)  # −1 sorts first; its place becomes −1 too
    total = xp.zeros((len(unique) - skipped, values.shape[1]), values.dtype)
    scatter_add(total, place - skipped, values)
    return RowGrad(unique[skipped:], total)
