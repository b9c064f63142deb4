"""The signatures of "Deep Learning from Scratch 2", chapters 1 to 4, on top of this package's.

So the book's programs run when their imports are changed to ``from embedlayer.compat.book import
…``. For ``common.np``, where the book chooses NumPy or CuPy: ``from embedlayer import xp as np``,
and ``EMBEDLAYER_BACKEND`` or ``embedlayer.set_backend`` is the switch.

What differs: ``UnigramSampler`` may draw a word twice for a target, as the book does on a GPU
alone. ``embedlayer.layers.SoftmaxWithLoss`` takes labels of one class per row or probabilities,
as they are; the book, and so the one here, takes the class of the largest.
"""

from typing import Any

import numpy as np

from embedlayer import layers, optim
from embedlayer.backend import array_module, to_numpy
from embedlayer.compat.book_text import convert_one_hot, create_contexts_target, preprocess
from embedlayer.compat.book_trainer import Trainer, clip_grads, remove_duplicate
from embedlayer.compat.book_words import (
    analogy,
    cos_similarity,
    create_co_matrix,
    most_similar,
    normalize,
    ppmi,
    to_cpu,
    to_gpu,
)
from embedlayer.errors import EmbedlayerError
from embedlayer.layers import (
    Affine,
    Embedding,
    EmbeddingDot,
    MatMul,
    Sigmoid,
    SigmoidWithLoss,
    Softmax,
)
from embedlayer.models.outputs.alias import alias_table
from embedlayer.optim import SGD, Momentum, Nesterov

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "Affine",
    "Dropout",
    "Embedding",
    "EmbeddingDot",
    "MatMul",
    "Momentum",
    "NegativeSamplingLoss",
    "Nesterov",
    "RMSprop",
    "Sigmoid",
    "SigmoidWithLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "TimeAffine",
    "TimeEmbedding",
    "Trainer",
    "UnigramSampler",
    "analogy",
    "clip_grads",
    "convert_one_hot",
    "cos_similarity",
    "create_co_matrix",
    "create_contexts_target",
    "most_similar",
    "normalize",
    "ppmi",
    "preprocess",
    "remove_duplicate",
    "to_cpu",
    "to_gpu",
]

EPS = 1e-7
TimeAffine, TimeEmbedding = Affine, Embedding  # they take inputs of any number of axes


class SoftmaxWithLoss(layers.SoftmaxWithLoss):
    """Labels of x's shape stand for the class of the largest."""

    def forward(self, x: Any, t: Any) -> float:
        t = array_module(x, t).asarray(t)
        return super().forward(x, t.argmax(axis=1) if t.ndim == 2 else t)


class Dropout(layers.Dropout):
    """Numbers are scaled when nothing is dropped, not in training."""

    def __init__(self, dropout_ratio: float = 0.5) -> None:
        super().__init__(dropout_ratio)

    def forward(self, x: Any, train_flg: bool = True) -> Any:
        return super().forward(x, train_flg) * (1 - self.ratio)

    def backward(self, dout: Any) -> Any:
        return super().backward(dout) * (1 - self.ratio)


class UnigramSampler:
    """Draws words by their count in a text to a power, never the target itself.

    Args:
        corpus: integers, (N,): the ids of the text's words.
        power: of the counts.
        sample_size: the draws a target.
    """

    def __init__(self, corpus: Any, power: float, sample_size: int) -> None:
        xp = array_module(corpus)
        weights = xp.bincount(xp.asarray(corpus)).astype(np.float64) ** power
        self.sample_size, self.vocab_size = sample_size, len(weights)
        self.word_p = weights / weights.sum()
        self._alone = bool((self.word_p >= 1).any())  # one word has every count
        prob, alias = alias_table(to_numpy(weights))
        self._prob, self._alias = xp.asarray((prob + 1.0) / 2**32), xp.asarray(alias)

    def get_negative_sample(self, target: Any) -> Any:
        """Integers, (N, sample_size), for targets (N,); ``np.random.seed`` fixes them.

        Raises:
            EmbedlayerError: a target beside which the text has no word.
        """
        xp = array_module(self._prob)
        target = xp.asarray(target)[:, None]
        if self._alone and bool((self.word_p[target] >= 1).any()):
            raise EmbedlayerError("the text has one word alone: there is no other to draw")
        drawn = self._draw(len(target), self.sample_size)
        while len(again := xp.flatnonzero(drawn == target)):
            drawn.reshape(-1)[again] = self._draw(len(again))
        return drawn

    def _draw(self, *shape: int) -> Any:
        """Words by the alias method: the whole part of a number is the slot, the rest decides."""
        xp = array_module(self._prob)
        numbers = xp.random.random_sample(shape) * self.vocab_size
        slot = xp.minimum(numbers.astype(np.int64), self.vocab_size - 1)
        return xp.where(numbers - slot < self._prob.take(slot), slot, self._alias.take(slot))

    def __call__(self, targets: Any, negative: int) -> Any:
        return self.get_negative_sample(targets)


class NegativeSamplingLoss(layers.NegativeSamplingLoss):
    """The loss with a sampler of the text's words."""

    def __init__(
        self,
        W: Any,
        corpus: Any,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        sparse: bool = False,
    ) -> None:
        super().__init__(W, UnigramSampler(corpus, power, sample_size), sample_size, sparse=sparse)


class AdaGrad(optim.AdaGrad):
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr, EPS)


class RMSprop(optim.RMSprop):
    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        super().__init__(lr, decay_rate, EPS)


class Adam(optim.Adam):
    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        super().__init__(lr, beta1, beta2, EPS, eps_hat=True)
