"""The layer that makes one vector of a bag of ids: the sum, mean or largest of their rows."""

from typing import Any

import numpy as np

from embedlayer.arrays import group_of_each, offsets_of, pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import check_bags, check_values, checked_param
from embedlayer.layers.layer import TableLayer
from embedlayer.layers.rowgrad import start_gradient

MODES = ("sum", "mean", "max")


class EmbeddingBag(TableLayer):
    """One vector a bag of ids: the sum, the mean or the elementwise largest of their rows.

    An empty bag gives zeros. The padding id is taken for absent: neither read, counted nor
    trained. Agrees with ``torch.nn.EmbeddingBag``, whose ``include_last_offset`` is False.

    Args:
        W: the table, (V, D), of floats. It is kept, not copied.
        mode: 'sum', 'mean' or 'max'. It stays as it is, as ``padding_idx``.
        sparse, padding_idx, max_norm: as in :class:`TableLayer`.
        scale_grad_by_freq: as there; not with mode 'max'.
        include_last_offset: whether offsets end with the number of ids, as everywhere in this
            package; False: they are where each bag begins, (B,).

    Attributes:
        weights_grad: the gradient of the last forward's weights, or None without weights.
    """

    torch_name = "EmbeddingBag"
    torch_options = (*TableLayer.torch_options, "mode", "include_last_offset")

    def __init__(
        self,
        W: Any,
        mode: str = "mean",
        *,
        sparse: bool = False,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        scale_grad_by_freq: bool = False,
        include_last_offset: bool = True,
    ) -> None:
        W = checked_param("W", W, 2)
        super().__init__(
            W,
            sparse=sparse,
            padding_idx=padding_idx,
            max_norm=max_norm,
            scale_grad_by_freq=scale_grad_by_freq,
        )
        if mode not in MODES:
            raise EmbedlayerError(f"unknown mode {mode!r}: choose {', '.join(MODES)}")
        if mode == "max" and self.scale_grad_by_freq:
            raise EmbedlayerError("scale_grad_by_freq goes with modes 'sum' and 'mean' only")
        self._mode = mode
        self.include_last_offset = include_last_offset
        self.weights_grad: Any = None

    @property
    def mode(self) -> str:
        return self._mode

    def forward(self, ids: Any, offsets: Any = None, weights: Any = None) -> Any:
        """The vectors of B bags: (B, D), of W's dtype.

        Args:
            ids: integers: (N,) with offsets, or (B, L), one bag a row, without.
            offsets: integers, (B + 1,): bag b is ``ids[offsets[b]:offsets[b + 1]]``; or (B,), see
                ``include_last_offset``.
            weights: float, of ids' shape: what each row is multiplied by; mode 'sum' only.

        Raises:
            IndexError, TypeError: as :meth:`Embedding.forward`.
            EmbedlayerError: offsets or weights that do not fit.
        """
        W, ids = self._read(ids, np.int32)
        weights = self._check_weights(weights, ids.shape)
        bags = check_bags(ids, offsets, include_last=self.include_last_offset)
        shape, (ids, offsets) = ids.shape, bags
        present: Any = slice(None)
        if self.padding_idx is not None:
            present = ids != self.padding_idx
            ids, offsets = ids[present], offsets_of(present)[offsets]
        if weights is not None:
            weights = weights[present]
        out, winners = self._pool(W, ids, offsets, weights)
        self._kept = ids, offsets, weights, winners, (shape, present)
        return out

    def backward(self, dout: Any) -> None:
        """Give each row its share of its bag's ``dout``, (B, D); repeated ids accumulate.

        In mode 'max' the first of equal numbers takes all.

        Raises:
            EmbedlayerError, TypeError: as :meth:`Embedding.backward`.
        """
        (grad,), (W,) = self._checked_grads(), self.params
        xp, scatter_add = array_module(W), kernels_for(W).scatter_add
        ids, offsets, weights, winners, (shape, present) = self._kept
        dout = check_values("dout", dout, W, (len(offsets) - 1, W.shape[1]))
        if self.mode == "mean":
            dout = (dout / sizes_of(offsets, W.dtype)).astype(W.dtype, copy=False)
        dweights = None if weights is None else xp.empty(len(ids), W.dtype)
        bags, place = group_of_each(offsets, len(ids)), xp.arange(len(ids))[:, None]
        total, places = start_gradient(grad, ids)
        for piece in pieces(len(ids), W):
            share = dout.take(bags[piece], axis=0)
            if dweights is not None:
                dweights[piece] = xp.einsum("nd,nd->n", W.take(ids[piece], axis=0), share)
                share *= weights[piece]
            if winners is not None:
                share *= winners.take(bags[piece], axis=0) == place[piece]
            scatter_add(total, places[piece], share)
        if self.scale_grad_by_freq:
            self._divide_by_readings(ids)
        self.weights_grad = None
        if dweights is not None:
            weights_grad = xp.zeros(shape, W.dtype).reshape(-1)
            weights_grad[present] = dweights
            self.weights_grad = weights_grad.reshape(shape)

    def _pool(self, W: Any, ids: Any, offsets: Any, weights: Any) -> tuple[Any, Any]:
        """The vectors of the bags and, in mode 'max', which of ``ids`` each number comes from."""
        xp, kernels = array_module(W), kernels_for(W)
        if self.mode == "max":
            return largest(W.take(ids, axis=0), offsets)
        if weights is None:
            W, ids = xp.ascontiguousarray(W), xp.ascontiguousarray(ids)
            return kernels.bag_sum(W, ids, offsets, self.mode == "mean"), None
        out = xp.zeros((len(offsets) - 1, W.shape[1]), W.dtype)
        bags = group_of_each(offsets, len(ids))
        for piece in pieces(len(ids), W):
            values = W.take(ids[piece], axis=0) * weights[piece]
            kernels.scatter_add(out, bags[piece], values)
        return out, None

    def _check_weights(self, weights: Any, shape: tuple[int, ...]) -> Any:
        """Weights as a copy, (N, 1)."""
        if weights is None:
            return None
        if self.mode != "sum":
            raise EmbedlayerError(f"weights go with mode 'sum' only, not {self.mode!r}")
        return check_values("weights", weights, self.params[0], shape).reshape(-1, 1).copy()


def sizes_of(offsets: Any, dtype: Any) -> Any:
    """The number of ids in each bag, at least 1: (B, 1), of ``dtype``, or of float32 if smaller."""
    xp = array_module(offsets)
    return xp.maximum(xp.diff(offsets), 1)[:, None].astype(np.promote_types(dtype, np.float32))


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
