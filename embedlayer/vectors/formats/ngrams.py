"""fastText's vectors of whole words: the mean of a word's own row and the rows of its n-grams."""

from collections.abc import Sequence

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.ngrams import ngram_hashes

MOST_NGRAMS = 1 << 16  # of a word


def with_ngrams(
    words: Sequence[str], own: np.ndarray, table: np.ndarray, min_n: int, max_n: int
) -> np.ndarray:
    """The vectors of the words: float32, (V, D).

    Args:
        words: V words.
        own: float32, (V, D): the row of each word.
        table: float32, (B, D): the rows into which n-grams are hashed.
        min_n, max_n: characters of the shortest and the longest n-gram, 0 to ``MOST_N``.

    Raises:
        EmbedlayerError: a word of so many n-grams that it was made to take the memory and the time.
    """
    vectors = np.array(own, np.float32)
    for row, word in enumerate(words):
        if len(word) * min(len(word), max_n) > MOST_NGRAMS:
            raise EmbedlayerError(f"the word {word[:40]!r}… has {len(word)} characters: damaged")
        buckets = [number % len(table) for number in ngram_hashes(word, min_n, max_n)]
        if buckets:
            vectors[row] = (vectors[row] + table[buckets].sum(axis=0)) / (len(buckets) + 1)
    return vectors
