"""Optimizers: they change parameters in place, from dense gradients or from those of rows alone.

A gradient is an array of its parameter's shape, or a pair (rows, values) as the layers' RowGrad:
integer rows, each once, and their gradients, (U, D). Rows that are not among them are not visited:
neither the parameter nor the optimizer's state changes there. For SGD and AdaGrad that is the same
as a gradient of zero. For Momentum, RMSprop and Adam it is not: a dense update decays the averages
of every row and moves the row along them, an update of rows leaves the others as they were until
they are read again, as ``torch.optim.SparseAdam`` does.

The learning rate ``lr`` is an attribute: a schedule may assign it between two updates.

The loops go through large arrays a piece at a time, so that a formula's intermediate results stay
in the cache: two to three times as fast as all at once.
"""

from collections.abc import Iterator
from typing import Any

from embedlayer.arrays import pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError


class SGD:
    """Stochastic gradient descent: ``param −= lr · grad``."""

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """Change the params, float arrays, in place.

        Raises:
            EmbedlayerError: params and grads that do not fit each other.
            TypeError: a parameter that is not of floats.
        """
        _check(params, grads)
        for param, rows, grad in _steps(params, grads):
            param[rows] -= self.lr * grad


class Momentum:
    """SGD with momentum: ``velocity = momentum · velocity + grad; param −= lr · velocity``.

    (As in PyTorch. The book keeps lr inside the velocity, which is the same at a constant lr.)
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.velocity: list[Any] | None = None

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """As :meth:`SGD.update`."""
        _check(params, grads)
        self.velocity = _state(self.velocity, params)
        for param, rows, grad, velocity in _steps(params, grads, self.velocity):
            velocity[rows] = v = self.momentum * velocity[rows] + grad
            param[rows] -= self.lr * v


class AdaGrad:
    """Each number's lr falls with the squares of its gradients (Duchi et al., JMLR 2011)."""

    def __init__(self, lr: float = 0.01, eps: float = 1e-10) -> None:
        self.lr = lr
        self.eps = eps
        self.squares: list[Any] | None = None

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """As :meth:`SGD.update`."""
        _check(params, grads)
        self.squares = _state(self.squares, params)
        for param, rows, grad, squares in _steps(params, grads, self.squares):
            squares[rows] = s = squares[rows] + grad * grad
            param[rows] -= self.lr * grad / (_sqrt(s) + self.eps)


class RMSprop:
    """AdaGrad with an average of the squares that forgets (Tieleman and Hinton, 2012)."""

    def __init__(self, lr: float = 0.01, decay: float = 0.99, eps: float = 1e-8) -> None:
        self.lr = lr
        self.decay = decay
        self.eps = eps
        self.squares: list[Any] | None = None

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """As :meth:`SGD.update`."""
        _check(params, grads)
        self.squares = _state(self.squares, params)
        for param, rows, grad, squares in _steps(params, grads, self.squares):
            squares[rows] = s = self.decay * squares[rows] + (1 - self.decay) * grad * grad
            param[rows] -= self.lr * grad / (_sqrt(s) + self.eps)


class Adam:
    """Averages of the gradient and of its square, corrected for their start at zero.

    (Kingma and Ba, ICLR 2015.) The number of updates, not of a row's readings, counts in the
    correction, as in ``torch.optim.SparseAdam``.
    """

    def __init__(
        self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps
        self.updates = 0
        self.mean: list[Any] | None = None
        self.squares: list[Any] | None = None

    def update(self, params: list[Any], grads: list[Any]) -> None:
        """As :meth:`SGD.update`."""
        _check(params, grads)
        self.mean, self.squares = _state(self.mean, params), _state(self.squares, params)
        self.updates += 1
        start1, start2 = 1 - self.beta1**self.updates, 1 - self.beta2**self.updates
        for param, rows, grad, mean, squares in _steps(params, grads, self.mean, self.squares):
            mean[rows] = m = self.beta1 * mean[rows] + (1 - self.beta1) * grad
            squares[rows] = s = self.beta2 * squares[rows] + (1 - self.beta2) * grad * grad
            param[rows] -= (self.lr / start1) * m / (_sqrt(s / start2) + self.eps)


OPTIMIZERS = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
}


def linear_decay(lr: float, min_lr: float, progress: float) -> float:
    """The learning rate when ``progress``, 0 … 1, of the training is done; min_lr beyond 1."""
    return lr + (min_lr - lr) * min(progress, 1.0)


def _check(params: list[Any], grads: list[Any]) -> None:
    if len(params) != len(grads):
        raise EmbedlayerError(f"{len(params)} params but {len(grads)} grads: give one each")
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        if param.dtype.kind != "f":
            raise TypeError(f"params[{i}] is {param.dtype}: only floats can be trained")
        shape = param.shape
        if isinstance(grad, tuple):
            rows, grad = grad
            shape = (len(rows), *param.shape[1:])
        if grad.shape != shape:
            raise EmbedlayerError(f"grads[{i}] {grad.shape} does not fit params[{i}] {param.shape}")


def _steps(params: list[Any], grads: list[Any], *states: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Each parameter, the rows to visit, their gradient, and the parameter's states; by pieces."""
    for param, grad, *state in zip(params, grads, *states, strict=True):
        rows, grad = grad if isinstance(grad, tuple) else (None, grad)
        for piece in pieces(len(grad), param) if param.ndim else (...,):
            yield param, piece if rows is None else rows[piece], grad[piece], *state


def _state(state: list[Any] | None, params: list[Any]) -> list[Any]:
    """Zeros for every parameter, made at the first update and kept."""
    if state is None:
        return [array_module(param).zeros_like(param) for param in params]
    if [array.shape for array in state] != [param.shape for param in params]:
        raise EmbedlayerError("params differ from the first update's: give them an optimizer anew")
    return state


def _sqrt(array: Any) -> Any:
    return array_module(array).sqrt(array)
