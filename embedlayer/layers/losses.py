"""Losses: a forward that gives a number, a backward that gives the gradient of the scores."""

from collections.abc import Callable
from typing import Any

import numpy as np

from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.checks import check_forward, check_ids, check_values
from embedlayer.layers.embedding import EmbeddingDot
from embedlayer.rng import make_key


class SigmoidWithLoss:
    """The logistic loss of scores x with labels t: −log σ(x) for 1, −log σ(−x) for 0.

    The batch is the first axis: its losses are averaged, those along other axes summed.
    """

    def __init__(self) -> None:
        self.params: list[Any] = []
        self.grads: list[Any] = []
        self._dx: Any = None

    def forward(self, x: Any, t: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            x: the scores, (N,) or (N, R); integers become float64.
            t: labels of x's shape: 0, 1 or anything between; −1 is "no label", which adds
                neither loss nor gradient.

        Raises:
            EmbedlayerError: labels of another shape, or other numbers.
        """
        x = _scores(x, t)
        xp = array_module(x)
        t = check_values("t", t, x, x.shape)
        given = t != -1
        if bool((given & ~((t >= 0) & (t <= 1))).any()):
            raise EmbedlayerError("labels t must be 0 to 1, or -1 for no label; ids are no labels")
        size = max(len(x), 1)
        sigmoid = 0.5 * (1.0 + xp.tanh(0.5 * x))  # never overflows, unlike 1 / (1 + exp(−x))
        self._dx = xp.where(given, sigmoid - t, 0) / size
        loss = t * xp.logaddexp(0, -x) + (1 - t) * xp.logaddexp(0, x)
        return float(xp.where(given, loss, 0).sum(dtype=np.float64)) / size

    def backward(self, dout: float = 1) -> Any:
        """The gradient of x, times ``dout``.

        Raises:
            EmbedlayerError: no forward yet.
        """
        check_forward(self, self._dx)
        return self._dx * float(dout)


class SoftmaxWithLoss:
    """The cross entropy of softmax(x) with labels t: −Σ t log softmax(x), averaged over a batch."""

    def __init__(self) -> None:
        self.params: list[Any] = []
        self.grads: list[Any] = []
        self._dx: Any = None

    def forward(self, x: Any, t: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            x: the scores, (N, C); integers become float64.
            t: the class ids, integers, (N,); or labels, (N, C): one-hot or probabilities.

        Raises:
            IndexError, TypeError: an id outside 0 … C − 1, or no integer.
            EmbedlayerError: a shape that does not fit.
        """
        x = check_values("x", x, _scores(x, t), (None, None))
        xp = array_module(x)
        if np.ndim(t) == 1:
            ids = check_ids(t, x.shape[1], x)
            check_values("t", ids, x, (len(x),))
            t = (ids[:, None] == xp.arange(x.shape[1])).astype(x.dtype)
        t = check_values("t", t, x, x.shape)
        size = max(len(x), 1)
        shifted = x - x.max(axis=1, keepdims=True)  # so that exp never overflows
        log_softmax = shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))
        self._dx = (xp.exp(log_softmax) * t.sum(axis=1, keepdims=True) - t) / size
        return -float((t * log_softmax).sum(dtype=np.float64)) / size

    def backward(self, dout: float = 1) -> Any:
        """The gradient of x, (N, C), times ``dout``.

        Raises:
            EmbedlayerError: no forward yet.
        """
        check_forward(self, self._dx)
        return self._dx * float(dout)


class NegativeSamplingLoss:
    """The logistic loss of hidden vectors against their target's row and K drawn rows.

    −log σ(h·W[target]) − Σₖ log σ(−h·W[drawn k]), averaged over the batch (Mikolov et al.,
    "Distributed representations of words and phrases and their compositionality", NIPS 2013).

    Args:
        W: the output table, (V, D): float32 or float64. It is kept, not copied.
        sampler: called with (targets, negative); returns the drawn ids, integers, (N, negative),
            where −1 is "no draw". :class:`UnigramSampler` is one.
        negative: K, the draws a target.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.

    Attributes:
        params, grads: ``[W]`` and ``[dW]``.
    """

    def __init__(
        self,
        W: Any,
        sampler: Callable[[Any, int], Any],
        negative: int = 5,
        *,
        sparse: bool = False,
    ) -> None:
        self.sampler = sampler
        self.negative = negative
        self._dot = EmbeddingDot(W, sparse=sparse)
        self._loss = SigmoidWithLoss()
        self.params, self.grads = self._dot.params, self._dot.grads

    def forward(self, h: Any, targets: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            h: the hidden vectors, (N, D).
            targets: integers, (N,): the row of W to attract.

        Raises:
            IndexError, TypeError: an id outside the table, or no integer, target or drawn.
            EmbedlayerError: shapes that do not fit.
        """
        (W,) = self.params
        xp = array_module(W)
        targets = check_ids(targets, len(W), W)
        drawn = check_ids(self.sampler(targets, self.negative), len(W), W, no_row=True)
        if targets.ndim != 1 or drawn.shape != (len(targets), self.negative):
            raise EmbedlayerError(
                f"targets have shape {targets.shape}, the sampler's ids {drawn.shape}: "
                f"they must be (N,) and (N, {self.negative})"
            )
        rows = xp.concatenate([targets[:, None], drawn], axis=1)
        labels = xp.zeros(rows.shape, W.dtype)
        labels[:, 0] = 1
        return self._loss.forward(self._dot.forward(h, rows), xp.where(rows < 0, -1, labels))

    def backward(self, dout: float = 1) -> Any:
        """Add up the rows' gradient into ``grads[0]``; return that of ``h``, (N, D).

        Raises:
            EmbedlayerError: no forward yet.
        """
        return self._dot.backward(self._loss.backward(dout))


class UnigramSampler:
    """Draws ids by an alias table, such as that of the counts to the power of 0.75.

    A draw that equals its target becomes −1. The numbers are a function of the seed and of how
    many targets were drawn for before: there is no other state.

    Args:
        prob, alias: uint32 and int32, (V,): as ``alias_table`` of
            ``embedlayer.models.outputs.alias`` gives them.
        seed: the seed.

    Attributes:
        drawn: the number of targets drawn for so far.
    """

    def __init__(self, prob: Any, alias: Any, *, seed: int = 1) -> None:
        self.prob = prob
        self.alias = alias
        self.key = make_key(seed, "unigram")
        self.drawn = 0

    def __call__(self, targets: Any, negative: int) -> Any:
        """``negative`` ids a target: int32, (N, negative), for targets (N,)."""
        xp = array_module(self.prob, targets)
        targets = xp.asarray(targets, dtype=np.int32)
        positions = xp.arange(self.drawn, self.drawn + len(targets), dtype=np.int64)
        self.drawn += len(targets)
        draw = kernels_for(targets).draw
        return draw(self.prob, self.alias, targets, positions, negative, self.key)[:, 1:]


def _scores(x: Any, t: Any) -> Any:
    """x as an array of floats, of the library of x and t."""
    x = array_module(x, t).asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)
