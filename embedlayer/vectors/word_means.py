"""The vectors of a file's words, made of its rows when they are asked for, and not before."""

from typing import Any

import numpy as np

from embedlayer.storage.mapped import expect
from embedlayer.vectors.subwords import SubwordRows, check_finite


class WordMeans:
    """The vectors of a file's words, each the mean of its row and its n-grams', made as asked for.

    Args:
        data, starts: V words in bytes, as ``pack_words`` packs them.
        own: the row of each word, (V, D): an array, also one in a file, or ``Quantized``.
        subwords: the rows of n-grams; None: a word's vector is its own row.
    """

    def __init__(
        self, data: np.ndarray, starts: np.ndarray, own: Any, subwords: SubwordRows | None
    ) -> None:
        self._data, self._starts, self._own, self._subwords = data, starts, own, subwords
        self._expect(in_order=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(V, D)."""
        return len(self), self._own.shape[1]

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, rows: Any) -> np.ndarray:
        """float32, (n, D), or (D,) for one number: the vectors of these rows, made now.

        Raises:
            EmbedlayerError: a NaN or an infinity.
        """
        numbers = np.arange(len(self))[rows]
        if numbers.ndim == 0:
            return self[[int(numbers)]][0]
        data, starts = _packed_part(self._data, self._starts, numbers)
        if data is self._data:
            self._expect(in_order=True)
        vectors = np.array(self._own[rows], np.float32)
        if self._subwords is None:
            check_finite(vectors, data, starts)
        else:
            self._subwords.average(data, starts, vectors, 1)
        self._expect(in_order=False)
        return vectors

    def _expect(self, in_order: bool) -> None:
        """Tell how the rows in a file are read: nearly all of them, or a few."""
        for rows in [self._own] + ([] if self._subwords is None else [self._subwords.rows]):
            if isinstance(rows, np.ndarray):
                expect(rows, in_order)


def _packed_part(
    data: np.ndarray, starts: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Some of packed words, packed."""
    if len(numbers) == len(starts) - 1 and (np.diff(numbers) == 1).all():
        return data, starts
    words = [data[starts[i] : starts[i + 1]].tobytes() for i in numbers.tolist()]
    ends = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=ends[1:])
    return np.frombuffer(b"".join(words), np.uint8), ends
