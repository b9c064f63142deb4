"""Compiled: the dictionary of fastText's models, out of a file's bytes.

An entry is a word, a NUL, its count (int64, little-endian) and its type (a byte).
"""

import numpy as np

from embedlayer.storage.compiled import compiled


@compiled
def read_entries(
    data: np.ndarray, place: int, behind: int, starts: np.ndarray, ends: np.ndarray,
    counts: np.ndarray, types: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    """Take as many entries as there is room for.

    Args:
        data: uint8: a file.
        place: where an entry begins in it.
        behind: bytes of an entry behind its word, 10.
        starts, ends: int64, (n,): receive where each one's word begins and ends.
        counts, types: int64 and uint8, (n,).

    Returns:
        How many are whole, and the place behind them.
    """
    for entry in range(len(starts)):
        end = place
        while end < len(data) and data[end] != 0:
            end += 1
        if end + behind > len(data):
            return entry, place
        count = np.uint64(0)
        for i in range(8):
            count |= np.uint64(data[end + 1 + i]) << np.uint64(8 * i)
        starts[entry], ends[entry] = place, end
        counts[entry], types[entry] = np.int64(count), data[end + 9]
        place = end + behind
    return len(starts), place


@compiled
def join_words(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray, offsets: np.ndarray, letters: np.ndarray
) -> None:
    """Put words behind one another: ``letters[offsets[i]:offsets[i + 1]]`` becomes word i."""
    for word in range(len(starts)):
        place = offsets[word]
        for i in range(starts[word], ends[word]):
            letters[place] = data[i]
            place += 1
