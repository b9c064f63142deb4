"""Questions to words and their vectors, answered by cosine."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import Whole
from embedlayer.vectors.checks import words_in
from embedlayer.vectors.queries import Neighbours, Query, analogy_query, nearest_query
from embedlayer.vectors.search import cosines, nearest_rows, unit_rows
from embedlayer.vectors.word_vectors import WordVectors

Words = list[str] | tuple[str, ...]


class Questions(WordVectors):
    """Words and vectors that can be asked: by cosine, which is that of vectors at length 1."""

    @overload
    def nearest(
        self, query: str | Sequence[float], k: int = ..., *, restrict_vocab: int | None = ...
    ) -> Neighbours: ...
    @overload
    def nearest(
        self,
        query: Words | Sequence[Sequence[float]],
        k: int = ...,
        *,
        restrict_vocab: int | None = ...,
    ) -> list[Neighbours]: ...
    @overload
    def nearest(
        self, query: np.ndarray, k: int = ..., *, restrict_vocab: int | None = ...
    ) -> Any: ...
    def nearest(self, query: Any, k: int = 10, *, restrict_vocab: int | None = None) -> Any:
        """The k words of the highest cosine with a word or a vector, the nearest first.

        Equal cosines go by row; a query has the same answer alone and among others.

        Args:
            query: a word, or a vector (D,): the answer is one list of (word, cosine).
                A list (or array) of n words, or a matrix (n, D): the answer is a list of n such
                lists. A word is never among its own neighbours.
            k: how many, at least 1; fewer come when the vocabulary holds no more.
            restrict_vocab: answer with the first so many words only; None: with all.

        Raises:
            UnknownWordError: a word that is not in the vocabulary, where there are no n-grams.
            EmbedlayerError: a vector of another length, or with a NaN or an infinity; k or
                ``restrict_vocab`` below 1.
        """
        return self._answers(nearest_query(self, query), k, restrict_vocab)

    @overload
    def analogy(
        self, a: str, b: str, c: str, k: int = ..., *, restrict_vocab: int | None = ...
    ) -> Neighbours: ...
    @overload
    def analogy(
        self, a: Words, b: Words, c: Words, k: int = ..., *, restrict_vocab: int | None = ...
    ) -> list[Neighbours]: ...
    def analogy(
        self, a: Any, b: Any, c: Any, k: int = 10, *, restrict_vocab: int | None = None
    ) -> Any:
        """The k best answers to "a is to b as c is to ?", which are never a, b or c.

        Args:
            a, b, c: a word each: the answer is one list of (word, cosine with b − a + c), where
                the vectors are of length 1. Or n words each: the answer is n such lists.
            k: how many, at least 1.
            restrict_vocab: answer with the first so many words only; None: with all.

        Raises:
            UnknownWordError: a word that is not in the vocabulary, where there are no n-grams.
            EmbedlayerError: lists of different lengths; k or ``restrict_vocab`` below 1.
        """
        return self._answers(analogy_query(self, a, b, c), k, restrict_vocab)

    def similarity(self, a: str, b: str) -> float:
        """The cosine of the vectors of two words; 0 when one of them is all zeros.

        Raises:
            UnknownWordError: a word that is not in the vocabulary, where there are no n-grams.
        """
        left, right = unit_rows(self[[a, b]].astype(np.float64))
        return float(cosines(left @ right))

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that is farthest, by cosine, from the mean of all these (at length 1).

        Raises:
            UnknownWordError: a word that is not in the vocabulary, where there are no n-grams.
            EmbedlayerError: fewer than three words, among which none is the odd one; no list.
        """
        given = words_in(words)
        if given is None or isinstance(given, str):
            raise EmbedlayerError(f"doesnt_match takes a list of words, not {shown(words)}")
        if len(given) < 3:
            raise EmbedlayerError(f"doesnt_match takes three words or more, not {len(given)}")
        unit = unit_rows(self[given].astype(np.float64))
        return given[int((unit @ unit.mean(axis=0)).argmin())]

    def _answers(self, query: Query, k: int, restrict_vocab: int | None) -> Any:
        k = Whole().checked("k", k)
        unit = self.unit()
        if restrict_vocab is not None:
            unit = unit[: Whole().checked("restrict_vocab", restrict_vocab)]
        rows, scores = nearest_rows(unit, query.directions, query.excluded, k)
        return query.answers(self.words, rows, scores)
