"""word2vec's binary format: a line "V D", then V times a word, a space and D little-endian float32.

word2vec.c ends each row with a newline, gensim does not: both are read.
"""

import mmap
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import is_compressed, open_to_read
from embedlayer.vectors.formats.contents import Contents, Start
from embedlayer.vectors.formats.rows import (
    HEADER,
    check_words,
    decode,
    first_of_each,
    open_to_write,
    parse_header,
)

SUFFIXES = (".bin", ".bin.gz")


def begins(start: Start) -> bool:
    """A header; what follows is not in digits, or it would be word2vec's text."""
    return HEADER.fullmatch(start.first) is not None


def read(path: Path) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no header, a file that ends early or late, a word that is not UTF-8.
    """
    data = _whole_file(path)
    start = data.find(b"\n") + 1
    size, dim = parse_header(data[:start])
    words = []
    values = bytearray()
    for row in range(size):
        start += data[start : start + 1] == b"\n"
        space = data.find(b" ", start)
        end = space + 1 + 4 * dim
        if space < 0 or end > len(data):
            raise EmbedlayerError(f"the file ends inside row {row + 1} of the {size} promised")
        words.append(decode(data[start:space], f"row {row + 1}"))
        values += data[space + 1 : end]
        start = end
    if data[start : start + 2] not in (b"", b"\n"):
        raise EmbedlayerError(f"{len(data) - start} bytes follow the {size} rows promised")
    return first_of_each(words, np.frombuffer(values, "<f4").reshape(-1, dim))


def write(path: Path, contents: Contents) -> None:
    """Words and matrix, byte for byte as word2vec.c writes them.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace, or that UTF-8 cannot hold.
    """
    check_words(contents.words)
    matrix = contents.matrix.astype("<f4", copy=False)
    with open_to_write(path) as stream:
        stream.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(contents.words, matrix, strict=True):
            stream.write(b"%b %b\n" % (word.encode(), row.tobytes()))


def _whole_file(path: Path) -> bytes | mmap.mmap:
    with open_to_read(path) as stream:
        if is_compressed(path) or path.stat().st_size == 0:
            return stream.read()
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
