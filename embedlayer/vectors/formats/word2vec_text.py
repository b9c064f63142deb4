"""word2vec's text format, also of gensim and fastText: a line "V D", then one row per line."""

from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.rows import (
    HEADER,
    distinct,
    in_digits,
    lines_of,
    parse_header,
    read_rows,
    write_rows,
)

SUFFIXES = (".txt", ".vec", ".txt.gz", ".vec.gz")


def begins(start: Start) -> bool:
    """A header, then a row in digits."""
    header = HEADER.fullmatch(start.lines[0])
    return header is not None and in_digits(start.lines[1], int(header[2]))


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no header, a malformed line, more or fewer rows than the header says.
    """
    lines = lines_of(file)
    size, dim = parse_header(next(lines, b""))
    words, matrix = read_rows(lines, 2, dim, options)
    if options.limit is None and len(words) != size:
        raise EmbedlayerError(f"the header promises {size} rows, but {len(words)} follow")
    return distinct(words, matrix, options)


def write(path: Path, contents: Contents) -> None:
    """Words and matrix; each number has the fewest digits that give its float32 again.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    write_rows(path, contents, header=True)
