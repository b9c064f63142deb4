"""Layers that multiply by a matrix."""

from typing import Any

from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.layers.checks import check_forward, check_param, check_values


class MatMul:
    """``x @ W``.

    Args:
        W: float32 or float64, (D, M). It is kept, not copied.

    Attributes:
        params: ``[W]``.
        grads: ``[dW]``, filled in place by each backward.
    """

    def __init__(self, W: Any) -> None:
        check_param("W", W, 2)
        self.params = [W]
        self.grads = [array_module(W).zeros_like(W)]
        self._x: Any = None

    def forward(self, x: Any) -> Any:
        """The product: (N, M), from x: (N, D), cast to W's dtype.

        Raises:
            EmbedlayerError: another shape.
        """
        (W,) = self.params
        self._x = check_values("x", x, W, (None, W.shape[0]))
        return self._x @ W

    def backward(self, dout: Any) -> Any:
        """Fill ``grads[0]`` and return the gradient of x, (N, D), from dout: (N, M).

        Raises:
            EmbedlayerError: no forward yet, or another shape.
        """
        (W,) = self.params
        check_forward(self, self._x)
        dout = check_values("dout", dout, W, (len(self._x), W.shape[1]))
        self.grads[0][...] = self._x.T @ dout
        return dout @ W.T


class Affine:
    """``x @ W + b``.

    Args:
        W: float32 or float64, (D, M). b: (M,), of W's dtype. They are kept, not copied.

    Attributes:
        params: ``[W, b]``.
        grads: ``[dW, db]``, filled in place by each backward.
    """

    def __init__(self, W: Any, b: Any) -> None:
        self._product = MatMul(W)
        check_param("b", b, 1)
        if b.shape != (W.shape[1],) or b.dtype != W.dtype:
            raise EmbedlayerError(
                f"b is {b.dtype} {b.shape}: give {W.dtype} {(W.shape[1],)} to fit W {W.shape}"
            )
        self.params = [W, b]
        self.grads = [*self._product.grads, array_module(W, b).zeros_like(b)]

    def forward(self, x: Any) -> Any:
        """The output: (N, M), from x: (N, D), cast to W's dtype.

        Raises:
            EmbedlayerError: another shape.
        """
        return self._product.forward(x) + self.params[1]

    def backward(self, dout: Any) -> Any:
        """Fill ``grads`` and return the gradient of x, (N, D), from dout: (N, M).

        Raises:
            EmbedlayerError: no forward yet, or another shape.
        """
        dx = self._product.backward(dout)
        self.grads[1][...] = array_module(dx).asarray(dout, self.params[1].dtype).sum(axis=0)
        return dx
