"""Compiled: the rows of word2vec's binary format, out of a buffer and into a matrix."""

import numpy as np

from embedlayer.storage.compiled import compiled

SPACE, TAB, NEWLINE, RETURN = 32, 9, 10, 13  # tab … return are 9 … 13: all are white space


@compiled
def take_records(
    data: np.ndarray, place: int, values: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[int, int, bool]:
    """Take whole records, as many as there are and have room.

    Args:
        data: uint8: a part of a file.
        place: where a record begins in it.
        values: uint8, (n, 4 · D): receives the numbers of each.
        starts, ends: int64, (n,): receive where each one's word begins and ends.

    Returns:
        The place behind them, their number, and whether the word of the next, which then is whole
        and has its start and end, holds white space or a NUL.
    """
    count, width = 0, values.shape[1]
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
            return place, count, True
        for i in range(width):
            values[count, i] = data[end + 1 + i]
        place = end + 1 + width
        count += 1
    return place, count, False
