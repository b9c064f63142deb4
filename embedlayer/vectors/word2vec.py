"""The formats of word2vec.c (text and binary, also written by gensim and fastText) and of GloVe.

Text has one row a line, the word and its numbers; word2vec's begins with a line "V D", GloVe's does
not. Binary has that line, then V times the word, a space and D little-endian float32; word2vec.c
ends each row with a newline, gensim does not: both are read. All may be compressed with gzip.
Words are UTF-8 and end at the first ASCII whitespace. Counts and metadata are not kept.
"""

import gzip
import logging
import mmap
import re
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.text.vocabulary import pack_words

if TYPE_CHECKING:
    from embedlayer.vectors.vectors import Vectors

GZIP_MAGIC = b"\x1f\x8b"
HEADER = re.compile(rb"\s*(\d{1,15})\s+(\d{1,15})\s*")
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
WHITESPACE = re.compile(r"[ \t\n\r\v\f]")

_log = logging.getLogger("embedlayer")

Contents = tuple[list[str], np.ndarray]


def open_to_read(path: Path) -> BinaryIO:
    """A file's bytes, decompressed when gzip's magic number begins it."""
    with path.open("rb") as stream:
        compressed = stream.read(2) == GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path)) if compressed else path.open("rb")


def read_text(path: Path) -> Contents:
    """Words and matrix of word2vec text.

    Raises:
        EmbedlayerError: no header, a malformed line, more or fewer rows than the header says.
    """
    with open_to_read(path) as lines:
        size, dim = _parse_header(lines.readline())
        words, matrix = _read_rows(lines, 2, dim)
    if len(words) != size:
        raise EmbedlayerError(f"the header promises {size} rows, but {len(words)} follow")
    return _first_of_each(words, matrix)


def read_glove(path: Path) -> Contents:
    """Words and matrix of GloVe text.

    Raises:
        EmbedlayerError: no rows, or a malformed line.
    """
    with open_to_read(path) as lines:
        first = lines.readline()
        dim = len(first.split()) - 1
        if dim < 1:
            raise EmbedlayerError("line 1: a word and its numbers are expected")
        return _first_of_each(*_read_rows(chain([first], lines), 1, dim))


def read_binary(path: Path) -> Contents:
    """Words and matrix of word2vec binary, with or without a newline after each row.

    Raises:
        EmbedlayerError: no header, a file that ends early or late, a word that is not UTF-8.
    """
    data = _whole_file(path)
    start = data.find(b"\n") + 1
    size, dim = _parse_header(data[:start])
    words = []
    values = bytearray()
    for row in range(size):
        start += data[start : start + 1] == b"\n"
        space = data.find(b" ", start)
        end = space + 1 + 4 * dim
        if space < 0 or end > len(data):
            raise EmbedlayerError(f"the file ends inside row {row + 1} of the {size} promised")
        words.append(_decode(data[start:space], f"row {row + 1}"))
        values += data[space + 1 : end]
        start = end
    if data[start : start + 2] not in (b"", b"\n"):
        raise EmbedlayerError(f"{len(data) - start} bytes follow the {size} rows promised")
    return _first_of_each(words, np.frombuffer(values, "<f4").reshape(-1, dim))


def write_text(path: Path, vectors: "Vectors") -> None:
    """word2vec text; each number has the fewest digits that give its float32 again.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace, or that UTF-8 cannot hold.
    """
    _write_rows(path, vectors, header=True)


def write_glove(path: Path, vectors: "Vectors") -> None:
    """GloVe text, as :func:`write_text` without the header."""
    _write_rows(path, vectors, header=False)


def write_binary(path: Path, vectors: "Vectors") -> None:
    """word2vec binary, byte for byte as word2vec.c writes it.

    Raises:
        EmbedlayerError: as :func:`write_text`.
    """
    _check_words(vectors.words)
    matrix = vectors.matrix.astype("<f4", copy=False)
    with _open_to_write(path) as stream:
        stream.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(vectors.words, matrix, strict=True):
            stream.write(b"%b %b\n" % (word.encode(), row.tobytes()))


def _write_rows(path: Path, vectors: "Vectors", header: bool) -> None:
    _check_words(vectors.words)
    with _open_to_write(path) as stream:
        if header:
            stream.write(b"%d %d\n" % vectors.matrix.shape)
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            stream.write(f"{word} {' '.join(row.astype(str).tolist())}\n".encode())


@contextmanager
def _open_to_write(path: Path) -> Iterator[BinaryIO]:
    """A file to write, through gzip (with no name or time in it) when the suffix says so."""
    with path.open("wb") as stream:
        if path.suffix.lower() != ".gz":
            yield stream
        else:
            with gzip.GzipFile("", "wb", 6, stream, mtime=0) as compressed:
                yield cast(BinaryIO, compressed)


def _check_words(words: tuple[str, ...]) -> None:
    for word in words:
        if not word or WHITESPACE.search(word):
            raise EmbedlayerError(
                f"the word {word!r} is empty or holds whitespace, which this format cannot keep: "
                "use the native format (.safetensors)"
            )
    pack_words(words)  # raises for a word that UTF-8 cannot hold


def _whole_file(path: Path) -> bytes | mmap.mmap:
    with open_to_read(path) as stream:
        if isinstance(stream, gzip.GzipFile) or path.stat().st_size == 0:
            return stream.read()
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _parse_header(line: bytes) -> tuple[int, int]:
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


def _read_rows(lines: Iterable[bytes], first: int, dim: int) -> Contents:
    """The rows on the lines, of which the first has the number ``first``; blank lines are not."""
    words: list[str] = []
    values = bytearray()
    for number, line in enumerate(lines, first):
        fields = line.split()
        if len(fields) != dim + 1:
            if not fields:
                continue
            fields = _split_spaced_word(line, number, dim)
        words.append(_decode(fields[0], f"line {number}"))
        try:
            values += array("f", map(float, fields[1:]))
        except ValueError as error:
            raise EmbedlayerError(f"line {number}: {error}") from None
    return words, np.frombuffer(values, np.float32).reshape(-1, dim)


def _split_spaced_word(line: bytes, number: int, dim: int) -> list[bytes]:
    """A row whose word holds spaces, as a few in the published GloVe files do."""
    word, *values = line.rstrip().rsplit(maxsplit=dim)
    if len(values) != dim or NUMBER.fullmatch(word.split()[-1]):
        raise EmbedlayerError(
            f"line {number}: a word and {dim} numbers are expected, "
            f"but it has {len(line.split())} fields"
        )
    return [word, *values]


def _decode(word: bytes, place: str) -> str:
    try:
        if word:
            return word.decode()
    except UnicodeDecodeError:
        pass
    raise EmbedlayerError(f"{place}: {word[:40]!r} is not a word in UTF-8")


def _first_of_each(words: list[str], matrix: np.ndarray) -> Contents:
    """The rows without those of a word that came before (a few published files have some)."""
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        row_of.setdefault(word, row)
    if len(row_of) == len(words):
        return words, matrix
    _log.warning("%d rows repeat an earlier word and are left out", len(words) - len(row_of))
    return list(row_of), matrix[list(row_of.values())]
