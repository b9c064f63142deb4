"""word2vec's binary format: a line "V D", then V times a word, a space and D little-endian float32.

word2vec.c ends each row with a newline, gensim does not, and skips all newlines before a word: so
does this reader. No word holds white space or a NUL.
"""

import codecs
import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.storage.words import SPACE
from embedlayer.storage.writing import also_compressed, open_to_write
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.digits import HEADER, parse_header
from embedlayer.vectors.formats.table import Table
from embedlayer.vectors.formats.words import check_words, decoded, no_word

SUFFIXES = also_compressed(".bin")
BUFFER_BYTES = 1 << 20  # in a core's cache, from which the numbers are copied
MOST_RECORD = 1 << 26  # bytes of a row: room for 16 million dimensions
MOST_HEADER = 1 << 12

_log = logging.getLogger("embedlayer")


def begins(start: Start) -> bool:
    """A header; what follows is not in digits, or it would be word2vec's text."""
    return HEADER.fullmatch(start.lines[0]) is not None


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix, in one pass.

    Raises:
        EmbedlayerError: no header, a file that ends early or late, a word that is not UTF-8 or
            that white space or a NUL divides, which shows that a row begins too early.
    """
    header = file.stream.readline(MOST_HEADER)
    size, dim = parse_header(header.removeprefix(codecs.BOM_UTF8))
    wanted = size if options.limit is None else min(size, options.limit)
    least = wanted if file.plain_bytes() >= wanted * (4 * dim + 2) else 0
    records = _Records(file.stream, len(header), Table(dim, wanted, least), dim, options.errors)
    records.read(wanted)
    found = len(records.words)
    if found < wanted:
        _complain(f"the file ends inside row {found + 1} of the {size} promised", options)
    elif options.limit is None or options.limit > size:
        if options.damaged == "skip":
            records.read(options.limit)
        if len(records.words) > size:
            _log.warning("the header promises %d rows, but %d are read", size, len(records.words))
        if len(records.words) != options.limit and (left := records.bytes_left()):
            _complain(f"{left} bytes follow the {len(records.words)} rows promised", options)
    matrix = records.table.filled().view("<f4")
    return asked_for(Contents(records.words, matrix), options)


def write(path: Path, contents: Contents) -> None:
    """Words and matrix, byte for byte as word2vec.c writes them.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    check_words(contents.words)
    matrix = contents.matrix.astype("<f4", copy=False)
    with open_to_write(path) as stream:
        stream.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(contents.words, matrix, strict=True):
            stream.write(b"%b %b\n" % (word.encode(), row.tobytes()))


class _Records:
    """The rows of a stream, taken through a buffer.

    Attributes:
        words: of the rows taken so far.
        table: their numbers.
    """

    def __init__(self, stream: Any, place: int, table: Table, dim: int, errors: str) -> None:
        self.words: list[str] = []
        self.table = table
        self._stream, self._errors, self._width = stream, errors, 4 * dim
        self._buffer = bytearray(BUFFER_BYTES)
        self._letters = np.empty(BUFFER_BYTES, np.uint8)
        self._start = self._end = 0  # of what is in the buffer, and not taken
        self._before = place  # bytes of the file before the buffer

    def read(self, most: int | None) -> None:
        """Take rows until there are ``most``, or the file ends."""
        while most is None or len(self.words) < most:
            self._take(most)
            if (most is None or len(self.words) < most) and not self._fill():
                return

    def bytes_left(self) -> int:
        """The bytes behind the rows taken; 0 where they are newlines alone."""
        rest = bytes(self._buffer[self._start : self._end])
        count, other = len(rest), bool(rest.strip(b"\n"))
        for piece in iter(partial(self._stream.read, BUFFER_BYTES), b""):
            count, other = count + len(piece), other or bool(piece.strip(b"\n"))
        return count if other else 0

    def _fill(self) -> bool:
        """Read on behind what is in the buffer, which grows for a record that it cannot hold."""
        rest = self._buffer[self._start : self._end]
        if len(rest) >= MOST_RECORD:
            raise EmbedlayerError(
                f"row {len(self.words) + 1} has more than {MOST_RECORD} bytes: no vector has"
            )
        if 2 * len(rest) > len(self._buffer):
            self._buffer = bytearray(2 * len(self._buffer))
            self._letters = np.empty(len(self._buffer), np.uint8)
        self._buffer[: len(rest)] = rest
        self._before += self._start
        with memoryview(self._buffer) as free:
            size = self._stream.readinto(free[len(rest) :])
        self._start, self._end = 0, len(rest) + size
        return size > 0

    def _take(self, most: int | None) -> None:
        from embedlayer.vectors.formats.records import take_records

        data = np.frombuffer(self._buffer, np.uint8, self._end)
        room = (self._end - self._start) // (self._width + 1)
        if room == 0:
            return
        room = room if most is None else min(room, most - len(self.words))
        values = self.table.room(room)[:room].view(np.uint8)
        starts, ends = np.empty((2, room), np.int64)
        self._start, count, size, divided = take_records(
            data, self._start, values, self._letters, starts, ends
        )
        self.table.take(count)
        words = self._letters[: max(size - 1, 0)].tobytes()
        names = decoded(words, self._errors)
        if count and (names is None or words[0] == SPACE or b"  " in words or words[-1] == SPACE):
            self._check_words(starts[:count], ends[:count])
        if names is not None:
            self.words += names.split(" ")
        if divided:
            self._check_words(starts[count : count + 1], ends[count : count + 1])
            start, end = int(starts[count]), int(ends[count])
            raise EmbedlayerError(
                f"row {len(self.words) + 1}, byte {self._before + start}: the word "
                f"{bytes(self._buffer[start:end][:40])!r} holds white space or a NUL; it, or a row "
                "before it, is not where it should be: was there a space in a word?"
            )

    def _check_words(self, starts: np.ndarray, ends: np.ndarray) -> None:
        """Raise EmbedlayerError for the first that is none."""
        for row, (start, end) in enumerate(zip(starts, ends, strict=True), len(self.words) + 1):
            word = bytes(self._buffer[start:end])
            if decoded(word, self._errors) is None:
                raise EmbedlayerError(f"row {row}, byte {self._before + start}: {no_word(word)}")


def _complain(what: str, options: ReadingOptions) -> None:
    """A file that does not keep its header's promise, which is an error or to be borne."""
    if options.damaged == "error":
        raise EmbedlayerError(what)
    _log.warning("%s: the rows before are read", what)
