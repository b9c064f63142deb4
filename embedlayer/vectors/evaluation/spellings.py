"""Which words of the vectors a benchmark's word means, and which are made of n-grams."""

from collections.abc import Iterable, Sequence

import numpy as np

from embedlayer.options import Whole
from embedlayer.vectors.word_vectors import WordVectors

UNTOLD = ("unseen", None)  # of a result: vectors without n-grams make no word of them


class Spellings:
    """The rows that a benchmark's word may mean: those of its spellings, the first one first."""

    def __init__(
        self, words: Sequence[str], case_insensitive: bool, restrict_vocab: int | None
    ) -> None:
        if restrict_vocab is not None:
            words = words[: Whole().checked("restrict_vocab", restrict_vocab)]
        self.fold = str.upper if case_insensitive else str
        self.words = words
        self.folded = [self.fold(word) for word in words]
        self.unseen: set[str] | None = None
        self._rows_of: dict[str, list[int]] = {}
        for row, word in enumerate(self.folded):
            self._rows_of.setdefault(word, []).append(row)

    def make(self, vectors: WordVectors, words: Iterable[str]) -> None:
        """Of these words also know those that have no row and are made of n-grams, as written."""
        if vectors.subwords is not None:
            others = [word for word in {*words} if word not in self and word not in vectors]
            made = vectors.subwords.means(others)
            self.unseen = {others[i] for i in np.flatnonzero(made.sizes).tolist()}

    def __contains__(self, word: str) -> bool:
        return self.fold(word) in self._rows_of or (self.unseen is not None and word in self.unseen)

    def rows(self, word: str) -> list[int]:
        """Those of its spellings; none for a word that is made of n-grams."""
        return self._rows_of.get(self.fold(word), [])

    def name(self, word: str) -> str:
        """The word whose vector it has: its first spelling, or itself."""
        rows = self.rows(word)
        return self.words[rows[0]] if rows else word

    def count_unseen(self, groups: Iterable[Sequence[str]]) -> int | None:
        """How many groups of words have one that is made; None where none could be."""
        if self.unseen is None:
            return None
        return sum(not self.unseen.isdisjoint(words) for words in groups)
