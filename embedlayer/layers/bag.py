"""The layer that makes one vector of a bag of ids: the sum, mean or largest of their rows."""

from typing import Any

import numpy as np

from embedlayer.arrays import group_of_each, offsets_of, pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import (
    check_bags,
    check_forward,
    check_ids,
    check_padding,
    check_param,
    check_values,
)
from embedlayer.layers.rowgrad import no_gradient, start_gradient

MODES = ("sum", "mean", "max")


class EmbeddingBag:
    """One vector a bag of ids: the sum, the mean or the elementwise largest of their rows.

    An empty bag gives zeros. Agrees with ``torch.nn.EmbeddingBag(include_last_offset=True)``.

    Args:
        W: the table, (V, D): float32 or float64. It is kept, not copied.
        mode: 'sum', 'mean' or 'max'.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
        padding_idx: an id that is taken for absent: neither read, counted nor trained.

    Attributes:
        params, grads: as in :class:`Embedding`.
        weights_grad: the gradient of the last forward's weights, or None without weights.
    """

    def __init__(
        self, W: Any, mode: str = "mean", *, sparse: bool = False, padding_idx: int | None = None
    ) -> None:
        check_param("W", W, 2)
        if mode not in MODES:
            raise EmbedlayerError(f"unknown mode {mode!r}: choose {', '.join(MODES)}")
        self.params = [W]
        self.grads = [no_gradient(W, sparse)]
        self.mode = mode
        self.padding_idx = check_padding(padding_idx, W)
        self.weights_grad: Any = None
        self._kept: Any = None

    def forward(self, ids: Any, offsets: Any = None, weights: Any = None) -> Any:
        """The vectors of B bags: (B, D), of W's dtype.

        Args:
            ids: integers: (N,) with offsets, or (B, L), one bag a row, without.
            offsets: integers, (B + 1,): bag b is ``ids[offsets[b]:offsets[b + 1]]``, as
                everywhere in this package (torch's default form lacks the last, N).
            weights: float, of ids' shape: what each row is multiplied by; mode 'sum' only.

        Raises:
            IndexError, TypeError: as :meth:`Embedding.forward`.
            EmbedlayerError: offsets or weights that do not fit.
        """
        (W,) = self.params
        ids = check_ids(ids, len(W), W)
        weights = self._check_weights(weights, ids.shape)
        shape, (ids, offsets) = ids.shape, check_bags(ids, offsets)
        present: Any = slice(None)
        if self.padding_idx is not None:
            present = ids != self.padding_idx
            ids, offsets = ids[present], offsets_of(present)[offsets]
        if weights is not None:
            weights = weights[present]
        out, winners = self._pool(ids, offsets, weights)
        self._kept = ids, offsets, weights, winners, (shape, present)
        return out

    def backward(self, dout: Any) -> None:
        """Give each row its share of its bag's ``dout``, (B, D); repeated ids accumulate.

        In mode 'max' the first of equal numbers takes all.

        Raises:
            EmbedlayerError, TypeError: as :meth:`Embedding.backward`.
        """
        (W,) = self.params
        check_forward(self, self._kept)
        xp, scatter_add = array_module(W), kernels_for(W).scatter_add
        ids, offsets, weights, winners, (shape, present) = self._kept
        dout = check_values("dout", dout, W, (len(offsets) - 1, W.shape[1]))
        if self.mode == "mean":
            dout = dout / sizes_of(offsets, W.dtype)
        dweights = None if weights is None else xp.empty(len(ids), W.dtype)
        bags, place = group_of_each(offsets, len(ids)), xp.arange(len(ids))[:, None]
        self.grads[0], total, places = start_gradient(self.grads[0], W, ids)
        for piece in pieces(len(ids), W):
            share = dout.take(bags[piece], axis=0)
            if dweights is not None:
                dweights[piece] = xp.einsum("nd,nd->n", W.take(ids[piece], axis=0), share)
                share *= weights[piece]
            if winners is not None:
                share *= winners.take(bags[piece], axis=0) == place[piece]
            scatter_add(total, places[piece], share)
        self.weights_grad = None
        if dweights is not None:
            grad = xp.zeros(shape, W.dtype).reshape(-1)
            grad[present] = dweights
            self.weights_grad = grad.reshape(shape)

    def _pool(self, ids: Any, offsets: Any, weights: Any) -> tuple[Any, Any]:
        """The vectors of the bags and, in mode 'max', which of ``ids`` each number comes from."""
        (W,) = self.params
        xp, kernels = array_module(W), kernels_for(W)
        if self.mode == "max":
            return largest(W.take(ids, axis=0), offsets)
        if weights is None:
            ids = xp.ascontiguousarray(ids, np.int32)
            out = kernels.bag_mean(xp.ascontiguousarray(W), ids, offsets)
            # The sum is the mean times the size: a rounding more, but a third of the time.
            return (out * sizes_of(offsets, W.dtype) if self.mode == "sum" else out), None
        out = xp.zeros((len(offsets) - 1, W.shape[1]), W.dtype)
        bags = group_of_each(offsets, len(ids))
        for piece in pieces(len(ids), W):
            values = W.take(ids[piece], axis=0) * weights[piece]
            kernels.scatter_add(out, bags[piece], values)
        return out, None

    def _check_weights(self, weights: Any, shape: tuple[int, ...]) -> Any:
        if weights is None:
            return None
        if self.mode != "sum":
            raise EmbedlayerError(f"weights go with mode 'sum' only, not {self.mode!r}")
        return check_values("weights", weights, self.params[0], shape).reshape(-1, 1)


def sizes_of(offsets: Any, dtype: Any) -> Any:
    """The number of ids in each bag, at least 1: (B, 1), of ``dtype``."""
    xp = array_module(offsets)
    return xp.maximum(xp.diff(offsets), 1)[:, None].astype(dtype)


def largest(values: Any, offsets: Any) -> tuple[Any, Any]:
    """The largest numbers of each bag of ``values``, and where the first of each is: (B, D).

    Neighbours of a bag meet, then neighbours of the winners, until one is left. An empty bag's
    numbers are 0, and are nowhere: −1. The values are overwritten.
    """
    xp = array_module(values)
    bags, place = group_of_each(offsets, len(values)), xp.arange(len(values), dtype=np.int32)
    before, after = place - offsets[bags], offsets[bags + 1] - place
    winners = xp.repeat(place[:, None], values.shape[1], axis=1)
    stride, longest = 1, int(after.max()) if len(values) else 0
    while stride < longest:
        left = xp.flatnonzero((before % (2 * stride) == 0) & (after > stride))
        for piece in pieces(len(left), values):
            one = left[piece]
            other = one + stride
            better = values[other] > values[one]
            values[one] = xp.where(better, values[other], values[one])
            winners[one] = xp.where(better, winners[other], winners[one])
        stride *= 2
    filled = xp.diff(offsets) > 0
    out = xp.zeros((len(filled), values.shape[1]), values.dtype)
    first = xp.full(out.shape, -1, winners.dtype)
    out[filled] = values[offsets[:-1][filled]]
    first[filled] = winners[offsets[:-1][filled]]
    return out, first
