"""Rows in digits, a word and its D numbers on a line: read and written in blocks, by threads.

word2vec's text format and GloVe's have them. Words are UTF-8, and end at the first ASCII
whitespace. Counts and metadata are not kept.
"""

import codecs
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.writing import open_to_write
from embedlayer.threads import available_cores, in_order
from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.formats.lines import Fault, read_block
from embedlayer.vectors.formats.table import Table
from embedlayer.vectors.formats.words import check_words

MOST_LINE = 1 << 24  # bytes: room for a million dimensions
BLOCK_BYTES = 1 << 21

_log = logging.getLogger("embedlayer")


def first_line(stream: BinaryIO) -> bytes:
    """The first line; EmbedlayerError for one that is too long to be a vector."""
    line = stream.readline(MOST_LINE)
    _check_length(line, 1)
    return line


def read_rows(
    stream: BinaryIO, begun: bytes, dim: int, most: int | None, options: ReadingOptions
) -> tuple[list[str], np.ndarray]:
    """Words and matrix of the rows on the lines of a text.

    Args:
        stream: the text behind its first line.
        begun: the first line where that is a row; else nothing.
        dim: D.
        most: the rows that are expected, where that is known.
        options: how much is read, and what is done about lines that are no rows.

    Raises:
        EmbedlayerError: a line that is no row, unless such are skipped; a word that is not UTF-8.
    """
    words: list[str] = []
    table = Table(dim, most)
    skipped, first = 0, Fault(0, "")
    line, cores = 1 if begun else 2, available_cores()
    with ThreadPoolExecutor(cores) as pool:
        read = partial(read_block, dim, options)
        for _, block in in_order(pool, read, _blocks(stream, begun, line), cores):
            left = None if options.limit is None else options.limit - len(words)
            kept = block.words[:left]
            words += kept
            table.add(block.matrix[: len(kept)])
            if len(words) == options.limit:
                break
            if block.fatal:
                raise EmbedlayerError(f"line {line + block.fatal.line}: {block.fatal.why}")
            if block.first and not skipped:
                first = Fault(line + block.first.line, block.first.why)
            skipped += block.skipped
            line += block.lines
    if skipped:
        text = "%d lines are no rows and are left out; the first is line %d: %s"
        _log.warning(text, skipped, *first)
    return words, table.filled()


def write_rows(path: Path, contents: Contents, *, header: bool) -> None:
    """Each number with the fewest digits that give its float32 again, each row on a line.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    letters, offsets = check_words(contents.words)
    with open_to_write(path) as stream:
        if header:
            stream.write(b"%d %d\n" % contents.matrix.shape)
        elif contents.words[0].startswith("\ufeff"):
            stream.write(codecs.BOM_UTF8)  # or the word's own would pass for one
        for lines in lines_of(contents.matrix, letters, offsets):
            stream.write(lines)


def lines_of(matrix: np.ndarray, letters: np.ndarray, offsets: np.ndarray) -> Iterator[memoryview]:
    """The lines of all rows, in blocks that threads make, under words as ``pack_words`` does."""
    from embedlayer.vectors.formats.shortest import MOST_BYTES

    bits = np.ascontiguousarray(matrix, np.float32).view(np.int32)
    rows, cores = max(BLOCK_BYTES // (MOST_BYTES * bits.shape[1]), 1), available_cores()
    with ThreadPoolExecutor(cores) as pool:
        write = partial(_lines, bits, letters, offsets, rows)
        for _, lines in in_order(pool, write, range(0, len(bits), rows), cores):
            yield lines


def _lines(
    bits: np.ndarray, letters: np.ndarray, offsets: np.ndarray, rows: int, first: int
) -> memoryview:
    """The lines of so many rows from the first on."""
    from embedlayer.vectors.formats.shortest import MOST_BYTES, write_lines

    part = bits[first : first + rows]
    room = int(offsets[first + len(part)] - offsets[first]) + MOST_BYTES * part.size + len(part)
    text = np.empty(room, np.uint8)
    return text[: write_lines(part, letters, offsets, first, text)].data


def _blocks(stream: BinaryIO, begun: bytes, line: int) -> Iterator[bytes]:
    """Whole lines, ``begun`` first, in blocks; the last line ends as all do."""
    rest = begun
    for piece in iter(partial(stream.read, BLOCK_BYTES), b""):
        end = piece.rfind(b"\n") + 1
        if end:
            block, rest = rest + piece[:end], piece[end:]
            line += block.count(b"\n")
            yield block
        else:
            rest += piece
        _check_length(rest, line)
    if rest:
        yield rest + b"\n"


def _check_length(text: bytes, line: int) -> None:
    """Refuse a line that is too long to be a vector: the memory of no machine ends by it."""
    if len(text) >= MOST_LINE:
        raise EmbedlayerError(f"line {line} has more than {MOST_LINE} bytes: no vector has")
