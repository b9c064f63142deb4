"""The rows of n-grams, out of which any word has a vector: fastText's answer for unseen words.

(P. Bojanowski, E. Grave, A. Joulin, T. Mikolov: Enriching Word Vectors with Subword Information,
https://arxiv.org/abs/1607.04606.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from embedlayer.arrays import places_of
from embedlayer.backend import to_numpy
from embedlayer.errors import EmbedlayerError, shown
from embedlayer.ngrams import Subwords, packed_bags
from embedlayer.storage.words import pack_words
from embedlayer.vectors.checks import first_not_finite, read_only
from embedlayer.vectors.quantized import Quantized

NGRAMS_AT_ONCE = 1 << 18  # whose rows are taken together
FLOATS = ("float32", "float16")


class Means(NamedTuple):
    """float32, (n, D), and int64, (n,): the mean of so many rows; of none it is zeros."""

    vectors: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True, eq=False)
class SubwordRows:
    """The table of n-grams, immutable.

    Args:
        subwords: which n-grams a word has, and the number of buckets, B.
        rows: float32 or float16, (B, D): one for each bucket; of NumPy or CuPy, not copied where it
            is NumPy's, so that it may be mapped from a file; or ``Quantized``.
        kept: integers, (R,), rising: the buckets whose rows there are, when others were dropped;
            ``rows`` then is (R, D). An n-gram that falls into another bucket does not count.

    Raises:
        EmbedlayerError: a table of another shape or dtype, buckets that do not rise.
    """

    subwords: Subwords
    rows: Any
    kept: np.ndarray | None = None

    def __post_init__(self) -> None:
        rows = self.rows
        if not isinstance(rows, Quantized):
            rows = read_only(to_numpy(rows))
        kept = None if self.kept is None else _checked_kept(self.kept, self.subwords.buckets)
        size = self.subwords.buckets if kept is None else len(kept)
        if len(rows.shape) != 2 or rows.shape[0] != size or rows.shape[1] < 1:
            raise EmbedlayerError(
                f"{size} buckets of n-grams need a table ({size}, D); this is {rows.shape}"
            )
        if np.dtype(rows.dtype) not in FLOATS:
            raise EmbedlayerError(f"rows of n-grams are float32 or float16, not {rows.dtype}")
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "kept", kept)

    @property
    def dim(self) -> int:
        """D."""
        return self.rows.shape[1]

    def __len__(self) -> int:
        """How many rows there are."""
        return self.rows.shape[0]

    def __repr__(self) -> str:
        ngrams = f"n-grams of {self.subwords.min_n} to {self.subwords.max_n} characters"
        return f"<SubwordRows: {ngrams}, {len(self):,} rows, {self.dim:,} dimensions>"

    def means(self, words: Sequence[str]) -> Means:
        """The mean of the rows of each word's n-grams, and how many these are.

        As fastText's: an n-gram that a word has twice counts twice, "</s>" has none, and a word
        without any is zeros.

        Args:
            words: n words, seen or unseen.

        Raises:
            EmbedlayerError: a word that UTF-8 cannot hold; a mean with a NaN or an infinity.
        """
        data, starts = pack_words(words)
        sums = np.zeros((len(words), self.dim), np.float32)
        return Means(sums, self.average(data, starts, sums, 0))

    def own_rows(self, words: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """float64, (n, D): the row of its own that makes a word's mean its vector.

        It is (n + 1) · v − n · m, of its vector v and the mean m of its n n-grams.
        """
        means, sizes = self.means(words)
        sums = means.astype(np.float64) * sizes[:, None]
        return vectors.astype(np.float64) * (sizes + 1)[:, None] - sums

    def average(self, data: np.ndarray, starts: np.ndarray, sums: np.ndarray, own: int) -> Any:
        """Make means of what each word has already and the rows of its n-grams.

        Args:
            data, starts: n words as ``pack_words`` packs them; of any bytes.
            sums: float32, (n, D): what they have; changed in place.
            own: how many rows that are: 1, or 0.

        Returns:
            int64, (n,): how many rows each mean has.

        Raises:
            EmbedlayerError: a mean with a NaN or an infinity.
        """
        from embedlayer.vectors.bag_means import add_means

        sizes = np.full(len(sums), own, np.int64)
        for first, end in _pieces(starts, self.subwords):
            letters = data[starts[first] : starts[end]]
            offsets, rows = self._rows_of(letters, starts[first : end + 1] - starts[first])
            used, places = places_of(rows, len(self))
            add_means(sums[first:end], sizes[first:end], self.taken(used), offsets, places)
        check_finite(sums, data, starts)
        return sizes

    def taken(self, rows: Any) -> np.ndarray:
        """float32, (n, D): copies of some rows, by their numbers or a slice."""
        return np.array(self.rows[rows], np.float32)

    def array(self) -> np.ndarray:
        """All rows, (R, D), of any layout; float32 of those that are codes."""
        return self.taken(slice(None)) if isinstance(self.rows, Quantized) else self.rows

    def pruned(self, words: Sequence[str]) -> "SubwordRows":
        """The rows that n-grams of these words have, and no others: copies, in memory."""
        touched = np.zeros(len(self), bool)
        data, starts = pack_words(words)
        for first, end in _pieces(starts, self.subwords):
            letters = data[starts[first] : starts[end]]
            _, rows = self._rows_of(letters, starts[first : end + 1] - starts[first])
            touched[rows[rows >= 0]] = True
        places = np.flatnonzero(touched)
        buckets = places if self.kept is None else self.kept[places]
        return SubwordRows(self.subwords, self.rows[places], buckets)

    def _rows_of(self, data: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets and rows, int64, of the n-grams of packed words; −1 for those without."""
        offsets, buckets = packed_bags(data, starts, self.subwords)
        if self.kept is None:
            return offsets, buckets.astype(np.int64)
        if len(self.kept) == 0:
            return offsets, np.full(len(buckets), -1, np.int64)
        places = np.minimum(np.searchsorted(self.kept, buckets), len(self.kept) - 1)
        return offsets, np.where(self.kept[places] == buckets, places, -1)


def check_finite(vectors: np.ndarray, data: np.ndarray, starts: np.ndarray) -> None:
    """Raise EmbedlayerError for the first of packed words whose vector is none."""
    bad = first_not_finite(vectors)
    if bad is not None:
        word = data[starts[bad] : starts[bad + 1]].tobytes().decode(errors="replace")
        raise EmbedlayerError(f"the vector of {word[:40]!r} holds a NaN or an infinity")


def checked_subwords(subwords: Any, dim: int) -> SubwordRows | None:
    """Rows of n-grams for vectors of D numbers, or None; EmbedlayerError for anything else."""
    if subwords is None or (isinstance(subwords, SubwordRows) and subwords.dim == dim):
        return subwords
    if isinstance(subwords, SubwordRows):
        raise EmbedlayerError(f"rows of n-grams have {subwords.dim} dimensions, words {dim}")
    raise EmbedlayerError(f"subwords are SubwordRows, not {shown(subwords)}")


def _checked_kept(kept: Any, buckets: int) -> np.ndarray:
    """int64, (R,), read-only; EmbedlayerError for numbers that do not rise, or are no buckets."""
    numbers = to_numpy(kept)
    known = numbers.ndim == 1 and (numbers.dtype.kind in "iu" or len(numbers) == 0)
    if known:
        numbers = numbers.astype(np.int64)
        known = bool((numbers[1:] > numbers[:-1]).all()) and numbers.min(initial=0) >= 0
    if not known or (len(numbers) and numbers[-1] >= buckets):
        raise EmbedlayerError(
            f"the buckets that are kept are whole numbers below {buckets}, rising"
        )
    return read_only(numbers)


def _pieces(starts: np.ndarray, subwords: Subwords) -> list[tuple[int, int]]:
    """Packed words in runs of so many n-grams at most; of one word at least."""
    size = max(1, NGRAMS_AT_ONCE // (subwords.max_n - subwords.min_n + 1))  # bytes, and "<", ">"
    ends = starts + 2 * np.arange(len(starts))
    pieces, first, last = [], 0, len(starts) - 1
    while first < last:
        end = int(np.searchsorted(ends, ends[first] + size, "right")) - 1
        pieces.append((first, max(end, first + 1)))
        first = pieces[-1][1]
    return pieces
