"""Which words of the vectors a benchmark's word means."""

from collections.abc import Sequence

from embedlayer.options import Whole


class Spellings:
    """The rows that a benchmark's word may mean: those of its spellings, the first one first."""

    def __init__(
        self, words: Sequence[str], case_insensitive: bool, restrict_vocab: int | None
    ) -> None:
        if restrict_vocab is not None:
            words = words[: Whole().checked("restrict_vocab", restrict_vocab)]
        self.fold = str.upper if case_insensitive else str
        self.folded = [self.fold(word) for word in words]
        self._rows_of: dict[str, list[int]] = {}
        for row, word in enumerate(self.folded):
            self._rows_of.setdefault(word, []).append(row)

    def __contains__(self, word: str) -> bool:
        return self.fold(word) in self._rows_of

    def rows(self, word: str) -> list[int]:
        return self._rows_of[self.fold(word)]
