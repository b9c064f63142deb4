"""Words of a file by their first letters, of a format that is mapped: the file is not read."""

import os

import numpy as np

from embedlayer.storage.mapped import file_bytes
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.tensors import LENGTH_BYTES, begins_tensors, tensors_in

TENSORS = {"words": (np.uint8, 1), "word_offsets": (np.int64, 1)}


def words_beginning(path: str, beginning: str, most: int) -> list[str]:
    """The first so many words of a native file that begin so; none of a file of another format.

    Raises:
        EmbedlayerError, OSError: a file that is damaged, or may not be read.
    """
    if not os.path.isfile(expanded(path)):  # nothing is waited for, and nothing fetched
        return []
    with open_to_read(expanded(path)) as file:
        if not file.plain_bytes() or not begins_tensors(file.start(LENGTH_BYTES + 1)):
            return []
        tensors, _ = tensors_in(file_bytes(file), TENSORS)
    letters, starts = tensors["words"], tensors["word_offsets"][:-1]
    sizes = np.diff(tensors["word_offsets"])
    if (sizes < 0).any() or starts.min(initial=0) < 0 or sizes.sum() != len(letters):
        return []  # what reads it all tells that it is damaged
    wanted = beginning.encode("utf-8", "surrogateescape")
    rows = np.flatnonzero(sizes >= len(wanted))
    for place, letter in enumerate(wanted):
        rows = rows[letters[starts[rows] + place] == letter]
    return [
        bytes(letters[starts[row] : starts[row] + sizes[row]]).decode("utf-8", "replace")
        for row in rows[:most].tolist()
    ]
