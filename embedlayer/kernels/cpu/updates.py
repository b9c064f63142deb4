"""Compiled: the optimizers' formulas on the rows of a gradient, a number at a time.

NumPy takes ten passes over copies of the rows where these take one over the tables. Each does the
operations of its ``_step`` in ``embedlayer.optim.optimizers`` in their order, so that both are
equal to the bit.
"""

from functools import partial
from typing import Any

from numpy import dtype, sqrt, uint64

from embedlayer.kernels.cpu.prefetch import prefetch_row, rows_ahead
from embedlayer.storage.compiled import compiled, inlined

TYPES = (dtype("f4"), dtype("f8"))  # in the machine's byte order; numba has no float16

formula = partial(compiled, error_model="numpy")  # a division by zero is inf, and no branch


def update_rows(name: str, rows: Any, grad: Any, arrays: list[Any], numbers: Any) -> bool:
    """A formula's step on some rows of a parameter and of what is kept for it, in place.

    Args:
        name: of the formula.
        rows: int64, (U,), each once and inside the table.
        grad: (U, D).
        arrays: the parameter, (V, D), then what is kept.
        numbers: Python floats, that the formula calculates with.

    Returns:
        Whether it was done; not for arrays of several dtypes, of another than float32 and float64,
        not C-contiguous or not aligned, or a parameter or what is kept that is read-only.
    """
    kind = grad.dtype
    if kind not in TYPES or any(one.dtype != kind for one in arrays):
        return False
    if not (grad.flags.c_contiguous and grad.flags.aligned):
        return False
    if not all(one.flags.carray for one in arrays):
        return False
    FORMULAS[name](rows, grad, *arrays, tuple(kind.type(float(number)) for number in numbers))
    return True


@formula
def _sgd(rows, grad, param, numbers):
    (lr,) = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        for d in range(param.shape[1]):
            param[row, d] -= lr * grad[i, d]


@formula
def _momentum(rows, grad, param, velocity, numbers):
    lr, momentum = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        _here(rows, i, velocity)
        for d in range(param.shape[1]):
            new = velocity[row, d] * momentum + grad[i, d]
            velocity[row, d] = new
            param[row, d] -= lr * new


@formula
def _nesterov(rows, grad, param, velocity, numbers):
    lr, momentum = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        _here(rows, i, velocity)
        for d in range(param.shape[1]):
            new = velocity[row, d] * momentum + grad[i, d]
            velocity[row, d] = new
            param[row, d] -= lr * (grad[i, d] + momentum * new)


@formula
def _adagrad(rows, grad, param, squares, numbers):
    lr, eps = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        _here(rows, i, squares)
        for d in range(param.shape[1]):
            new = squares[row, d] + grad[i, d] * grad[i, d]
            squares[row, d] = new
            param[row, d] -= lr * grad[i, d] / (sqrt(new) + eps)


@formula
def _rmsprop(rows, grad, param, squares, numbers):
    lr, decay, rest, eps = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        _here(rows, i, squares)
        for d in range(param.shape[1]):
            new = squares[row, d] * decay + rest * grad[i, d] * grad[i, d]
            squares[row, d] = new
            param[row, d] -= lr * grad[i, d] / (sqrt(new) + eps)


@formula
def _adam(rows, grad, param, mean, squares, numbers):
    beta1, rest1, beta2, rest2, rate, start, eps = numbers
    for i in range(len(rows)):
        row = _here(rows, i, param)
        _here(rows, i, mean)
        _here(rows, i, squares)
        for d in range(param.shape[1]):
            new = mean[row, d] * beta1 + rest1 * grad[i, d]
            square = squares[row, d] * beta2 + rest2 * grad[i, d] * grad[i, d]
            mean[row, d], squares[row, d] = new, square
            param[row, d] -= rate * new / (sqrt(square / start) + eps)


@inlined
def _here(rows, i, array):
    """Row i's number, unsigned: it is not checked for "from the end". Coming rows are asked for."""
    ahead = rows_ahead(array)
    if i + ahead < len(rows):
        prefetch_row(array, rows[i + ahead])
    return uint64(rows[i])


FORMULAS = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
}
