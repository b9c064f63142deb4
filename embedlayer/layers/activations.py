"""Layers without parameters that change numbers one by one or row by row."""

from typing import Any

import numpy as np

from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.layers.checks import check_values
from embedlayer.layers.layer import Layer
from embedlayer.rng import make_key, uniform


class Sigmoid(Layer):
    """``1 / (1 + exp(−x))``, for x of any shape."""

    def forward(self, x: Any) -> Any:
        self._kept = sigmoid(as_floats(x))
        return self._kept

    def backward(self, dout: Any) -> Any:
        """The gradient of x, of its shape, from that of the output."""
        self._checked_grads()
        out = self._kept
        return check_values("dout", dout, out, out.shape) * out * (1 - out)


class Softmax(Layer):
    """``exp(x) / Σ exp(x)`` along the last axis of x."""

    def forward(self, x: Any) -> Any:
        x = as_floats(x)
        self._kept = array_module(x).exp(log_softmax(x))
        return self._kept

    def backward(self, dout: Any) -> Any:
        """The gradient of x, of its shape, from that of the output."""
        self._checked_grads()
        out = self._kept
        dx = check_values("dout", dout, out, out.shape) * out
        return dx - out * dx.sum(axis=-1, keepdims=True)


class Dropout(Layer):
    """Numbers set to zero at random in training, the others divided by what is kept on average.

    (Srivastava et al., JMLR 2014, in the form of ``torch.nn.Dropout``.) The draws are a function
    of the seed and of how many numbers were drawn for before.

    Args:
        ratio: of the numbers that are set to zero, 0 to below 1.
        seed: the seed.
    """

    def __init__(self, ratio: float = 0.5, *, seed: int = 1) -> None:
        super().__init__()
        if not 0 <= ratio < 1:
            raise EmbedlayerError(f"ratio is {ratio}: give 0 to below 1")
        self.ratio = ratio
        self.key = make_key(seed, "dropout")
        self.drawn = 0

    def forward(self, x: Any, training: bool = True) -> Any:
        """x, with numbers dropped if ``training``; of x's shape."""
        x = as_floats(x)
        scale = x.dtype.type(1 / (1 - self.ratio))
        self._kept = array_module(x).ones(x.shape, x.dtype)
        if training:
            drawn = uniform(array_module(x), self.key, x.shape, self.drawn)
            self._kept = (drawn >= self.ratio).astype(x.dtype) * scale
            self.drawn += x.size
        return x * self._kept

    def backward(self, dout: Any) -> Any:
        """The gradient of x, of its shape, from that of the output."""
        self._checked_grads()
        return check_values("dout", dout, self._kept, self._kept.shape) * self._kept


def as_floats(x: Any, *others: Any) -> Any:
    """x as an array of floats, of the library of x and the others; integers become float64."""
    x = array_module(x, *others).asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def sigmoid(x: Any) -> Any:
    return 0.5 * (1.0 + array_module(x).tanh(0.5 * x))  # never overflows, unlike 1 / (1 + exp(−x))


def log_softmax(x: Any) -> Any:
    """The logarithm of the softmax along the last axis; exp never overflows."""
    xp = array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
