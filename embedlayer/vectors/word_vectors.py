"""What is held: words and one vector each, immutable, and the same vectors at length 1."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import repeat
from typing import Any, Self

import numpy as np

from embedlayer.backend import asarray, get_backend, to_numpy
from embedlayer.errors import UnknownWordError, shown
from embedlayer.storage.words import checked_counts
from embedlayer.vectors.checks import (
    checked_matrix,
    checked_metadata,
    checked_output,
    checked_words,
    holds_several,
    read_only,
    row_of,
    words_in,
)
from embedlayer.vectors.search import unit_rows


class WordVectors:
    """Words and their vectors, checked and immutable; the arguments are those of ``Vectors``."""

    def __init__(
        self,
        words: Sequence[str],
        matrix: Any,
        counts: Any = None,
        metadata: dict[str, Any] | None = None,
        output: Any = None,
    ) -> None:
        self._words = checked_words(words)
        self._row_of = row_of(self._words)
        self._matrix = checked_matrix(matrix, self._words)
        self._counts = None
        if counts is not None:
            self._counts = read_only(checked_counts(to_numpy(counts), len(self._words)))
        self._metadata = checked_metadata({} if metadata is None else metadata)
        self._output = None if output is None else checked_output(output, self.dim)
        self._unit: dict[str, Any] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The V words, in the order of the rows."""
        return self._words

    @property
    def matrix(self) -> np.ndarray:
        """float32, (V, D), read-only: what changes it, as the training of a layer, takes a copy."""
        return self._matrix

    @property
    def counts(self) -> np.ndarray | None:
        """int64, (V,), read-only; None where they are not known."""
        return self._counts

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of what is said about where the vectors come from."""
        return deepcopy(self._metadata)

    @property
    def output(self) -> np.ndarray | None:
        """float32, (R, D), read-only: the output table, where ``keep_output`` kept it."""
        return self._output

    @property
    def dim(self) -> int:
        """D, the numbers in a vector."""
        return self._matrix.shape[1]

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self._row_of

    def __reduce__(self) -> tuple[Any, ...]:
        """What a pickle or a copy is made of: all but the vectors at length 1."""
        return type(self), (
            self._words,
            self._matrix,
            self._counts,
            self._metadata,
            self._output,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable: scikit-learn's clone() takes no second copy of a large matrix

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name}: {len(self):,} words, {self.dim:,} dimensions>"

    def __getitem__(self, words: str | Sequence[str] | np.ndarray) -> np.ndarray:
        """float32: the vector of a word, (D,), or of each of n words, (n, D); as :meth:`index`."""
        given = words_in(words)
        if isinstance(given, str):
            return self._matrix[self.index(given)]
        if given is None:  # of what is no word the first is named
            items: Any = words if holds_several(words) else [words]
            given = list(items)
        return self._matrix[self.rows(given)]

    def index(self, word: str) -> int:
        """The row of a word; UnknownWordError when it has none."""
        row = self._row_of.get(word) if isinstance(word, str) else None
        if row is None:
            raise UnknownWordError(
                f"unknown word {shown(word)}: it is not among these {len(self):,} words (case "
                "matters)"
            )
        return row

    def rows(self, words: Iterable[str]) -> np.ndarray:
        """int64, (n,): the row of each of n words; UnknownWordError for the first without one."""
        return np.array([self.index(word) for word in words], np.int64)

    def find(self, words: Iterable[str]) -> np.ndarray:
        """int64, (n,): the row of each of n words, −1 where it has none."""
        return np.fromiter(map(self._row_of.get, words, repeat(-1)), np.int64)

    def unit(self) -> Any:
        """float32, (V, D): the vectors at length 1, on the backend in force; computed once."""
        backend = get_backend()
        if backend not in self._unit:
            self._unit[backend] = unit_rows(asarray(self._matrix, backend=backend))
        return self._unit[backend]
