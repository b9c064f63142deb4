"""The nearest keys, in gensim's words: the one place that searches with ``embedlayer.Vectors``."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from embedlayer.backend import asarray, to_numpy
from embedlayer.compat.gensim.errors import refuse
from embedlayer.compat.gensim.keys import bound, is_key, numbers, several
from embedlayer.compat.gensim.rows import Rows
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real, Whole
from embedlayer.vectors.search import cosines, nearest_rows

Neighbours = list[tuple[str, float]]
ALMOST_ZERO = 1e-6  # 3CosMul divides by a product that may be zero


class Queries(Rows):
    """Keys, rows, and questions for the nearest of them."""

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: None = None,
    ) -> Any:
        """The keys of the highest cosine with the mean of what is given; 3CosAdd.

        Args:
            positive, negative: a key, a vector, or a list of keys, vectors and pairs (key or
                vector, weight). A vector counts as it is, a key by its row at length 1; without a
                weight they count 1 and −1. A key is never among the answers.
            topn: how many; None gives the cosine of every row instead: float32.
            clip_start, clip_end: look at these rows only.
            restrict_vocab: look at the first so many rows only.
            indexer: None; the search is exact.

        Raises:
            UnknownWordError: a key that is not there (also a KeyError).
            EmbedlayerError: nothing is given, or a vector that is none of these rows' kind.
        """
        if indexer is not None:
            refuse("indexer", indexer, "the search is exact; leave it out")
        given, weights = _weighted(positive, negative)
        topn = _checked_topn(topn)
        if topn is not None and topn < 1:
            return []
        mean = self.get_mean_vector(given, weights, post_normalize=True, ignore_missing=False)
        most = bound("restrict_vocab", restrict_vocab)
        bounds = bound("clip_start", clip_start), bound("clip_end", clip_end)
        clip = slice(0, most) if most else slice(*bounds)
        first, end, _ = clip.indices(len(self))
        unit, direction = self.as_vectors().unit()[first:end], asarray(mean)
        if topn is None:
            return cosines(to_numpy(unit @ direction))
        if end <= first:
            return []
        excluded = [row - first for row in self._given_rows(given) if first <= row < end]
        rows, scores = nearest_rows(unit, direction[None], [excluded], topn)
        there = scores[0] > -np.inf  # fewer than topn, where rows are excluded
        return self._named(rows[0, there] + first, cosines(scores[0, there]))

    def most_similar_cosmul(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """The keys of the highest product of cosines (shifted to 0 … 1): 3CosMul.

        Levy and Goldberg, "Linguistic regularities in sparse and explicit word representations",
        CoNLL 2014. Arguments and errors as :meth:`most_similar`, without weights.
        """
        topn = _checked_topn(topn)
        if topn is not None and topn < 1:
            return []
        near, far = _listed(positive), _listed(negative)
        if not near and not far:
            raise EmbedlayerError("no keys and no vectors: give positive or negative")
        unit = to_numpy(self.as_vectors().unit())[: bound("restrict_vocab", restrict_vocab)]
        top, below = (self._shifted(unit, given).prod(axis=1) for given in (near, far))
        scores = top / (below + ALMOST_ZERO)
        if topn is None:
            return scores
        given = self._given_rows([*near, *far])
        order = np.argsort(-scores, kind="stable")
        order = order[~np.isin(order, given)][:topn]
        return self._named(order, scores[order])

    def similar_by_word(
        self, word: Any, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of a key."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_key(
        self, key: Any, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of a key."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: Any, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """:meth:`most_similar` of a vector."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def get_mean_vector(
        self,
        keys: Any,
        weights: Sequence[float] | np.ndarray | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """The weighted mean of the rows of keys and of vectors: float32, (D,).

        Args:
            keys: as ``positive`` of :meth:`most_similar`, without weights.
            weights: one for each; default 1. Their absolute values are divided by.
            pre_normalize: take the rows of keys, but not vectors, at length 1.
            post_normalize: make the mean of length 1.
            ignore_missing: leave out keys that are not there.

        Raises:
            UnknownWordError: a key that is not there, unless ``ignore_missing``.
            EmbedlayerError: no keys, or another number of weights.
        """
        given = _listed(keys)
        factors = np.ones(len(given))
        if weights is not None:
            factors = numbers("weights", weights, np.float64, (-1,))
        if not given or len(factors) != len(given) or not np.isfinite(factors).all():
            raise EmbedlayerError(
                f"{len(given)} keys and {len(factors)} weights: give as many, all finite"
            )
        total, divisor = np.zeros(self.vector_size), 0.0
        for key, factor in zip(given, factors, strict=True):
            if not (ignore_missing and is_key(key) and key not in self):
                total += factor * self.vector_of(key, pre_normalize).astype(np.float64)
                divisor += abs(factor)
        mean = (total / divisor if divisor else total).astype(np.float32)
        return at_length_1(mean) if post_normalize else mean

    def vector_of(self, given: Any, norm: bool = False) -> np.ndarray:
        """The row of a key, with ``norm`` at length 1; or a vector itself, checked: (D,).

        Raises:
            UnknownWordError: a key that is not there.
            EmbedlayerError: a vector of another length, or with a NaN or an infinity.
        """
        if is_key(given):
            return self.get_vector(given, norm)
        vector = numbers("a vector", given, np.float32)
        if vector.shape != (self.vector_size,) or not np.isfinite(vector).all():
            raise EmbedlayerError(
                f"a vector has {self.vector_size} finite numbers; this is {vector.shape}"
            )
        return vector

    def _given_rows(self, given: Iterable[Any]) -> list[int]:
        return [self.get_index(key) for key in given if is_key(key)]

    def _named(self, rows: np.ndarray, scores: np.ndarray) -> Neighbours:
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return [(self.index_to_key[row], score) for row, score in pairs]

    def _shifted(self, unit: np.ndarray, given: list[Any]) -> np.ndarray:
        """The cosines of all rows with each of the given ones, shifted to 0 … 1: (V, n)."""
        vectors = [self.vector_of(one, norm=True) for one in given]
        directions = np.array(vectors, np.float32).reshape(-1, self.vector_size)
        return (1 + unit @ directions.T) / 2


def at_length_1(vector: np.ndarray) -> np.ndarray:
    """A vector divided by its length; one of zeros stays as it is."""
    length = np.linalg.norm(vector.astype(np.float64))
    return vector if length == 0 else (vector / length).astype(vector.dtype)


def _checked_topn(topn: Any) -> int | None:
    """A whole number, or a flag as gensim takes it; EmbedlayerError for anything else."""
    number = int(topn) if isinstance(topn, bool) else topn
    return None if topn is None else Whole(-(2**31)).checked("topn", number)


def _listed(given: Any) -> list[Any]:
    """One key or vector, or several, as a list."""
    if given is None:
        return []
    single = is_key(given) or (isinstance(given, np.ndarray) and given.ndim == 1)
    return [given] if single else several(given)


def _weighted(positive: Any, negative: Any) -> tuple[list[Any], list[float]]:
    """What is given, and the weight of each: 1 and −1 where it is not in a pair."""
    given, weights = [], []
    for items, weight in ((positive, 1.0), (negative, -1.0)):
        for item in _listed(items):
            pair = isinstance(item, tuple | list) and len(item) == 2 and not _is_vector(item)
            given.append(item[0] if pair else item)
            weights.append(Real().checked("weight", item[1]) if pair else weight)
    return given, weights


def _is_vector(item: Sequence[Any]) -> bool:
    """Whether an item is a vector of two numbers, and not a pair of a key and its weight."""
    return isinstance(item, list) and all(isinstance(one, float) for one in item)
