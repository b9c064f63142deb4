"""What is held: words and one vector each, immutable, the same vectors at length 1, and the rows of
n-grams, out of which words that are not held have vectors, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import repeat
from typing import Any, Self

import numpy as np

from embedlayer.backend import asarray, get_backend, to_numpy
from embedlayer.errors import UnknownWordError, shown
from embedlayer.storage.alike import did_you_mean
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
from embedlayer.vectors.shown import html_table, titled
from embedlayer.vectors.subwords import SubwordRows, checked_subwords
from embedlayer.vectors.word_means import WordMeans

SHOWN = 5  # words, and numbers of their vectors, in a notebook


class WordVectors:
    """Words and their vectors, checked and immutable; the arguments are those of ``Vectors``."""

    def __init__(
        self,
        words: Sequence[str],
        matrix: Any,
        counts: Any = None,
        metadata: dict[str, Any] | None = None,
        output: Any = None,
        subwords: SubwordRows | None = None,
    ) -> None:
        self._words = checked_words(words)
        self._row_of = row_of(self._words)
        lazy = isinstance(matrix, WordMeans) and len(matrix) == len(self._words)
        self._held: Any = matrix if lazy else checked_matrix(matrix, self._words)
        self._counts = None
        if counts is not None:
            self._counts = read_only(checked_counts(to_numpy(counts), len(self._words)))
        self._metadata = checked_metadata({} if metadata is None else metadata)
        lazy = isinstance(output, WordMeans)
        self._output = output if lazy or output is None else checked_output(output, self.dim)
        self._subwords = checked_subwords(subwords, self.dim)
        self._unit: dict[str, Any] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The V words, in the order of the rows."""
        return self._words

    @property
    def matrix(self) -> np.ndarray:
        """float32, (V, D), read-only; what changes it, as the training of a layer, takes a copy.

        Of a model of fastText's it is made when it is asked for first.
        """
        if isinstance(self._held, WordMeans):
            self._held = read_only(self._held[:])
        return self._held

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
        """float32, (R, D), read-only; the output table, where ``keep_output`` kept it."""
        if isinstance(self._output, WordMeans):
            self._output = read_only(self._output[:])
        return self._output

    @property
    def subwords(self) -> SubwordRows | None:
        """The rows of n-grams, out of which unseen words have vectors; None where there are none.

        ``in``, :meth:`index` and :meth:`rows` know the V words alone.
        """
        return self._subwords

    @property
    def dim(self) -> int:
        """D, the numbers in a vector."""
        return self._held.shape[1]

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
            self.matrix,
            self._counts,
            self._metadata,
            self.output,
            self._subwords,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable: scikit-learn's clone() takes no second copy of a large matrix

    def __repr__(self) -> str:
        name = type(self).__name__
        text = f"<{name}: {len(self):,} words, {self.dim:,} dimensions"
        return f"{text}{'' if self._subwords is None else ', n-grams for others'}>"

    def _repr_html_(self) -> str:
        """A small table, for notebooks: the commonest words, and where the vectors come from."""
        some = self._words[:SHOWN]
        counts = [None] * len(some) if self._counts is None else self._counts[:SHOWN].tolist()
        starts = [", ".join(f"{x:.3f}" for x in row[:SHOWN]) + " …" for row in self._held[:SHOWN]]
        rows = list(zip(some, counts, starts, strict=True))
        about = [(name, str(value)) for name, value in self._metadata.items()]
        title = repr(self).strip("<>")
        words = html_table(rows, ("word", "count", "vector"))
        return titled(title, words, html_table(about) if about else "")

    def __getitem__(self, words: str | Sequence[str] | np.ndarray) -> np.ndarray:
        """float32: the vector of a word, (D,), or of each of n words, (n, D).

        Where there are rows of n-grams, a word that is not among the V is the mean of its own
        n-grams' rows, and zeros if there are none of them.

        Raises:
            UnknownWordError: such a word, where there are no rows of n-grams.
        """
        given = words_in(words)
        if isinstance(given, str):
            return (
                self._held[self._row_of[given]] if given in self else self._vectors_of([given])[0]
            )
        if given is None:  # of what is no word the first is named
            items: Any = words if holds_several(words) else [words]
            given = list(items)
        return self._vectors_of(given)

    def unit_of(self, words: Sequence[str]) -> Any:
        """float32, (n, D): the vectors of n words at length 1, on the backend in force.

        Raises:
            UnknownWordError: as for the vectors themselves.
        """
        rows, unseen = self._seen(words)
        vectors = self.unit()[asarray(rows)]
        if len(unseen):
            vectors[asarray(unseen)] = unit_rows(asarray(self._made(words, unseen)))
        return vectors

    def _vectors_of(self, words: Sequence[str]) -> np.ndarray:
        rows, unseen = self._seen(words)
        vectors = self._held[rows]
        if len(unseen):
            vectors[unseen] = self._made(words, unseen)
        return vectors

    def _seen(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of words, −1 for those to be made of n-grams; and which these are."""
        if self._subwords is None or not all(isinstance(word, str) for word in words):
            return self.rows(words), np.empty(0, np.int64)
        rows = self.find(words)
        return rows, np.flatnonzero(rows < 0)

    def _made(self, words: Sequence[str], which: np.ndarray) -> np.ndarray:
        assert self._subwords is not None
        return self._subwords.means([words[i] for i in which.tolist()]).vectors

    def index(self, word: str) -> int:
        """The row of a word; UnknownWordError when it has none."""
        row = self._row_of.get(word) if isinstance(word, str) else None
        if row is None:
            raise UnknownWordError(
                f"unknown word {shown(word)}: it is not among these {len(self):,} words (case "
                "matters)",
                partial(did_you_mean, word, self._words, self._row_of),
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
            self._unit[backend] = unit_rows(asarray(self.matrix, backend=backend))
        return self._unit[backend]
