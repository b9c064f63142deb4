"""Questions to words and their vectors, answered by cosine."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.backend import asarray, to_numpy
from embedlayer.errors import EmbedlayerError
from embedlayer.options import Whole
from embedlayer.vectors.search import analogy_directions, cosines, nearest_rows, unit_rows
from embedlayer.vectors.word_vectors import WordVectors

Neighbours = list[tuple[str, float]]


class Questions(WordVectors):
    """Words and vectors that can be asked: by cosine, which is that of vectors at length 1."""

    def nearest(self, query: Any, k: int = 10) -> Any:
        """The k words of the highest cosine with a word or a vector, the nearest first.

        Args:
            query: a word, or a vector (D,): the answer is one list of (word, cosine).
                A list of n words, or a matrix (n, D): the answer is a list of n such lists.
                A word is never among its own neighbours.
            k: how many, at least 1; fewer come when the vocabulary holds no more.

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
            EmbedlayerError: a vector of another length, or with a NaN or an infinity; k below 1.
        """
        if isinstance(query, str):
            return self.nearest([query], k)[0]
        if isinstance(query, list | tuple) and all(isinstance(word, str) for word in query):
            rows = self.rows(query)
            return self._neighbours(self.unit()[asarray(rows)], rows[:, None].tolist(), k)
        vectors = self._query_vectors(query)
        directions = unit_rows(asarray(vectors.reshape(-1, self.dim)))
        answers = self._neighbours(directions, [()] * len(directions), k)
        return answers if vectors.ndim == 2 else answers[0]

    def analogy(self, a: Any, b: Any, c: Any, k: int = 10) -> Any:
        """The k best answers to "a is to b as c is to ?", which are never a, b or c.

        Args:
            a, b, c: a word each: the answer is one list of (word, cosine with b − a + c), where
                the vectors are of length 1. Or n words each: the answer is n such lists.
            k: how many, at least 1.

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
            EmbedlayerError: lists of different lengths; k below 1.
        """
        if isinstance(a, str):
            return self.analogy([a], [b], [c], k)[0]
        if not len(a) == len(b) == len(c):
            raise EmbedlayerError(
                f"analogy takes lists of one length, not {len(a)}, {len(b)} and {len(c)} words"
            )
        rows = np.stack([self.rows(a), self.rows(b), self.rows(c)])
        directions = analogy_directions(self.unit(), *asarray(rows))
        return self._neighbours(directions, rows.T.tolist(), k)

    def similarity(self, a: str, b: str) -> float:
        """The cosine of the vectors of two words; 0 when one of them is all zeros.

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
        """
        left, right = unit_rows(self[[a, b]].astype(np.float64))
        return float(cosines(left @ right))

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that is farthest, by cosine, from the mean of all these (at length 1).

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
            EmbedlayerError: fewer than three words, among which none is the odd one.
        """
        if len(words) < 3:
            raise EmbedlayerError(f"doesnt_match takes three words or more, not {len(words)}")
        unit = unit_rows(self[words].astype(np.float64))
        return words[int((unit @ unit.mean(axis=0)).argmin())]

    def _query_vectors(self, query: Any) -> np.ndarray:
        try:
            with np.errstate(over="ignore"):  # what float32 cannot hold is found as an infinity
                vectors = np.asarray(to_numpy(query), np.float32)
        except (TypeError, ValueError):
            raise EmbedlayerError("a query is a word, words, a vector or a matrix") from None
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != self.dim:
            raise EmbedlayerError(
                f"a query vector has {self.dim} numbers, (D,) or (n, D); this is {vectors.shape}"
            )
        if not np.isfinite(vectors).all():
            raise EmbedlayerError("a query vector holds a NaN or an infinity")
        return vectors

    def _neighbours(
        self, directions: Any, excluded: Sequence[Sequence[int]], k: int
    ) -> list[Neighbours]:
        k = Whole().checked("k", k)
        rows, scores = nearest_rows(self.unit(), directions, excluded, k)
        found = (scores > -np.inf).sum(axis=1).tolist()  # the others come last
        return [
            [(self.words[row], score) for row, score in zip(*pair, strict=True)][:size]
            for size, *pair in zip(found, rows.tolist(), cosines(scores).tolist(), strict=True)
        ]
