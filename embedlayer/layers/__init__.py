"""The layers of the book, written once against ``xp``: forward, backward, params and grads."""

from embedlayer.layers.activations import Dropout, Sigmoid, Softmax
from embedlayer.layers.bag import EmbeddingBag
from embedlayer.layers.embedding import Embedding, EmbeddingDot
from embedlayer.layers.linear import Affine, MatMul
from embedlayer.layers.losses import (
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    UnigramSampler,
)
from embedlayer.layers.rowgrad import RowGrad

__all__ = [
    "Affine",
    "Dropout",
    "Embedding",
    "EmbeddingBag",
    "EmbeddingDot",
    "MatMul",
    "NegativeSamplingLoss",
    "RowGrad",
    "Sigmoid",
    "SigmoidWithLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "UnigramSampler",
]
