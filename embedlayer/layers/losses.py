"""Losses: a forward that gives a number, a backward that gives the gradient of the scores."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernels_for
from embedlayer.layers.activations import as_floats, log_softmax, sigmoid
from embedlayer.layers.checks import check_ids, check_values
from embedlayer.layers.embedding import EmbeddingDot
from embedlayer.layers.layer import Layer
from embedlayer.rng import make_key


class _Loss(Layer):
    """A loss keeps the gradient of its scores, of the mean over the batch."""

    def backward(self, dout: float = 1) -> Any:
        """The gradient of x, times ``dout``.

        Raises:
            EmbedlayerError: no forward yet.
        """
        self._checked_grads()
        return self._kept * float(dout)


class SigmoidWithLoss(_Loss):
    """The logistic loss of scores x with labels t: −log σ(x) for 1, −log σ(−x) for 0.

    The batch is the first axis: its losses are averaged, those along other axes summed.
    """

    def forward(self, x: Any, t: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            x: the scores, (N,) or (N, R); integers become float64, float16 becomes float32.
            t: labels of x's shape: 0, 1 or anything between; −1 is "no label", which adds
                neither loss nor gradient.

        Raises:
            EmbedlayerError: labels of another shape, or other numbers.
        """
        x = _scores(x, t)
        if x.ndim == 0:
            raise EmbedlayerError("x is a single score: give (N,) or (N, R)")
        t = check_values("t", t, x, x.shape)
        given = (t >= 0) & (t <= 1)
        if not bool((given | (t == -1)).all()):
            raise EmbedlayerError("labels t must be 0 to 1, or -1 for no label; ids are no labels")
        return self._mean_loss(x, t, given)

    def _mean_loss(self, x: Any, t: Any, given: Any) -> float:
        """The same of an array of scores and its labels, which are good where they are given."""
        xp, size = array_module(x), max(len(x), 1)
        self._kept = xp.where(given, sigmoid(x) - t, 0) / size
        # −t log σ(x) − (1 − t) log σ(−x): what the sign of x denies of the label costs |x|.
        far, denied = abs(x), xp.where(x > 0, 1 - t, t)
        loss = xp.log1p(xp.exp(-far)) + denied * xp.where(denied > 0, far, 0)  # 0 · inf is nan
        return float(xp.where(given, loss, 0).sum(dtype=np.float64)) / size


class SoftmaxWithLoss(_Loss):
    """The cross entropy of softmax(x) with labels t: −Σ t log softmax(x), averaged over a batch."""

    def forward(self, x: Any, t: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            x: the scores, (N, C); integers become float64, float16 becomes float32. −∞ is a class
                of probability 0; a row of nothing else, or with ∞, has the loss nan, as in torch.
            t: the class ids, integers, (N,); or labels, (N, C): one-hot or probabilities.

        Raises:
            IndexError, TypeError: an id outside 0 … C − 1, or no integer.
            EmbedlayerError: a shape that does not fit, negative labels.
        """
        x = check_values("x", x, _scores(x, t), (None, None))
        xp = array_module(x)
        if np.ndim(t) == 1:
            ids = check_ids(t, x.shape[1], x)
            check_values("t", ids, x, (len(x),))
            t = (ids[:, None] == xp.arange(x.shape[1])).astype(x.dtype)
        t = check_values("t", t, x, x.shape)
        if not bool((t >= 0).all()):
            raise EmbedlayerError("labels t must be probabilities, none of them negative or nan")
        size = max(len(x), 1)
        logarithms = log_softmax(x)
        self._kept = (xp.exp(logarithms) * t.sum(axis=1, keepdims=True) - t) / size
        # A label of 0 takes nothing, not even of a loss of infinity.
        return -float((t * xp.where(t > 0, logarithms, 0)).sum(dtype=np.float64)) / size


class NegativeSamplingLoss(EmbeddingDot):
    """The logistic loss of hidden vectors against their target's row and K drawn rows.

    −log σ(h·W[target]) − Σₖ log σ(−h·W[drawn k]), averaged over the batch (Mikolov et al.,
    "Distributed representations of words and phrases and their compositionality", NIPS 2013).

    Args:
        W: the output table, (V, D), of floats. It is kept, not copied.
        sampler: called with (targets, negative); returns the drawn ids, integers, (N, negative),
            where −1 is "no draw". :class:`UnigramSampler` is one.
        negative: K, the draws a target.
        sparse: make the gradient a ``RowGrad`` instead of an array of W's shape.
    """

    def __init__(
        self,
        W: Any,
        sampler: Callable[[Any, int], Any],
        negative: int = 5,
        *,
        sparse: bool = False,
    ) -> None:
        super().__init__(W, sparse=sparse)
        self.sampler = sampler
        self.negative = negative
        self._loss = SigmoidWithLoss()

    def forward(self, h: Any, targets: Any) -> float:
        """The mean loss over the batch, in float64; 0.0 for an empty batch.

        Args:
            h: the hidden vectors, (N, D).
            targets: integers, (N,): the row of W to attract.

        Raises:
            IndexError, TypeError: an id outside the table, or no integer, target or drawn.
            EmbedlayerError: shapes that do not fit.
        """
        (W,) = self._checked_params()
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
        return self._loss._mean_loss(_scores(self._scores(h, rows), labels), labels, rows >= 0)

    def backward(self, dout: float = 1) -> Any:
        """Add up the rows' gradient into ``grads[0]``; return that of ``h``, (N, D).

        Raises:
            EmbedlayerError: no forward yet.
        """
        return super().backward(self._loss.backward(dout))


class UnigramSampler:
    """Draws ids by an alias table, such as that of the counts to the power of 0.75.

    A draw that equals its target becomes −1. The numbers are a function of the seed and of how
    many targets were drawn for before: there is no other state.

    Args:
        prob, alias: uint32 and int32, (V,): as ``alias_table`` of
            ``embedlayer.models.outputs.alias`` gives them. They are copied.
        seed: the seed.

    Attributes:
        drawn: the number of targets drawn for so far.

    Raises:
        EmbedlayerError, IndexError: no alias table.
    """

    def __init__(self, prob: Any, alias: Any, *, seed: int = 1) -> None:
        xp = array_module(prob, alias)
        self._prob = xp.array(prob)
        if self._prob.dtype != np.uint32 or self._prob.ndim != 1 or len(self._prob) == 0:
            raise EmbedlayerError(
                f"prob is {self._prob.dtype} {self._prob.shape}: give uint32 (V,), as alias_table "
                "makes it"
            )
        alias = check_ids(alias, len(self._prob), self._prob, dtype=np.int32)
        self._alias = check_values("alias", alias, alias, self._prob.shape)
        self.key = make_key(seed, "unigram")
        self.drawn = 0

    def __call__(self, targets: Any, negative: int) -> Any:
        """``negative`` ids a target: int32, (N, negative), for targets (N,).

        Raises:
            IndexError, TypeError: a target outside the table, or no integer.
            EmbedlayerError: targets of another shape, a negative ``negative``.
        """
        targets = check_ids(targets, len(self._prob), self._prob, dtype=np.int32)
        targets = check_values("targets", targets, targets, (None,))
        negative = operator.index(negative)
        if negative < 0:
            raise EmbedlayerError(f"negative is {negative}: give 0 or more draws a target")
        xp = array_module(targets)
        positions = xp.arange(self.drawn, self.drawn + len(targets), dtype=np.int64)
        self.drawn += len(targets)
        draw = kernels_for(targets).draw
        return draw(self._prob, self._alias, targets, positions, negative, self.key)[:, 1:]


def _scores(x: Any, t: Any) -> Any:
    """x as an array of floats, at least float32, of the library of x and t."""
    x = as_floats(x, t)
    return x.astype(np.promote_types(x.dtype, np.float32), copy=False)
