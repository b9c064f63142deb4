"""GloVe's text format: one row per line, the word and its numbers."""

from itertools import chain
from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import open_to_read
from embedlayer.vectors.formats.contents import Contents, Start
from embedlayer.vectors.formats.rows import first_of_each, in_digits, read_rows, write_rows

SUFFIXES = (".glove", ".glove.gz", ".txt", ".txt.gz")  # .txt if the format is named


def begins(start: Start) -> bool:
    """A row in digits."""
    return in_digits(start.first, len(start.first.split()) - 1)


def read(path: Path) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no rows, or a malformed line.
    """
    with open_to_read(path) as lines:
        first = lines.readline()
        dim = len(first.split()) - 1
        if dim < 1:
            raise EmbedlayerError("line 1: a word and its numbers are expected")
        return first_of_each(*read_rows(chain([first], lines), 1, dim))


def write(path: Path, contents: Contents) -> None:
    """Words and matrix; each number has the fewest digits that give its float32 again.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace, or that UTF-8 cannot hold.
    """
    write_rows(path, contents, header=False)
