"""The first pass over a text: words counted, every token's provisional id written to disk."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import ArrayFile
from embedlayer.storage.words import decode_words
from embedlayer.text.readers import Block, BytesRead, after_whitespace, read_blocks, total_bytes
from embedlayer.text.word_table import WordTable
from embedlayer.threads import in_order

MOST_SCANNERS = 8  # what one reader can feed; and every thread has a table of the words


@dataclass
class CountedText:
    """A text after the first pass: its M distinct words are numbered, in an order of no meaning.

    Attributes:
        counts: int64, (M,): how often each occurs.
        words_of: the words with these numbers.
        packed: all words as bytes, uint8, and offsets, int64, (M + 1,), as ``pack_words`` packs.
        streams: int32, memory-mapped: provisional ids, −1 at a sentence's end, of each thread.
        numbers: int32: the number of each provisional id, thread by thread.
        segments: (thread, start, stop) of the parts of the streams, in the order of the text.
        table: of the words, where compiled code has counted them.
    """

    counts: np.ndarray
    words_of: Callable[[np.ndarray], list[str]]
    packed: Callable[[], tuple[np.ndarray, np.ndarray]]
    streams: list[np.ndarray]
    numbers: list[np.ndarray]
    segments: list[tuple[int, int, int]]
    table: WordTable | None = None


class Undecodable(EmbedlayerError):
    """A byte that is in no text: of which file, in which of its lines, and where in its text."""

    def __init__(self, path: str, line: int, byte: int, place: int) -> None:
        super().__init__(path, line, byte, place)

    def __str__(self) -> str:
        path, line, byte, place = self.args
        found = "not UTF-8" if byte else "a NUL, which no text holds"
        return (
            f"{path}, line {line}: byte 0x{byte:02x}, at {place} from the start of the text, is "
            f"{found}; convert the text to UTF-8, or replace such bytes with errors='replace' "
            "(--errors replace)"
        )

    def after(self, lines: int) -> "Undecodable":
        """The same, if so many lines of the file lie before what was read of it."""
        path, line, byte, place = self.args
        return Undecodable(path, line + lines, byte, place)


def count_files(
    files: list[str],
    errors: str,
    threads: int,
    folder: Path | None,
    progress: BytesRead | None,
) -> CountedText:
    """Count the words of files: tokens between ASCII whitespace, a line is a sentence.

    Args:
        files: as ``find_files`` gives them.
        errors: what bytes that are not UTF-8 do: 'strict' raises, 'replace' makes them U+FFFD.
        threads: how many scan, at most 8.
        folder: where provisional ids are written; None: the system's temporary folder.
        progress: called with the bytes read and, unless there is a pipe, those in all.

    Raises:
        EmbedlayerError: bytes that are not UTF-8 (file, line, byte), unreadable or damaged files,
            a full disk.
    """
    blocks = read_blocks(files, after_whitespace)
    return count_blocks(blocks, errors, threads, folder, progress, total_bytes(files))


def count_blocks(
    blocks: Iterator[Block],
    errors: str,
    threads: int,
    folder: Path | None,
    progress: BytesRead | None = None,
    total: int | None = None,
    lines: int = 0,
) -> CountedText:
    """Count the words of blocks that end at white space; the others as :func:`count_files`.

    ``lines`` of the first block's file lie before it.
    """
    threads = min(threads, MOST_SCANNERS)
    scanners = [_Scanner(i, errors, folder) for i in range(threads)]
    idle = list(scanners)

    def scan(block: Block) -> _Scanned:
        scanner = idle.pop()
        try:
            return scanner.scan(block.data)
        finally:
            idle.append(scanner)

    segments = []
    with ThreadPoolExecutor(threads) as pool:
        for block, scanned in in_order(pool, scan, blocks, ahead=2 * threads):
            lines = 0 if block.start == 0 else lines
            if scanned.bad_byte is not None:
                raise undecodable(block, lines, scanned.bad_byte)
            lines += scanned.newlines
            segments.append(scanned.segment)
            if progress:
                progress(block.bytes_read, total)
    return _merge(scanners, segments)


def decoded(data: bytes, errors: str) -> str:
    """A piece of a text; a NUL is as wrong in it as what is not UTF-8.

    Raises:
        UnicodeDecodeError: the first wrong byte, if ``errors`` is not 'replace'.
    """
    text = data.decode("utf-8", errors)
    place = data.find(b"\0")
    if place >= 0 and errors != "replace":
        raise UnicodeDecodeError("utf-8", data, place, place + 1, "a NUL")
    return text.replace("\0", "\ufffd")


def undecodable(block: Block, lines: int, place: int) -> Undecodable:
    """The error for the byte at ``place`` of a block, ``lines`` lines of its file lying before."""
    line = lines + block.data.count(b"\n", 0, place) + 1
    return Undecodable(block.path, line, block.data[place], block.start + place)


class _Scanned(NamedTuple):
    segment: tuple[int, int, int]
    newlines: int
    bad_byte: int | None  # the first byte of the block that is not UTF-8


@dataclass
class _Scanner:
    """What one thread has: its table of words and its stream of provisional ids."""

    number: int
    errors: str
    folder: Path | None
    table: WordTable = field(default_factory=WordTable)

    def __post_init__(self) -> None:
        self.stream = ArrayFile(np.int32, self.folder)

    def scan(self, data: bytes) -> _Scanned:
        if self.errors == "replace":
            data = decoded(data, self.errors).encode()
        known = self.table.size
        ids, newlines = self.table.scan(data)
        start = self.stream.size
        self.stream.append(ids)
        segment = self.number, start, self.stream.size
        return _Scanned(segment, newlines, self._bad_byte(data, known))

    def _bad_byte(self, data: bytes, known: int) -> int | None:
        """Whitespace never splits a character, so a text is UTF-8 when its new words are."""
        offsets = self.table.offsets[known : self.table.size + 1]
        try:
            text = decode_words(self.table.letters[offsets[0] : offsets[-1]], offsets - offsets[0])
        except EmbedlayerError:
            return _first_bad_byte(data)
        return _first_bad_byte(data) if "\0" in text else None


def _merge(scanners: list[_Scanner], segments: list[tuple[int, int, int]]) -> CountedText:
    table = scanners[0].table
    numbers = [np.arange(table.size, dtype=np.int32)]
    numbers += [table.absorb(other.table) for other in scanners[1:]]
    return CountedText(
        counts=table.counts[: table.size],
        words_of=lambda ids: [word.decode() for word in table.words(ids)],
        packed=table.packed,
        streams=[scanner.stream.mapped() for scanner in scanners],
        numbers=numbers,
        segments=segments,
        table=table,
    )


def _first_bad_byte(data: bytes) -> int:
    try:
        decoded(data, "strict")
    except UnicodeDecodeError as error:
        return error.start
    raise AssertionError("a word that is not UTF-8 stands in a text that is")
