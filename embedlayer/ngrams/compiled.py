"""Compiled: the buckets of the n-grams of many words, from their bytes in UTF-8."""

from typing import Any

import numpy as np

from embedlayer.storage.compiled import compiled, inlined
from embedlayer.storage.words import CONTINUATION

FIRST, LAST = ord("<"), ord(">")
FNV_START, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


@compiled
def word_buckets(
    data: np.ndarray, starts: np.ndarray, skipped: np.ndarray, min_n: int, max_n: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of each word.

    Args:
        data, starts: uint8 and int64, (V + 1,): words as ``pack_words`` packs them, valid UTF-8.
        skipped: bool, (V,): words without n-grams.
        min_n, max_n: characters of the shortest and the longest n-gram.
        size: the number of buckets.

    Returns:
        As ``bags``.
    """
    offsets = np.zeros(len(starts), np.int64)
    for word in range(len(skipped)):
        characters = 2  # "<" and ">"
        for i in range(starts[word], starts[word + 1]):
            characters += not _continues(data[i])
        count = 0 if skipped[word] else _ngrams(characters, min_n, max_n)
        offsets[word + 1] = offsets[word] + count
    buckets = np.empty(offsets[-1], np.int32)
    for word in range(len(skipped)):
        if not skipped[word]:
            letters = data[starts[word] : starts[word + 1]]
            _fill(buckets[offsets[word] : offsets[word + 1]], letters, min_n, max_n, size)
    return offsets, buckets


@compiled
def _ngrams(characters: int, min_n: int, max_n: int) -> int:
    """How many n-grams so many characters have, "<" and ">" included."""
    count = 0
    for n in range(min_n, min(max_n, characters) + 1):
        count += characters - n + 1
    return count - 2 if min_n == 1 else count


@compiled
def _fill(buckets: np.ndarray, letters: np.ndarray, min_n: int, max_n: int, size: int) -> None:
    """Write the bucket of each n-gram of one word."""
    end, filled = len(letters) + 2, 0  # bytes, "<" and ">" included
    for first in range(end):
        if _continues(_byte(letters, first)):
            continue
        number, n, i = FNV_START, 0, first
        while i < end and n < max_n:
            while True:  # a character
                byte = np.uint32(_byte(letters, i))
                sign = np.uint32(0xFFFFFF00) if byte & np.uint32(0x80) else np.uint32(0)
                number = np.uint32((number ^ (byte | sign)) * FNV_PRIME)
                i += 1
                if i == end or not _continues(_byte(letters, i)):
                    break
            n += 1
            if n >= min_n and not (n == 1 and (first == 0 or i == end)):
                buckets[filled] = np.int32(number % np.uint32(size))
                filled += 1


@inlined
def _byte(letters: np.ndarray, i: int) -> Any:
    """A byte of "<word>"."""
    if i == 0:
        return np.uint8(FIRST)
    return letters[i - 1] if i <= len(letters) else np.uint8(LAST)


@inlined
def _continues(byte: Any) -> bool:
    """Whether a byte goes on with the character before it."""
    return (byte & np.uint8(0xC0)) == np.uint8(CONTINUATION)
