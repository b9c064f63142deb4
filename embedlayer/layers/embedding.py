"""Layers that read rows of a table; the gradient of a row is the sum over all its readings."""

from typing import Any

import numpy as np

from embedlayer.arrays import pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import (
    check_forward,
    check_ids,
    check_padding,
    check_param,
    check_values,
)
from embedlayer.layers.rowgrad import RowGrad, no_gradient, start_gradient


class Embedding:
    """The rows of W at given ids: ``np.dot(one_hot(ids), W)`` without the product.

    Args:
        W: the table, (V, D): float32, float64 or any integer dtype. It is kept, not copied.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
        padding_idx: an id whose row gets no gradient; it is read as any other row.

    Attributes:
        params: ``[W]``.
        grads: ``[dW]``: zeroed and filled in place by each backward, or replaced when sparse.
        idx: the ids of the last forward.
    """

    def __init__(self, W: Any, *, sparse: bool = False, padding_idx: int | None = None) -> None:
        check_param("W", W, 2, integers=True)
        self.params = [W]
        self.grads = [no_gradient(W, sparse)]
        self.padding_idx = check_padding(padding_idx, W)
        self.idx: Any = None

    def forward(self, idx: Any) -> Any:
        """The rows at ``idx``: (*idx.shape, D), of W's dtype, a copy.

        Args:
            idx: an int, nested lists of them, or an array of any integer dtype and any shape.

        Raises:
            IndexError: an id outside 0 … V − 1, negative ids included.
            TypeError: ids that are not integers.
        """
        (W,) = self.params
        self.idx = check_ids(idx, len(W), W)
        return W.take(self.idx, axis=0)  # twice as fast as W[idx]

    def backward(self, dout: Any) -> None:
        """Add up ``dout`` by row into ``grads[0]``; ids that repeat accumulate.

        Args:
            dout: (*idx.shape, D); cast to W's dtype.

        Raises:
            EmbedlayerError: no forward yet, or another shape.
            TypeError: a float ``dout`` for an integer W.
        """
        (W,) = self.params
        check_forward(self, self.idx)
        xp, kernels = array_module(W), kernels_for(W)
        dout = check_values("dout", dout, W, (*self.idx.shape, W.shape[1]))
        rows = xp.ascontiguousarray(self.idx.reshape(-1))
        if self.padding_idx is not None:
            rows = xp.where(rows == self.padding_idx, np.int32(-1), rows)
        values = xp.ascontiguousarray(dout.reshape(len(rows), W.shape[1]))
        if isinstance(self.grads[0], RowGrad):
            # Without the old gradient its memory, still in the cache, is free for the new one.
            self.grads[0] = no_gradient(W, sparse=True)
            self.grads[0] = RowGrad(*kernels.sum_by_row(rows, values, len(W)))
        else:
            self.grads[0][...] = 0
            kernels.scatter_add(self.grads[0], rows, values)


class EmbeddingDot:
    """The scores of hidden vectors against rows of a table: ``h[n] · W[idx[n]]``.

    Args:
        W: the output table, (V, D): float32 or float64. It is kept, not copied.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
    """

    def __init__(self, W: Any, *, sparse: bool = False) -> None:
        check_param("W", W, 2)
        self.params = [W]
        self.grads = [no_gradient(W, sparse)]
        self._kept: Any = None

    def forward(self, h: Any, idx: Any) -> Any:
        """The scores, of idx's shape.

        Args:
            h: (N, D): the hidden vectors.
            idx: integers: (N,), or (N, R) for R rows a hidden vector. −1 is "no row", as in the
                kernels: its score is 0 and it has no gradient.

        Raises:
            IndexError, TypeError: as :meth:`Embedding.forward`.
            EmbedlayerError: shapes that do not fit.
        """
        (W,) = self.params
        xp = array_module(W)
        h = check_values("h", h, W, (None, W.shape[1]))
        idx = check_ids(idx, len(W), W, no_row=True)
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
        (W,) = self.params
        check_forward(self, self._kept)
        h, rows, targets, shape = self._kept
        dout = check_values("dout", dout, W, shape).reshape(rows.shape)
        kernels, width = kernels_for(W), rows.shape[1]
        self.grads[0], total, places = start_gradient(self.grads[0], W, rows)
        for piece in pieces(len(h), targets):
            values = (dout[piece, :, None] * h[piece, None, :]).reshape(-1, W.shape[1])
            kernels.scatter_add(total, places[piece.start * width : piece.stop * width], values)
        return array_module(W).einsum("nr,nrd->nd", dout, targets)
