"""Layers that read rows of a table; the gradient of a row is the sum over all its readings."""

from typing import Any

import numpy as np

from embedlayer.backend import array_module, device_of
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import check_ids, check_values, checked_param
from embedlayer.layers.layer import Layer, TableLayer
from embedlayer.layers.rowgrad import RowGrad, start_gradient

MANY_IDS = 1 << 10  # of fewer, the time goes into the calls


class Embedding(TableLayer):
    """The rows of W at given ids: ``np.dot(one_hot(ids), W)`` without the product.

    W may be of any integer dtype, too. The padding row is read as any other, and has no gradient.
    Agrees with ``torch.nn.Embedding``. See :class:`TableLayer` for the arguments.
    """

    torch_name = "Embedding"

    @property
    def idx(self) -> Any:
        """A copy of the ids of the last forward; None before."""
        return None if self._kept is None else self._kept.copy()

    def forward(self, idx: Any) -> Any:
        """The rows at ``idx``: ``(*idx.shape, D)``, of W's dtype, a copy.

        Args:
            idx: an int, nested lists of them, or an array of any integer dtype and any shape.

        Raises:
            IndexError: an id outside 0 … V − 1, negative ids included.
            TypeError: ids that are not integers.
            EmbedlayerError: another array has come into ``params``, which does not fit.
        """
        W, self._kept = self._read(idx)
        if self._kept.size < MANY_IDS:
            return W.take(self._kept, axis=0)
        return device_of(W).take(W, self._kept)

    def backward(self, dout: Any) -> None:
        """Add up ``dout`` by row into ``grads[0]``; ids that repeat accumulate.

        Args:
            dout: ``(*idx.shape, D)``; cast to W's dtype.

        Raises:
            EmbedlayerError: no forward yet, or another shape.
            TypeError: a float ``dout`` for an integer W.
        """
        (grad,), (W,), idx = self._checked_grads(), self.params, self._kept
        xp = array_module(W)
        dout = check_values("dout", dout, W, (*idx.shape, W.shape[1]))
        rows = xp.ascontiguousarray(idx.reshape(-1))
        if self.padding_idx is not None:
            rows = xp.where(rows == self.padding_idx, np.int32(-1), rows)
        values = dout.reshape(len(rows), W.shape[1])
        if isinstance(grad, RowGrad):
            grad.fill(rows, values)
        else:
            grad[...] = 0
            kernels_for(W).scatter_add(grad, rows, xp.ascontiguousarray(values))
        if self.scale_grad_by_freq:
            self._divide_by_readings(rows)


class EmbeddingDot(Layer):
    """The scores of hidden vectors against rows of a table: ``h[n] · W[idx[n]]``.

    Args:
        W: the output table, (V, D), of floats. It is kept, not copied.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
    """

    def __init__(self, W: Any, *, sparse: bool = False) -> None:
        super().__init__(checked_param("W", W, 2), sparse=sparse)

    def forward(self, h: Any, idx: Any) -> Any:
        """The scores, of idx's shape.

        Args:
            h: (N, D): the hidden vectors; kept until backward, not copied.
            idx: integers: (N,), or (N, R) for R rows a hidden vector. −1 is "no row", as in the
                kernels: its score is 0 and it has no gradient.

        Raises:
            IndexError, TypeError: as :meth:`Embedding.forward`.
            EmbedlayerError: shapes that do not fit.
        """
        (W,) = self._checked_params()
        idx = check_ids(idx, len(W), W, no_row=True)
        return self._scores(h, idx)

    def _scores(self, h: Any, idx: Any) -> Any:
        """The scores at ``idx``, which is checked and the layer's own."""
        (W,) = self.params
        xp = array_module(W)
        h = check_values("h", h, W, (None, W.shape[1]))
        if idx.ndim not in (1, 2) or len(idx) != len(h):
            raise EmbedlayerError(
                f"idx has shape {idx.shape}: give ({len(h)},) or ({len(h)}, R) for h {h.shape}"
            )
        rows = idx.reshape(len(h), idx.shape[1] if idx.ndim == 2 else 1)
        targets = W.take(xp.maximum(rows, 0), axis=0)
        targets[rows < 0] = 0
        self._kept = h, rows, targets, idx.shape
        return xp.einsum("nd,nrd->nr", h, targets).reshape(idx.shape)

    def backward(self, dout: Any) -> Any:
        """Add up the rows' gradient into ``grads[0]``; return that of ``h``, (N, D).

        Args:
            dout: of idx's shape.

        Raises:
            EmbedlayerError: no forward yet, or another shape.
        """
        (grad,), (W,) = self._checked_grads(), self.params
        h, rows, targets, shape = self._kept
        dout = check_values("dout", dout, W, shape).reshape(rows.shape)
        xp = array_module(W)
        total, places = start_gradient(grad, rows)
        places, dout = places.reshape(rows.shape), xp.ascontiguousarray(dout)
        kernels_for(W).add_products(total, places, dout, xp.ascontiguousarray(h))
        return xp.einsum("nr,nrd->nd", dout, targets)
