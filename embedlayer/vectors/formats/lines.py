"""A block of lines, each a row in digits: words, matrix, and what is wrong with it.

Compiled code reads what is well formed (``numbers.py``), and Python each line that it leaves: so
whatever is damaged, and words with spaces, as a few in the published GloVe files are.
"""

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from embedlayer.vectors.formats.contents import ReadingOptions
from embedlayer.vectors.formats.digits import NUMBER
from embedlayer.vectors.formats.words import decoded, no_word

FEW_BYTES = 1 << 20  # Python has read so many before numba is imported


class Fault(NamedTuple):
    """A line that is no row: its number, in a block from 0, and why."""

    line: int
    why: str


@dataclass
class Block:
    """What lines hold.

    Attributes:
        matrix: float32, (n or more, D): the numbers of the n rows, in order.
        words: theirs, (n,).
        lines: how many were read.
        skipped: how many of them are no rows.
        first: the first of these.
        fatal: the line that ended the reading.
    """

    matrix: np.ndarray
    words: list[str] = field(default_factory=list)
    lines: int = 0
    skipped: int = 0
    first: Fault | None = None
    fatal: Fault | None = None


def read_block(dim: int, options: ReadingOptions, text: bytes) -> Block:
    """The rows of D numbers in a text whose last line ends as all do; blank lines are none."""
    room = len(text) // (2 * dim + 2)  # a row has a letter, D digits, and what divides them
    block = Block(np.empty((room, dim), np.float32))
    found = np.empty((3, room), np.int64) if len(text) > FEW_BYTES else None
    place = 0
    while place < len(text) and block.fatal is None:
        if found is not None:
            place = _read_compiled(block, text, place, found, options)
        if place < len(text) and block.fatal is None:
            end = text.index(b"\n", place)
            _read_line(block, text[place:end], options)
            place = end + 1
    return block


def _read_compiled(
    block: Block, text: bytes, place: int, found: np.ndarray, options: ReadingOptions
) -> int:
    """Rows from ``place`` on; the place of a line that Python is to read, or the end.

    ``found``, int64, (3, n or more), takes where words begin and end, and their lines.
    """
    from embedlayer.vectors.formats.numbers import parse_rows

    first, data = len(block.words), np.frombuffer(text, np.uint8)
    place, row, block.lines = parse_rows(data, place, block.matrix, first, found, block.lines)
    for start, end, line in found[:, first:row].T.tolist():
        name = decoded(text[start:end], options.errors)
        if name is None:
            block.fatal = Fault(line, no_word(text[start:end]))
            return place
        block.words.append(name)
    return place


def _read_line(block: Block, line: bytes, options: ReadingOptions) -> None:
    """One row, or nothing from a blank line; what is wrong with it is noted."""
    fields = line.split()
    dim = block.matrix.shape[1]
    try:
        if len(fields) not in (0, dim + 1):
            fields = _split_spaced_word(line, dim)
        if fields:
            name = decoded(fields[0], options.errors)
            if name is None:
                block.fatal = Fault(block.lines, no_word(fields[0]))
                return
            values = array("f", map(float, fields[1:]))
            if b"_" in b"".join(fields[1:]):
                raise ValueError("1_0 is Python's spelling of a number, and no file's")
            block.matrix[len(block.words)] = values
            block.words.append(name)
    except ValueError as error:
        fault = Fault(block.lines, f"{error!s:.100}")
        if options.damaged == "error":
            block.fatal = fault
        block.first = block.first or fault
        block.skipped += 1
    block.lines += 1


def _split_spaced_word(line: bytes, dim: int) -> list[bytes]:
    """A row whose word holds spaces."""
    word, *values = line.rstrip().rsplit(maxsplit=dim)
    if len(values) != dim or NUMBER.fullmatch(word.split()[-1]):
        raise ValueError(
            f"a word and {dim} numbers are expected, but it has {len(line.split())} fields"
        )
    return [word, *values]
