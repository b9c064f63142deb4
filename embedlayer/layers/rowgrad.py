"""The gradient of a table that was read by rows: an array of its shape, or the read rows alone."""

from copy import copy
from typing import Any

import numpy as np

from embedlayer.arrays import places_of
from embedlayer.backend import array_module
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import check_ids, check_values


class RowGrad:
    """The gradient of a table as the rows that were read, summed per row; the others have none.

    It stands where an array of the table's shape could: ``grad + other`` and ``grad += other``,
    where the other is a RowGrad or an array, ``array += grad``, ``array −= grad``; ``*`` and ``/``
    by a number, ``** 2``, ``np.sum(grad)``. What would fill the other rows raises TypeError. A
    layer has one, and its backward fills it anew: ``copy.deepcopy`` keeps one.

    Args:
        rows: integers, (N,), each a row of the table; values of rows that repeat are summed.
        values: (N, D).
        shape: (V, D), of the table.

    Attributes:
        rows: int64, (U,), sorted, each once. values: (U, D).

    Raises:
        IndexError, TypeError, EmbedlayerError: rows outside the table, values that do not fit.
    """

    def __init__(self, rows: Any, values: Any, shape: tuple[int, ...]) -> None:
        values = array_module(rows, values).asarray(values)
        self.shape = tuple(shape)
        rows = check_ids(rows, self.shape[0], values).reshape(-1)
        self.fill(rows, check_values("values", values, values, (len(rows), self.shape[1])))

    def fill(self, rows: Any, values: Any) -> None:
        """Hold the sums of ``values``, (N, D), by row, from ``rows``: int32 or int64, (N,).

        Rows are trusted; −1 is "no row".
        """
        xp, kernels = array_module(values), kernels_for(values)
        # Without the old gradient its memory, still in the cache, is free for the new one.
        self.rows, self.values = rows[:0], values[:0]
        self.rows, self.values = kernels.sum_by_row(
            rows, xp.ascontiguousarray(values), self.shape[0]
        )

    def check(self) -> None:
        """Check rows and values, which others may have assigned, before kernels get them.

        Raises:
            IndexError, TypeError, EmbedlayerError: rows outside the table, values that do not fit.
        """
        self.rows = check_ids(self.rows, self.shape[0], self.values, dtype=np.int64).reshape(-1)
        shape = len(self.rows), self.shape[1]
        self.values = check_values("values", self.values, self.values, shape)

    @property
    def dtype(self) -> Any:
        return self.values.dtype

    def plus(self, *others: Any) -> Any:
        """The sum with gradients of the same table: a RowGrad, or an array if one of them is."""
        self._check_shapes(*others)
        xp, by_rows = array_module(self.values), [self]
        by_rows += [other for other in others if isinstance(other, RowGrad)]
        arrays = [other for other in others if not isinstance(other, RowGrad)]
        if arrays:
            total = sum(arrays[1:], arrays[0] + xp.zeros((), self.dtype))
            for one in by_rows:
                total[one.rows] += one.values
            return total
        dtype = np.result_type(*(one.dtype for one in by_rows))
        total = RowGrad([], xp.zeros((0, self.shape[1]), dtype), self.shape)
        rows = check_ids(xp.concatenate([one.rows for one in by_rows]), self.shape[0], total.values)
        sums, places = start_gradient(total, rows)
        for one in by_rows:
            here, places = places[: len(one.rows)], places[len(one.rows) :]
            values = check_values("values", one.values, sums, (len(here), self.shape[1]))
            kernels_for(sums).scatter_add(sums, here, xp.ascontiguousarray(values))
        return total

    def __add__(self, other: Any) -> Any:
        return self.plus(other)

    __radd__ = __add__

    def __iadd__(self, other: Any) -> "RowGrad":
        total = self.plus(other)
        if not isinstance(total, RowGrad):
            total = RowGrad(array_module(total).arange(self.shape[0]), total, self.shape)
        self.rows, self.values = total.rows, total.values
        return self

    def __sub__(self, other: Any) -> Any:
        return self.plus(other * -1)

    def __mul__(self, number: Any) -> "RowGrad":
        return self._with(self.values * _number(number))

    __rmul__ = __mul__

    def __imul__(self, number: Any) -> "RowGrad":
        self.values *= _number(number)
        return self

    def __truediv__(self, number: Any) -> "RowGrad":
        return self._with(self.values / _number(number))

    def __itruediv__(self, number: Any) -> "RowGrad":
        self.values /= _number(number)
        return self

    def __pow__(self, power: Any) -> "RowGrad":
        if not _number(power) > 0:
            raise TypeError(f"RowGrad ** {power} would fill all rows: take grad.to_dense()")
        return self._with(self.values**power)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = (None,), **options: Any
    ) -> Any:
        """NumPy's side of ``array + grad``, ``array −= grad`` and ``number * grad``."""
        other, target = inputs[0], out[0]
        if method == "__call__" and inputs[-1] is self is not other:
            if ufunc is np.multiply and target is None:
                return self * other
            in_place = target is other
            if ufunc in (np.add, np.subtract) and (in_place or target is None):
                self._check_shapes(other)
                total = other if in_place else other + np.zeros((), self.dtype)
                part = total[self.rows]
                total[self.rows] = ufunc(part, self.values, out=part)
                return total
        raise TypeError(f"a RowGrad has no np.{ufunc.__name__} here: take grad.to_dense()")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a RowGrad is no array: take grad.to_dense(), grad.values or grad.norm()")

    def sum(self, axis: None = None, dtype: Any = None, out: None = None) -> Any:
        """The sum of all numbers, as ``np.sum(grad)`` asks for it."""
        if axis is not None or out is not None:
            raise TypeError("a RowGrad is summed as a whole: take grad.to_dense() for an axis")
        return self.values.sum(dtype=dtype)

    def norm(self) -> float:
        """The Euclidean norm of all numbers, in float64."""
        return float((self.values.astype(np.float64) ** 2).sum()) ** 0.5

    def to_dense(self) -> Any:
        """The array of the table's shape: zeros where no row was read."""
        dense = array_module(self.values).zeros(self.shape, self.dtype)
        dense[self.rows] = self.values
        return dense

    def _check_shapes(self, *others: Any) -> None:
        for other in others:
            if getattr(other, "shape", None) != self.shape:
                kind = f"{type(other).__name__} {getattr(other, 'shape', '')}".strip()
                raise TypeError(f"RowGrad {self.shape} and {kind}: add gradients of one table")

    def _with(self, values: Any) -> "RowGrad":
        other = copy(self)
        other.values = values
        return other

    def __repr__(self) -> str:
        return f"RowGrad(rows={self.rows}, values={self.values})"


def no_gradient(W: Any, sparse: bool) -> Any:
    """The gradient before any backward: zeros of W's shape, or a :class:`RowGrad` of no rows."""
    xp = array_module(W)
    if sparse:
        return RowGrad(xp.zeros(0, np.int64), xp.zeros((0, W.shape[1]), W.dtype), W.shape)
    return xp.zeros(W.shape, W.dtype)


def start_gradient(grad: Any, rows: Any) -> tuple[Any, Any]:
    """Empty the gradient of a table, for what is to be added at ``rows``; and how to add to it.

    Args:
        grad: an array is zeroed, a :class:`RowGrad` gets its rows, with zeros.
        rows: int32 or int64, N of any shape, each a row of the table or −1, "no row".

    Returns:
        The array of its numbers, all zero; and the place of each of ``rows`` in that array, (N,),
        −1 for no row: ``scatter_add(numbers, places, values)`` adds up.
    """
    xp = array_module(rows)
    rows = xp.ascontiguousarray(rows.reshape(-1))
    if not isinstance(grad, RowGrad):
        grad[...] = 0
        return grad, rows
    grad.rows, places = places_of(rows, grad.shape[0])
    grad.values = xp.empty((len(grad.rows), grad.shape[1]), grad.dtype)
    grad.values[...] = 0  # may be memory in use before; ``zeros`` takes it new, slowly
    return grad.values, places


def _number(value: Any) -> Any:
    if np.ndim(value) != 0:
        raise TypeError(
            f"a RowGrad times or over a {type(value).__name__}: a number is needed; "
            "take grad.to_dense() for more"
        )
    return value
