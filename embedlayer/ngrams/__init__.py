"""fastText's n-grams: which parts of a word have rows of their own, and which rows.

P. Bojanowski, E. Grave, A. Joulin, T. Mikolov: Enriching Word Vectors with Subword Information
(https://arxiv.org/abs/1607.04606), section 3.2: the n-grams of "<word>" are hashed, by FNV-1a
with bytes taken as signed, as fastText does, into a table of fewer rows, the buckets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Whole, check_options, option

MOST_N = 100  # characters of an n-gram: fastText's have 6
SENTENCE_END = "</s>"  # fastText's word for the end of a line has no n-grams


@dataclass(frozen=True)
class Subwords:
    """Which n-grams of a word have rows, and how many rows there are.

    Args:
        min_n, max_n: characters of the shortest and the longest n-gram. A word is "<word>" here,
            so that prefixes and suffixes differ from what is inside; "<" and ">" alone are none.
        buckets: B, the rows that all n-grams share by their hash.

    Raises:
        EmbedlayerError: a value out of range, by name.
    """

    min_n: int = option(3, Whole(1, MOST_N), "Characters of the shortest n-gram.")
    max_n: int = option(6, Whole(1, MOST_N), "Characters of the longest n-gram.")
    buckets: int = option(2_000_000, Whole(1, 2**31 - 1), "Rows that n-grams share by their hash.")

    def __post_init__(self) -> None:
        check_options(self)
        if self.min_n > self.max_n:
            raise EmbedlayerError(
                f"min_n {self.min_n}, max_n {self.max_n}: the shortest n-gram may not be longer "
                "than the longest"
            )

    @classmethod
    def of_lengths(cls, lengths: str, **options: Any) -> "Subwords":
        """n-grams of lengths in one word, "3-6", and the other options by name."""
        shortest, longest = map(int, lengths.split("-"))
        return cls(shortest, longest, **options)


def bags(words: Sequence[str], subwords: Subwords) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of each word's n-grams, by compiled code.

    An n-gram that a word has twice is there twice; "</s>" has none.

    Returns:
        offsets: int64, (V + 1,): word i has ``buckets[offsets[i]:offsets[i + 1]]``.
        buckets: int32, each from 0 to B − 1, in the order of the n-grams' first characters.

    Raises:
        EmbedlayerError: a word with a lone surrogate, which no UTF-8 can hold.
    """
    from embedlayer.storage.words import pack_words

    return packed_bags(*pack_words(words), subwords)


def packed_bags(
    data: np.ndarray, starts: np.ndarray, subwords: Subwords
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`bags`, of words as ``pack_words`` packs them; their bytes need not be UTF-8."""
    from embedlayer.ngrams.compiled import word_buckets

    end = np.frombuffer(SENTENCE_END.encode(), np.uint8)
    skipped = np.diff(starts) == len(end)
    words = np.flatnonzero(skipped)
    skipped[words] = (data[starts[words, None] + np.arange(len(end))] == end).all(axis=1)
    return word_buckets(data, starts, skipped, subwords.min_n, subwords.max_n, subwords.buckets)
