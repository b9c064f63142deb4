"""word2vec's binary format: a line "V D", then V times a word, a space and D little-endian float32.

word2vec.c ends each row with a newline, gensim does not, and skips all newlines before a word: so
does this reader. No word holds white space or a NUL.
"""

import codecs
import mmap
import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.rows import (
    HEADER,
    check_words,
    decode,
    distinct,
    open_to_write,
    parse_header,
)

SUFFIXES = (".bin", ".bin.gz")
DIVIDES = re.compile(rb"[\t\n\r\v\f\0]")


def begins(start: Start) -> bool:
    """A header; what follows is not in digits, or it would be word2vec's text."""
    return HEADER.fullmatch(start.lines[0]) is not None


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no header, a file that ends early or late, a word that is not UTF-8 or
            that white space or a NUL divides, which shows that a row begins too early.
    """
    data = file.whole()
    first = start = data.find(b"\n") + 1
    size, dim = parse_header(data[:start].removeprefix(codecs.BOM_UTF8))
    words: list[bytes] = []
    values = bytearray()
    for row in range(size):
        space = data.find(b" ", start)
        end = space + 1 + 4 * dim
        if space < 0 or end > len(data):
            _decoded(words, data, first, dim)
            raise EmbedlayerError(f"the file ends inside row {row + 1} of the {size} promised")
        words.append(data[start:space].lstrip(b"\n"))
        values += data[space + 1 : end]
        start = end
    decoded = _decoded(words, data, first, dim)
    if data[start:].strip(b"\n"):
        raise EmbedlayerError(f"{len(data) - start} bytes follow the {size} rows promised")
    matrix = np.frombuffer(values, "<f4").reshape(-1, dim)
    return distinct(decoded[: options.limit], matrix[: options.limit], options)


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


def _decoded(words: list[bytes], data: bytes | mmap.mmap, place: int, dim: int) -> list[str]:
    """The words; EmbedlayerError, which says where, for one that is none."""
    joined = b" ".join(words)
    if all(words) and not DIVIDES.search(joined):
        with suppress(UnicodeDecodeError):
            return joined.decode().split(" ")
    for row, word in enumerate(words, 1):
        place = data.find(word, place)  # only newlines lie before it
        decode(word, f"row {row}, byte {place}")
        if DIVIDES.search(word):
            raise EmbedlayerError(
                f"row {row}, byte {place}: the word {word[:40]!r} holds white space or a NUL; it, "
                "or a row before it, is not where it should be: was there a space in a word?"
            )
        place += len(word) + 1 + 4 * dim
    return []
