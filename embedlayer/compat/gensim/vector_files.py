"""word2vec's files with gensim's options: read, and written whole, in part or behind others."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from embedlayer.compat.gensim.errors import CutOffError, check_utf8, refuse
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.writing import open_to_write, whole_or_nothing
from embedlayer.vectors.formats import word2vec_binary, word2vec_text
from embedlayer.vectors.formats.contents import Contents
from embedlayer.vectors.vectors import Vectors


class Reading(NamedTuple):
    """gensim's options for reading a file."""

    binary: bool = False
    encoding: str = "utf8"
    unicode_errors: str = "strict"
    limit: int | None = None
    no_header: bool = False


class Writing(NamedTuple):
    """gensim's options for writing a file."""

    binary: bool = False
    total_vec: int | None = None
    write_header: bool = True
    append: bool = False


def read_word2vec(fname: str | Path, options: Reading) -> Vectors:
    """The vectors of a file.

    Raises:
        CutOffError: a file that does not hold what is expected (also an EOFError).
        OSError: a file that is missing.
    """
    check_utf8(options.encoding)
    if options.binary and options.no_header:
        refuse("no_header", True, "binary files have a header: it tells the dimensions")
    text = "glove" if options.no_header else "word2vec-text"
    format = "word2vec-binary" if options.binary else text
    try:
        return Vectors.load(fname, format, limit=options.limit, errors=options.unicode_errors)
    except EmbedlayerError as error:
        raise CutOffError(str(error)) from error


def read_counts(fvocab: str | Path, errors: str) -> dict[str, int]:
    """The counts of words, from a file of lines "word count".

    Raises:
        EmbedlayerError: a line of something else.
    """
    counts = {}
    with open_to_read(fvocab) as file:
        for number, line in enumerate(file.text(), 1):
            try:
                word, count = line.decode(errors=errors).split()
                counts[word] = int(count)
            except ValueError:
                raise EmbedlayerError(
                    f"{fvocab}, line {number}: a word and its count are expected, not {line!r:.80}"
                ) from None
    return counts


def write_word2vec(fname: str | Path, contents: Contents, options: Writing) -> None:
    """Write a file; whole or not at all, unless it is appended to.

    Raises:
        EmbedlayerError: a key that the format cannot hold.
        OSError: a folder that is missing or cannot be written to.
    """
    format = word2vec_binary if options.binary else word2vec_text
    path = expanded(fname)
    if options == Writing(options.binary):
        with whole_or_nothing(path) as unfinished:
            format.write(unfinished, contents)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "vectors"
        format.write(plain, contents)
        with plain.open("rb") as source:
            if options.append:
                with open_to_write(Path(path), append=True) as stream:
                    _copy(source, stream, contents.matrix, options)
            else:
                with whole_or_nothing(path) as unfinished, open_to_write(unfinished) as stream:
                    _copy(source, stream, contents.matrix, options)


def write_counts(fvocab: str | Path, words: list[str], counts: Any) -> None:
    """Write lines "word count"."""
    with whole_or_nothing(expanded(fvocab)) as unfinished, open_to_write(unfinished) as out:
        for word, count in zip(words, counts, strict=True):
            out.write(f"{word} {count}\n".encode())


def _copy(source: BinaryIO, to: BinaryIO, matrix: np.ndarray, options: Writing) -> None:
    source.readline()
    if options.write_header:
        total = len(matrix) if options.total_vec is None else options.total_vec
        to.write(b"%d %d\n" % (total, matrix.shape[1]))
    shutil.copyfileobj(source, to)
