"""The first pass over a text: words counted, every token's provisional id written to disk."""

import os
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.text.disk import ArrayFile
from embedlayer.text.readers import (
    Block,
    Progress,
    after_newline,
    after_whitespace,
    read_blocks,
    total_bytes,
)
from embedlayer.text.scanner import SENTENCE_END, WordTable
from embedlayer.text.vocabulary import decode_words

MOST_SCANNERS = 8  # one reader cannot feed more, and every thread has a table of the words
BATCH = 1 << 20

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class CountedText:
    """A text after the first pass: its M distinct words are numbered, in an order of no meaning.

    Attributes:
        counts: int64, (M,): how often each occurs.
        words_of: the words with these numbers.
        streams: int32, memory-mapped: provisional ids, −1 at a sentence's end, of each thread.
        numbers: int32: the number of each provisional id, thread by thread.
        segments: (thread, start, stop) of the parts of the streams, in the order of the text.
    """

    counts: np.ndarray
    words_of: Callable[[np.ndarray], list[str]]
    streams: list[np.ndarray]
    numbers: list[np.ndarray]
    segments: list[tuple[int, int, int]]


def count_files(
    files: list[str],
    errors: str,
    workers: int | None,
    folder: Path | None,
    progress: Progress | None,
) -> CountedText:
    """Count the words of files: tokens between ASCII whitespace, a line is a sentence.

    Args:
        files: as ``find_files`` gives them.
        errors: what bytes that are not UTF-8 do: 'strict' raises, 'replace' makes them U+FFFD.
        workers: threads; None: all cores.
        folder: where provisional ids are written; None: the system's temporary folder.
        progress: called with the bytes read and, unless there is a pipe, those in all.

    Raises:
        EmbedlayerError: bytes that are not UTF-8 (file, line, byte), unreadable or damaged files,
            a full disk.
    """
    threads = min(workers or available_cores(), MOST_SCANNERS)
    scanners = [_Scanner(i, errors, folder) for i in range(threads)]
    idle = list(scanners)

    def scan(block: Block) -> _Scanned:
        scanner = idle.pop()
        try:
            return scanner.scan(block.data)
        finally:
            idle.append(scanner)

    segments = []
    lines = 0
    total = total_bytes(files)
    with ThreadPoolExecutor(threads) as pool:
        blocks = read_blocks(files, after_whitespace)
        for block, scanned in in_order(pool, scan, blocks, ahead=2 * threads):
            lines = 0 if block.start == 0 else lines
            if scanned.bad_byte is not None:
                raise _undecodable(block, lines, scanned.bad_byte)
            lines += scanned.newlines
            segments.append(scanned.segment)
            if progress:
                progress(block.bytes_read, total)
    return _merge(scanners, segments)


def count_sentences(sentences: Iterable[Iterable[str]], folder: Path | None) -> CountedText:
    """Count the words of sentences that are lists of words, in one go.

    Raises:
        EmbedlayerError: a sentence that is a str, a word that is not one, a full disk.
    """
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__  # a new word gets the next number
    stream = ArrayFile(np.int32, folder)
    counts = np.zeros(0, np.int64)
    segments = []
    for batch in _number_words(sentences, number):
        added = np.bincount(batch[batch != SENTENCE_END], minlength=len(number))
        added[: len(counts)] += counts
        counts = added
        segments.append((0, stream.size, stream.size + len(batch)))
        stream.append(batch)
    words = list(number)
    for word in words:
        if not isinstance(word, str):
            raise EmbedlayerError(f"a word must be a str, not the {_show(word)}")
    return CountedText(
        counts=counts,
        words_of=lambda ids: [words[i] for i in ids],
        streams=[stream.mapped()],
        numbers=[np.arange(len(words), dtype=np.int32)],
        segments=segments,
    )


def tokenize_files(
    files: list[str],
    tokenizer: Callable[[str], Iterable[str]],
    errors: str,
    progress: Progress | None,
) -> Iterator[Iterable[str]]:
    """The sentences that a tokenizer makes of the lines of files, one by one.

    Raises:
        EmbedlayerError: as :func:`count_files`, and a tokenizer that returns a str.
    """
    lines = 0
    total = total_bytes(files)
    for block in read_blocks(files, after_newline):
        lines = 0 if block.start == 0 else lines
        try:
            text = block.data.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise _undecodable(block, lines, error.start) from None
        for line in text.split("\n"):
            tokens = tokenizer(line.removesuffix("\r")) if line else []
            if isinstance(tokens, str | bytes):
                raise EmbedlayerError(
                    f"the tokenizer must return a list of words, not the {_show(tokens)}"
                )
            yield tokens
        lines += block.data.count(b"\n")
        if progress:
            progress(block.bytes_read, total)


def in_order(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in order; the pool works on at most ``ahead`` items to come."""
    begun: deque[Any] = deque()
    for item in items:
        begun.append((item, pool.submit(work, item)))
        if len(begun) > ahead:
            item, future = begun.popleft()
            yield item, future.result()
    for item, future in begun:
        yield item, future.result()


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
            data = data.decode("utf-8", "replace").encode()
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
            decode_words(self.table.letters[offsets[0] : offsets[-1]], offsets - offsets[0])
        except EmbedlayerError:
            return _first_bad_byte(data)
        return None


def _merge(scanners: list[_Scanner], segments: list[tuple[int, int, int]]) -> CountedText:
    table = scanners[0].table
    numbers = [np.arange(table.size, dtype=np.int32)]
    numbers += [table.absorb(other.table) for other in scanners[1:]]
    return CountedText(
        counts=table.counts[: table.size],
        words_of=lambda ids: [word.decode() for word in table.words(ids)],
        streams=[scanner.stream.mapped() for scanner in scanners],
        numbers=numbers,
        segments=segments,
    )


def _number_words(
    sentences: Iterable[Iterable[str]], number: Mapping[str, int]
) -> Iterator[np.ndarray]:
    """The words' numbers, −1 behind each sentence, in arrays of about a million."""
    batch = array("i")
    for place, sentence in enumerate(sentences, 1):
        try:
            if isinstance(sentence, str | bytes):
                raise TypeError("it must be a list of words")
            batch.extend(map(number.__getitem__, sentence))
        except TypeError as error:
            raise EmbedlayerError(
                f"sentence {place} is the {_show(sentence)}: {error}; "
                "give lists of words, such as line.split()"
            ) from error
        batch.append(SENTENCE_END)
        if len(batch) >= BATCH:
            yield np.array(batch, np.int32)
            batch = array("i")
    yield np.array(batch, np.int32)


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    raise AssertionError("a word that is not UTF-8 stands in a text that is")


def _undecodable(block: Block, lines: int, place: int) -> EmbedlayerError:
    line = lines + block.data.count(b"\n", 0, place) + 1
    return EmbedlayerError(
        f"{block.path}, line {line}: byte 0x{block.data[place]:02x}, at {block.start + place} from "
        "the start of the text, is not UTF-8; convert the text to UTF-8, or replace such bytes "
        "with errors='replace' (--errors replace)"
    )


def _show(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '…'}"
