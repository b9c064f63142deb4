"""The transformer: it trains word vectors on documents, and makes a vector of each document."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.models.options import MODELS
from embedlayer.options import Choice, Flag, Whole, check_function
from embedlayer.text.columns import cells
from embedlayer.training.train import train
from embedlayer.vectors.checks import holds_several
from embedlayer.vectors.sentences import principal_directions, weighted_means, without_directions
from embedlayer.vectors.vectors import Vectors
from embedlayer.vectors.weights import A, check_weighting, idf_weights, weights_at

TOKEN_PATTERN = r"(?u)\b\w\w+\b"  # TfidfVectorizer's
MODEL_OPTIONS = ("dim", "window", "loss", "negative", "sample")
TRAIN_OPTIONS = ("epochs", "lr", "min_count", "seed", "workers")


class EmbeddingVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Documents as the mean of their words' vectors, which are trained on them or given.

    Documents are texts, or lists of words, which are taken as they are; in lists or in columns of
    data frames. With ``vectors`` they may be counts: a sparse matrix, (n, V), whose columns are
    ``vectors.words``, as ``CountVectorizer(vocabulary=vectors.words)`` makes it.

    Args:
        vectors: ready-made :class:`embedlayer.Vectors`, or the path of a file of them; without
            them vectors are trained on the documents, each of which is a sentence.
        weighting: how much a word weighs in the mean: 'mean' (all alike), 'tfidf', 'sif', or a
            mapping from words to weights.
        a: of SIF, a / (a + p(word)); p is that of the text that the vectors come from, or of the
            documents where the vectors have no counts.
        components: how many principal components of the documents that are fitted are removed
            from every vector; SIF as published removes one.
        lowercase, tokenizer, token_pattern: how texts become words, as ``TfidfVectorizer`` has
            them.
        model: 'skipgram' or 'cbow'.
        dim, window, loss, negative, sample: as :class:`embedlayer.SkipGram` takes them.
        epochs, lr, min_count, seed, workers: as :func:`embedlayer.train` takes them. With one
            worker, the default here, the same documents give the same vectors again.

    Attributes:
        vectors_: the :class:`embedlayer.Vectors`, of V words and D dimensions.
        weights_: float64, (V,): the weight of each word; None where all weigh 1.
        components_: float32, (k, D): the directions that are removed.

    Raises:
        EmbedlayerError: a ValueError, from ``fit`` and ``transform``: documents that are none, an
            option out of range, nothing to learn from.
    """

    def __init__(
        self,
        *,
        vectors: Vectors | str | Path | None = None,
        weighting: str | Mapping[str, float] = "mean",
        a: float = A,
        components: int = 0,
        lowercase: bool = True,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        token_pattern: str = TOKEN_PATTERN,
        model: str = "skipgram",
        dim: int = 100,
        window: int = 5,
        loss: str = "negative",
        negative: int = 5,
        sample: float = 1e-4,
        epochs: int = 5,
        lr: float | None = None,
        min_count: int = 5,
        seed: int = 1,
        workers: int | None = 1,
    ) -> None:
        self.vectors = vectors
        self.weighting = weighting
        self.a = a
        self.components = components
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.token_pattern = token_pattern
        self.model = model
        self.dim = dim
        self.window = window
        self.loss = loss
        self.negative = negative
        self.sample = sample
        self.epochs = epochs
        self.lr = lr
        self.min_count = min_count
        self.seed = seed
        self.workers = workers

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the vectors unless they are given, and learn the weights of words."""
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """The vectors of the documents that are fitted, which are split into words once."""
        return without_directions(self._fit(X), self.components_)

    def transform(self, X: Any) -> Any:
        """The vectors of documents: float32, (n, D); zeros where no word is known."""
        check_is_fitted(self)
        means = self._means(self.vectors_.term_counts(self._documents(X)))
        return without_directions(means, self.components_)

    @property
    def _n_features_out(self) -> int:
        return self.vectors_.dim

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []  # float32 comes, whatever is given
        return tags

    def _fit(self, X: Any) -> Any:
        """Learn from the documents; return their means, (n, D), of which nothing is removed yet."""
        k = Whole(0).checked("components", self.components)
        check_weighting(self.weighting, self.a)
        documents = self._documents(X)
        self.vectors_ = self._given_or_trained(documents)
        counts = self.vectors_.term_counts(documents)
        self.weights_ = self._learnt_weights(counts)
        means = self._means(counts)
        self.components_ = principal_directions(means, k)
        return means

    def _documents(self, X: Any) -> Any:
        """The documents as lists of words; counts as they are."""
        if issparse(X):
            return X
        flat = isinstance(X, Iterable) and len(getattr(X, "shape", (0,))) == 1
        if not flat or isinstance(X, str | bytes | Mapping):
            raise EmbedlayerError(
                f"documents are a list or a column, df['text'], not a {type(X).__name__}"
            )
        words_of = self._analyzer()
        return [
            words_of(document) if isinstance(document, str | bytes) else _words(place, document)
            for place, document in enumerate(cells(X))
        ]

    def _analyzer(self) -> Callable[[str | bytes], list[str]]:
        """What splits a text into words."""
        lowercase = Flag().checked("lowercase", self.lowercase)
        if self.tokenizer is not None:
            check_function("tokenizer", self.tokenizer)
        try:
            return CountVectorizer(
                lowercase=lowercase, tokenizer=self.tokenizer, token_pattern=self.token_pattern
            ).build_analyzer()
        except (TypeError, re.error):
            raise EmbedlayerError(
                f"token_pattern is {shown(self.token_pattern)}: it must be a regular expression"
            ) from None

    def _given_or_trained(self, documents: Any) -> Vectors:
        if isinstance(self.vectors, Vectors):
            return self.vectors
        if self.vectors is not None:
            return Vectors.load(self.vectors)
        if issparse(documents):
            raise EmbedlayerError(
                "a matrix of counts has lost the order of words, from which vectors are trained: "
                "fit texts or lists of words, or give vectors=..."
            )
        name = Choice(MODELS).checked("model", self.model)
        model = MODELS[name](**{option: getattr(self, option) for option in MODEL_OPTIONS})
        return train(
            documents, model, **{option: getattr(self, option) for option in TRAIN_OPTIONS}
        )

    def _learnt_weights(self, counts: Any) -> np.ndarray | None:
        vectors, size = self.vectors_, counts.shape[1]
        if isinstance(self.weighting, str) and self.weighting == "tfidf":
            once = counts.copy()
            once.sum_duplicates()
            once.eliminate_zeros()
            return idf_weights(np.bincount(once.indices, minlength=size), counts.shape[0])
        seen = counts.sum(axis=0, dtype=np.float64) if vectors.counts is None else vectors.counts
        return weights_at(np.arange(size), self.weighting, vectors.words, seen, self.a)

    def _means(self, counts: Any) -> np.ndarray:
        weights = None if self.weights_ is None else self.weights_[counts.indices]
        by_size = isinstance(self.weighting, str) and self.weighting == "sif"
        return weighted_means(counts, self.vectors_.matrix, weights, by_size)


def _words(place: int, document: Any) -> list[str]:
    if not holds_several(document):
        raise EmbedlayerError(
            f"document {place} is the {type(document).__name__} {document!r:.40}: give a text or "
            "a list of words, and leave out what is missing"
        )
    return list(document)
