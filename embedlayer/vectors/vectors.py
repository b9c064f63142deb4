"""What training makes and a user keeps: words, one vector each, and questions to them."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import asarray, get_backend, to_numpy
from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.options import Whole
from embedlayer.storage.reading import expanded
from embedlayer.storage.words import checked_counts
from embedlayer.vectors import files
from embedlayer.vectors.checks import (
    checked_matrix,
    checked_metadata,
    checked_words,
    read_only,
    row_of,
)
from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.search import analogy_directions, cosines, nearest_rows, unit_rows

Neighbours = list[tuple[str, float]]


class Vectors:
    """Words and their vectors, immutable; V words, the most frequent first, D dimensions.

    Args:
        words: V unique words.
        matrix: real numbers, (V, D), kept as float32: one row a word. Not copied when it is a
            C-contiguous NumPy float32 array.
        counts: integers, (V,): how often each word was seen, where that is known.
        metadata: what JSON can say about where the vectors come from.

    Raises:
        EmbedlayerError: no words, a word given twice, shapes that do not fit, a NaN or an
            infinity in the matrix, metadata that JSON cannot hold.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: Any,
        counts: Any = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._words = checked_words(words)
        self._row_of = row_of(self._words)
        self._matrix = checked_matrix(matrix, self._words)
        self._counts = None
        if counts is not None:
            self._counts = read_only(checked_counts(to_numpy(counts), len(self._words)))
        self._metadata = checked_metadata({} if metadata is None else metadata)
        self._unit: dict[str, Any] = {}

    @staticmethod
    def load(
        path: str | Path,
        format: str | None = None,
        *,
        limit: int | None = None,
        errors: str = "strict",
        duplicates: str = "first",
        damaged: str = "error",
    ) -> "Vectors":
        """The vectors in a file, of the format named or that its content shows.

        Args:
            path: a file, also .gz, .bz2, .xz or .zst, a pipe, or a URL that fsspec knows.
            format: one of ``FORMATS``; None: what the content shows.
            limit: read only so many rows, the first: in most files the most frequent words.
            errors: in words that are not UTF-8: 'strict', 'replace' or 'ignore', as in Python.
            duplicates: of the rows of one word the 'first' or 'last' is kept; or an 'error'.
            damaged: a row that is none, and a header of more or fewer rows than there are, is an
                'error'; or 'skip' reads all rows that are good. A warning counts what is left out.

        Raises:
            EmbedlayerError, OSError: a file that is damaged, of no known format, or missing; an
                archive that holds far more than its size (``EMBEDLAYER_EXPANSION`` times, 100).
        """
        options = ReadingOptions(limit, errors, duplicates, damaged)
        path = Path(expanded(path))
        with files.named(path):
            return Vectors(*files.load(path, format, options))

    def save(self, path: str | Path, format: str | None = None) -> None:
        """Write a file, all of it or nothing, in the format named or that its suffix says.

        ``.safetensors`` keeps everything; the word2vec and GloVe formats keep words and matrix.

        Raises:
            EmbedlayerError, OSError: a format that is unknown or cannot hold one of the words; a
                folder that is missing or cannot be written to.
        """
        contents = Contents(self._words, self._matrix, self._counts, self._metadata)
        files.save(Path(expanded(path)), contents, format)

    @property
    def words(self) -> tuple[str, ...]:
        """The V words, in the order of the rows."""
        return self._words

    @property
    def matrix(self) -> np.ndarray:
        """float32, (V, D), read-only."""
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
    def dim(self) -> int:
        """D, the numbers in a vector."""
        return self._matrix.shape[1]

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._row_of

    def __repr__(self) -> str:
        return f"<Vectors: {len(self):,} words, {self.dim:,} dimensions>"

    def __getitem__(self, words: str | Sequence[str]) -> np.ndarray:
        """float32: the vector of a word, (D,), or of each of n words, (n, D); as :meth:`index`."""
        if isinstance(words, str) or not isinstance(words, Iterable):
            return self._matrix[self.index(words)]
        return self._matrix[self._rows(words)]

    def index(self, word: str) -> int:
        """The row of a word; UnknownWordError when it has none."""
        row = self._row_of.get(word) if isinstance(word, str) else None
        if row is None:
            raise UnknownWordError(
                f"unknown word {word!r}: it is not among these {len(self):,} words (case matters)"
            )
        return row

    def unit(self) -> Any:
        """float32, (V, D): the vectors at length 1, on the backend in force; computed once."""
        backend = get_backend()
        if backend not in self._unit:
            self._unit[backend] = unit_rows(asarray(self._matrix, backend=backend))
        return self._unit[backend]

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
            rows = self._rows(query)
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
        rows = np.stack([self._rows(a), self._rows(b), self._rows(c)])
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

    def _rows(self, words: Iterable[str]) -> np.ndarray:
        return np.array([self.index(word) for word in words], np.int64)

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
            [(self._words[row], score) for row, score in zip(*pair, strict=True)][:size]
            for size, *pair in zip(found, rows.tolist(), cosines(scores).tolist(), strict=True)
        ]
