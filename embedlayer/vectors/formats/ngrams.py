"""fastText's vectors of whole words: the mean of a word's own row and the rows of its n-grams.

P. Bojanowski, E. Grave, A. Joulin, T. Mikolov: Enriching Word Vectors with Subword Information
(https://arxiv.org/abs/1607.04606), section 3.2: the n-grams of "<word>" are hashed, by FNV-1a
with bytes taken as signed, as fastText does, into a table of fewer rows.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from embedlayer.errors import EmbedlayerError

MOST_N = 100  # characters of an n-gram: fastText's have 6
MOST_NGRAMS = 1 << 16  # of a word
FNV_START, FNV_PRIME, MASK = 2166136261, 16777619, (1 << 32) - 1


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


def ngram_hashes(word: str, min_n: int, max_n: int) -> Iterator[int]:
    """The 32-bit hash of each n-gram of "<word>", but of "<" and ">" alone."""
    characters = [character.encode("utf-8", "surrogatepass") for character in f"<{word}>"]
    last = len(characters) - 1
    for first in range(len(characters)):
        number = FNV_START
        for size, character in enumerate(characters[first : first + max_n], 1):
            for byte in character:
                signed = byte if byte < 128 else byte | 0xFFFFFF00
                number = (number ^ signed) * FNV_PRIME & MASK
            if size >= min_n and not (size == 1 and first in (0, last)):
                yield number
