"""The optimizers' formulas.

Kernels may have them compiled, for the rows of a RowGrad: ``compiled_as`` tells by which name.
"""

from typing import ClassVar

from embedlayer.arrays import Array
from embedlayer.optim.updates import Optimizer, compiled_as, sqrt
from embedlayer.options import Real

SHARE = Real(0, 1)  # of an average that is kept
POSITIVE = Real(0)


class SGD(Optimizer):
    """Stochastic gradient descent: ``param −= lr · grad``."""

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)

    def _numbers(self) -> tuple[float, ...]:
        return (self.lr,)

    @compiled_as("sgd")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        param -= self.lr * grad


class Momentum(Optimizer):
    """SGD with momentum: ``velocity = momentum · velocity + grad; param −= lr · velocity``.

    (As in PyTorch. The book keeps lr inside the velocity, which is the same at a constant lr.)
    """

    kept: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(lr)
        self.momentum = SHARE.checked("momentum", momentum)

    def _numbers(self) -> tuple[float, ...]:
        return self.lr, self.momentum

    @compiled_as("momentum")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        (velocity,) = kept
        velocity *= self.momentum
        velocity += grad
        param -= self.lr * velocity


class Nesterov(Momentum):
    """Momentum that looks ahead: ``param −= lr · (grad + momentum · velocity)``.

    (Nesterov 1983, in the form of Sutskever et al., ICML 2013; as PyTorch's ``nesterov=True``.)
    """

    @compiled_as("nesterov")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        (velocity,) = kept
        velocity *= self.momentum
        velocity += grad
        param -= self.lr * (grad + self.momentum * velocity)


class AdaGrad(Optimizer):
    """Each number's lr falls with the squares of its gradients (Duchi et al., JMLR 2011).

    ``eps`` is added to their root. The book has 1e-7, PyTorch 1e-10.
    """

    kept: ClassVar[tuple[str, ...]] = ("squares",)

    def __init__(self, lr: float = 0.01, eps: float = 1e-10) -> None:
        super().__init__(lr)
        self.eps = POSITIVE.checked("eps", eps)

    def _numbers(self) -> tuple[float, ...]:
        return self.lr, self.eps

    @compiled_as("adagrad")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        (squares,) = kept
        squares += grad * grad
        param -= self.lr * grad / (sqrt(squares) + self.eps)


class RMSprop(Optimizer):
    """AdaGrad with an average of the squares that forgets (Tieleman and Hinton, 2012).

    ``eps`` is added to their root. The book has 1e-7, PyTorch 1e-8.
    """

    kept: ClassVar[tuple[str, ...]] = ("squares",)

    def __init__(self, lr: float = 0.01, decay: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(lr)
        self.decay = SHARE.checked("decay", decay)
        self.eps = POSITIVE.checked("eps", eps)

    def _numbers(self) -> tuple[float, ...]:
        return self.lr, self.decay, 1 - self.decay, self.eps

    @compiled_as("rmsprop")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        (squares,), (lr, decay, rest, eps) = kept, self._numbers()
        squares *= decay
        squares += rest * grad * grad
        param -= lr * grad / (sqrt(squares) + eps)


class Adam(Optimizer):
    """Averages of the gradient and of its square, corrected for their start at zero.

    (Kingma and Ba, ICLR 2015.) The number of updates, not of a row's readings, counts in the
    correction.

    Args:
        lr, beta1, beta2: as in the paper.
        eps: added to the root of the squares' average.
        eps_hat: add it before the average is corrected, so that early on it is up to
            1 / √(1 − beta2) times as strong: ε̂ of the paper's section 2,
            ``torch.optim.SparseAdam`` and, with 1e-7, the book. Else after: the paper's
            algorithm 1 and ``torch.optim.Adam``. They differ where gradients are as small as eps.
    """

    kept: ClassVar[tuple[str, ...]] = ("mean", "squares")

    def __init__(
        self,
        lr: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        *,
        eps_hat: bool = False,
    ) -> None:
        super().__init__(lr)
        self.beta1 = SHARE.checked("beta1", beta1)
        self.beta2 = SHARE.checked("beta2", beta2)
        self.eps = POSITIVE.checked("eps", eps)
        self.eps_hat = eps_hat

    def _numbers(self) -> tuple[float, ...]:
        start1, start2 = 1 - self.beta1**self.updates, 1 - self.beta2**self.updates
        eps = self.eps / start2**0.5 if self.eps_hat else self.eps
        betas = self.beta1, 1 - self.beta1, self.beta2, 1 - self.beta2
        return *betas, self.lr / start1, start2, eps

    @compiled_as("adam")
    def _step(self, param: Array, grad: Array, *kept: Array) -> None:
        (mean, squares), numbers = kept, self._numbers()
        beta1, rest1, beta2, rest2, rate, start, eps = numbers
        mean *= beta1
        mean += rest1 * grad
        squares *= beta2
        squares += rest2 * grad * grad
        param -= rate * mean / (sqrt(squares / start) + eps)
