"""What the text formats, and word2vec's binary one, share: headers, rows in digits, and words.

Words are UTF-8 without NULs, and end at the first ASCII whitespace. Counts and metadata are not
kept. All may be compressed.
"""

import codecs
import gzip
import logging
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.contents import Contents, ReadingOptions

HEADER = re.compile(rb"\s*(\d{1,15})\s+(\d{1,15})\s*")
NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
NOT_HELD = re.compile(r"[ \t\n\r\v\f\0]")
MOST_LINE = 1 << 24  # bytes: room for a million dimensions

_log = logging.getLogger("embedlayer")


def parse_header(line: bytes) -> tuple[int, int]:
    """V and D."""
    header = HEADER.fullmatch(line)
    if header is None:
        raise EmbedlayerError(
            'line 1: the number of words and of dimensions is expected, as in "71290 100"'
        )
    size, dim = int(header[1]), int(header[2])
    if size == 0 or dim == 0:
        raise EmbedlayerError(f"line 1 promises {size} words of {dim} dimensions: there are none")
    return size, dim


def lines_of(file: Opened) -> Iterator[bytes]:
    """The lines of a text, far too long ones in parts; EmbedlayerError for no text in UTF-8."""
    return iter(partial(file.text().readline, MOST_LINE), b"")


def read_rows(
    lines: Iterable[bytes], first: int, dim: int, options: ReadingOptions
) -> tuple[list[str], np.ndarray]:
    """The rows on the lines, of which the first has the number ``first``; blank lines are not."""
    words: list[str] = []
    values = bytearray()
    for number, line in enumerate(lines, first):
        if len(words) == options.limit:
            break
        fields = line.split()
        if len(fields) != dim + 1:
            if not fields:
                continue
            fields = _split_spaced_word(line, number, dim)
        try:
            words.append(fields[0].decode(errors=options.errors))
            values += array("f", map(float, fields[1:]))
            if b"_" in line and b"_" in b"".join(fields[1:]):
                raise ValueError("1_0 is Python's spelling of a number, and no file's")
        except ValueError as error:
            decode(fields[0], f"line {number}")
            raise EmbedlayerError(f"line {number}: {error!s:.100}") from None
    return words, np.frombuffer(values, np.float32).reshape(-1, dim)


def write_rows(path: Path, contents: Contents, *, header: bool) -> None:
    """Each number with the fewest digits that give its float32 again, each row on a line."""
    check_words(contents.words)
    with open_to_write(path) as stream:
        if header:
            stream.write(b"%d %d\n" % contents.matrix.shape)
        elif contents.words[0].startswith("\ufeff"):
            stream.write(codecs.BOM_UTF8)  # or the word's own would pass for one
        for word, row in zip(contents.words, contents.matrix, strict=True):
            stream.write(f"{word} {' '.join(row.astype(str).tolist())}\n".encode())


@contextmanager
def open_to_write(path: Path) -> Iterator[BinaryIO]:
    """A file to write, through gzip (with no name or time in it) when the suffix says so."""
    with path.open("wb") as stream:
        if path.suffix.lower() != ".gz":
            yield stream
        else:
            with gzip.GzipFile("", "wb", 6, stream, mtime=0) as compressed:
                yield cast(BinaryIO, compressed)


def check_words(words: Sequence[str]) -> None:
    """Raise EmbedlayerError for a word that is empty, holds whitespace or a NUL, or is no UTF-8."""
    for word in words:
        if not word or NOT_HELD.search(word):
            raise EmbedlayerError(
                f"the word {word!r} is empty or holds whitespace or a NUL, which this format "
                "cannot keep: use the native format (.safetensors)"
            )
    pack_words(words)  # raises for a word that UTF-8 cannot hold


def decode(word: bytes, place: str) -> str:
    """The word; EmbedlayerError, which names the place, where it is none."""
    try:
        if word:
            return word.decode()
    except UnicodeDecodeError:
        pass
    raise EmbedlayerError(f"{place}: {word[:40]!r} is not a word in UTF-8")


def distinct(words: list[str], matrix: np.ndarray, options: ReadingOptions) -> Contents:
    """One row for each word: of those that repeat one (published files have some) as asked for.

    Raises:
        EmbedlayerError: a word that is there twice, where that is to be an error.
    """
    if len(set(words)) == len(words):
        return Contents(words, matrix)
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        if row_of.setdefault(word, row) != row:
            if options.duplicates == "error":
                raise EmbedlayerError(
                    f"rows {row_of[word] + 1} and {row + 1} are of the word {word!r}: choose "
                    "duplicates='first' or 'last'"
                )
            if options.duplicates == "last":
                row_of[word] = row
    left, other = len(words) - len(row_of), {"first": "an earlier", "last": "a later"}
    _log.warning("%d rows repeat %s word and are left out", left, other[options.duplicates])
    return Contents(list(row_of), matrix[list(row_of.values())])


def in_digits(line: bytes, dim: int) -> bool:
    """Whether most of a row's ``dim`` numbers are written out, so that one bad one is no matter.

    Raw floats pass for one number in digits now and then, but not for many.
    """
    written = sum(NUMBER.fullmatch(field) is not None for field in line.split()[1:])
    return 2 * written > dim > 0


def check_length(line: bytes, number: int) -> None:
    """Refuse a line that is too long to be a vector: the memory of no machine ends by it."""
    if len(line) == MOST_LINE:
        raise EmbedlayerError(f"line {number} has more than {MOST_LINE} bytes: no vector has")


def _split_spaced_word(line: bytes, number: int, dim: int) -> list[bytes]:
    """A row whose word holds spaces, as a few in the published GloVe files do."""
    check_length(line, number)
    word, *values = line.rstrip().rsplit(maxsplit=dim)
    if len(values) != dim or NUMBER.fullmatch(word.split()[-1]):
        raise EmbedlayerError(
            f"line {number}: a word and {dim} numbers are expected, "
            f"but it has {len(line.split())} fields"
        )
    return [word, *values]
