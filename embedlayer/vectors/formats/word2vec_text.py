"""word2vec's text format, also of gensim and fastText: a line "V D", then one row per line."""

import logging
from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.storage.writing import also_compressed
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.digits import HEADER, in_digits, parse_header
from embedlayer.vectors.formats.rows import first_line, read_rows, write_rows

SUFFIXES = also_compressed(".txt", ".vec")

_log = logging.getLogger("embedlayer")


def begins(start: Start) -> bool:
    """A header, then a row in digits."""
    header = HEADER.fullmatch(start.lines[0])
    return header is not None and in_digits(start.lines[1], int(header[2]))


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no header, a malformed line, more or fewer rows than the header says.
    """
    stream = file.text()
    size, dim = parse_header(first_line(stream))
    wanted = size if options.limit is None else min(size, options.limit)
    words, matrix = read_rows(stream, b"", dim, wanted, options)
    if len(words) != wanted:
        text = f"the header promises {size} rows, but {len(words)} follow"
        if options.damaged == "error":
            raise EmbedlayerError(text)
        _log.warning("%s", text)
    return asked_for(Contents(words, matrix), options)


def write(path: Path, contents: Contents) -> None:
    """Words and matrix; each number has the fewest digits that give its float32 again.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    write_rows(path, contents, header=True)
