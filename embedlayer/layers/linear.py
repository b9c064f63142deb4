"""Layers that multiply by a matrix."""

import math
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.layers.checks import check_values, checked_param
from embedlayer.layers.layer import Layer


class MatMul(Layer):
    """``x @ W``, along the last axis of x.

    Args:
        W: floats, (D, M). It is kept, not copied.
    """

    def __init__(self, W: Any) -> None:
        super().__init__(checked_param("W", W, 2))

    def forward(self, x: Any) -> Any:
        """The product: (…, M), from x: (…, D), cast to W's dtype; kept until backward, not copied.

        Raises:
            EmbedlayerError: another shape.
        """
        W = self._checked_params()[0]
        self._kept = check_values("x", x, W, (*[None] * (np.ndim(x) - 1), W.shape[0]))
        return self._kept @ W

    def backward(self, dout: Any) -> Any:
        """Fill ``grads`` and return the gradient of x, (…, D), from dout: (…, M).

        Raises:
            EmbedlayerError: no forward yet, or another shape.
        """
        grad, W, x = self._checked_grads()[0], self.params[0], self._kept
        dout = check_values("dout", dout, W, (*x.shape[:-1], W.shape[1]))
        size = math.prod(x.shape[:-1])
        grad[...] = x.reshape(size, W.shape[0]).T @ dout.reshape(size, W.shape[1])
        return dout @ W.T


class Affine(MatMul):
    """``x @ W + b``, along the last axis of x.

    Args:
        W: floats, (D, M). b: (M,), of W's dtype. They are kept, not copied.
    """

    def __init__(self, W: Any, b: Any) -> None:
        W, b = checked_param("W", W, 2), checked_param("b", b, 1)
        if b.shape != (W.shape[1],) or b.dtype != W.dtype:
            raise EmbedlayerError(
                f"b is {b.dtype} {b.shape}: give {W.dtype} {(W.shape[1],)} to fit W {W.shape}"
            )
        Layer.__init__(self, W, b)

    def forward(self, x: Any) -> Any:
        return super().forward(x) + self.params[1]

    def backward(self, dout: Any) -> Any:
        dx, (W, b) = super().backward(dout), self.params
        dout = check_values("dout", dout, W, (*dx.shape[:-1], W.shape[1]))
        self.grads[1][...] = dout.reshape(math.prod(dx.shape[:-1]), len(b)).sum(axis=0)
        return dx
