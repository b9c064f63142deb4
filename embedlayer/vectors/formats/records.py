"""Compiled: the rows of word2vec's binary format, out of a buffer and into a matrix."""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.storage.words import NEWLINE, RETURN, SPACE, TAB


@compiled
def take_records(
    data: np.ndarray, place: int, values: np.ndarray, letters: np.ndarray,
    starts: np.ndarray, ends: np.ndarray,
) -> tuple[int, int, int, bool]:  # fmt: skip
    """Take whole records, as many as there are and have room.

    Args:
        data: uint8: a part of a file.
        place: where a record begins in it.
        values: uint8, (n, 4 · D): receives the numbers of each.
        letters: uint8, as long as ``data``: receives the words, a space behind each.
        starts, ends: int64, (n,): receive where each one's word begins and ends.

    Returns:
        The place behind them, their number, that of their letters, and whether the next, which
        then is whole and has its word's start and end, has white space or a NUL in its word.
    """
    count, written, width = 0, 0, values.shape[1]
    while count < len(values):
        start = place
        while start < len(data) and data[start] == NEWLINE:
            start += 1
        end, divided = start, False
        while end < len(data) and data[end] != SPACE:
            divided |= data[end] == 0 or TAB <= data[end] <= RETURN
            end += 1
        if end + 1 + width > len(data):
            break
        starts[count], ends[count] = start, end
        if divided:
            return place, count, written, True
        for i in range(start, end + 1):
            letters[written] = data[i]
            written += 1
        _copy(data[end + 1 : end + 1 + width], values[count])
        place = end + 1 + width
        count += 1
    return place, count, written, False


@compiled
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    """A loop of its own is copied 32 bytes at a time; in the loop over rows each goes alone."""
    for i in range(len(target)):
        target[i] = source[i]
