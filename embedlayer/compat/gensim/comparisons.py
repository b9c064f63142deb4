"""How near given keys are to each other, in gensim's words."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from embedlayer.compat.gensim.errors import NoWordsError
from embedlayer.compat.gensim.keys import several
from embedlayer.compat.gensim.queries import Queries, at_length_1
from embedlayer.compat.gensim.transport import cheapest_transport
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Whole

_log = logging.getLogger("embedlayer")


class Comparisons(Queries):
    """Keys, rows, the nearest of them, and comparisons of given ones.

    A key that is not there raises UnknownWordError (also a KeyError), where nothing else is said.
    """

    def similarity(self, w1: Any, w2: Any) -> np.float32:
        """The cosine of two keys."""
        return _cosine(self.get_vector(w1), self.get_vector(w2))

    def n_similarity(self, ws1: Sequence[Any], ws2: Sequence[Any]) -> np.float32:
        """The cosine of the means of two lists of keys; those that are not there are left out.

        Raises:
            NoWordsError: an empty list (also a ZeroDivisionError).
        """
        lists = several(ws1), several(ws2)
        if not all(lists):
            raise NoWordsError("a list of keys is empty, so that it has no mean")
        means = (self.get_mean_vector(keys, pre_normalize=False) for keys in lists)
        return _cosine(*means)

    def distance(self, w1: Any, w2: Any) -> np.float32:
        """1 − :meth:`similarity`."""
        return np.float32(1) - self.similarity(w1, w2)

    def distances(self, word_or_vector: Any, other_words: Sequence[Any] = ()) -> np.ndarray:
        """1 − the cosine of a key or vector with other keys, or with every row: float32."""
        vector = self.vector_of(word_or_vector)
        unit = self.get_normed_vectors()
        rows = self.indices(several(other_words))
        others = unit[rows] if len(rows) else unit
        return 1 - others @ at_length_1(vector.astype(np.float32))

    @staticmethod
    def cosine_similarities(vector_1: np.ndarray, vectors_all: np.ndarray) -> np.ndarray:
        """The cosines of a vector, (D,), with each row of a matrix, (n, D)."""
        lengths = np.linalg.norm(vector_1) * np.linalg.norm(vectors_all, axis=1)
        return np.dot(vectors_all, vector_1) / lengths

    def most_similar_to_given(self, key1: Any, keys_list: Sequence[str]) -> str:
        """The one of several keys that is nearest to a key."""
        keys = several(keys_list)
        if not keys:
            raise EmbedlayerError("keys_list is empty: none is nearest")
        return max(keys, key=partial(self.similarity, key1))

    def closer_than(self, key1: Any, key2: Any) -> list[str]:
        """The keys that are nearer to the first key than the second one is."""
        own, row = self.indices([key1, key2])
        distances = self.distances(key1)
        nearer = np.flatnonzero(distances < distances[row])
        return [self.index_to_key[i] for i in nearer if i != own]

    def rank(self, key1: Any, key2: Any) -> int:
        """The place of the second key among all, by their distance to the first; from 1."""
        return len(self.closer_than(key1, key2)) + 1

    def relative_cosine_similarity(self, wa: Any, wb: Any, topn: int = 10) -> float:
        """The cosine of two keys, divided by the sum of those of the first one's ``topn`` nearest.

        Leeuwenberg et al., "A minimally supervised approach for synonym extraction with word
        embeddings", PBML 2016.
        """
        found = self.similar_by_word(wa, Whole().checked("topn", topn))
        return float(self.similarity(wa, wb)) / sum(cosine for _, cosine in found)

    def rank_by_centrality(
        self, words: Iterable[Any], use_norm: bool = True
    ) -> list[tuple[np.float32, Any]]:
        """Keys and the cosine of each with the mean of all, the most central first.

        Keys that are not there are left out, with one log line.

        Raises:
            EmbedlayerError: none is there.
        """
        known = self._known(words)
        rows = np.stack([self.get_vector(word, use_norm) for word in known])
        scores = rows @ self.get_mean_vector(rows, post_normalize=True)
        return sorted(zip(scores, known, strict=True), reverse=True)

    def doesnt_match(self, words: Iterable[Any]) -> Any:
        """The key that is farthest from the mean of all; as :meth:`rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def wmdistance(
        self, document1: Iterable[str], document2: Iterable[str], norm: bool = True
    ) -> float:
        """Word mover's distance of two lists of words; see :mod:`transport`.

        Args:
            document1, document2: words; those that are not there are left out.
            norm: measure between rows at length 1.

        Returns:
            The distance; infinity where a document has no word that is there.
        """
        documents = several(document1), several(document2)
        counts = [Counter(word for word in doc if word in self) for doc in documents]
        if not all(counts):
            return float("inf")
        left, right = (
            np.array([self.get_vector(word, norm) for word in one], np.float64) for one in counts
        )
        shares = [np.array([*one.values()]) / one.total() for one in counts]
        cost = np.linalg.norm(left[:, None] - right, axis=2)
        return cheapest_transport(cost, *shares)

    def _known(self, words: Iterable[Any]) -> list[Any]:
        given = several(words)
        known = [word for word in given if word in self]
        if not known:
            raise EmbedlayerError(f"none of the words {given} is there")
        if len(known) < len(given):
            unknown = [word for word in given if word not in self]
            _log.warning("left out, as they are not there: %s", unknown)
        return known


def _cosine(left: np.ndarray, right: np.ndarray) -> np.float32:
    """In float64 and rounded once: of a vector with itself it is 1."""
    unit = (at_length_1(np.asarray(one, np.float64)) for one in (left, right))
    return np.float32(np.dot(*unit))
