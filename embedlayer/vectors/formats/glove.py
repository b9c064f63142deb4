"""GloVe's text format: one row per line, the word and its numbers."""

from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.storage.writing import also_compressed
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.digits import NUMBER, in_digits
from embedlayer.vectors.formats.rows import first_line, read_rows, write_rows

SUFFIXES = also_compressed(".glove")


def begins(start: Start) -> bool:
    """A row in digits, and words that are not all numbers, unless the name has our suffix.

    A table of numbers, such as a matrix, looks the same but for that. (Behind a header of
    word2vec numbers pass for words: so node2vec and others write nodes and items.)
    """
    words = [fields[0] for line in start.lines if (fields := line.split(None, 1))]
    numbers = all(NUMBER.fullmatch(word) for word in words)
    row = start.lines[0]
    return in_digits(row, len(row.split()) - 1) and (start.name.endswith(SUFFIXES) or not numbers)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix.

    Raises:
        EmbedlayerError: no rows, or a malformed line.
    """
    stream = file.text()
    first = first_line(stream)
    dim = len(first.split()) - 1
    if dim < 1:
        raise EmbedlayerError("line 1: a word and its numbers are expected")
    words, matrix = read_rows(stream, first, dim, options.limit, options)
    return asked_for(Contents(words, matrix), options)


def write(path: Path, contents: Contents) -> None:
    """Words and matrix; each number has the fewest digits that give its float32 again.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    write_rows(path, contents, header=False)
