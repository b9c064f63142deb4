"""Sentences from files, as gensim reads them: a word is what Unicode white space separates.

``Corpus.from_files`` (here: ``corpus_file=``) reads about 50 times faster, by compiled code; it
splits at ASCII white space alone.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Whole
from embedlayer.storage.reading import expanded, open_to_read

MOST_WORDS = 10_000  # of a sentence: longer ones are cut
BLOCK_BYTES = 1 << 20


class LineSentence:
    """The sentences of a text, one on each line: lists of words.

    Args:
        source: a path (plain, .gz, .bz2, .xz or .zst), or an open file of bytes or of text, which
            is read from its start at each pass.
        max_sentence_length: longer sentences are cut into several.
        limit: only so many lines are read; None: all.

    Raises:
        EmbedlayerError, OSError: a file that is missing or damaged, or no text in UTF-8.
    """

    def __init__(
        self, source: Any, max_sentence_length: int = MOST_WORDS, limit: int | None = None
    ) -> None:
        self.source = source
        self.max_sentence_length = Whole().checked("max_sentence_length", max_sentence_length)
        self.limit = None if limit is None else Whole(0).checked("limit", limit)

    def __iter__(self) -> Iterator[list[str]]:
        for line in islice(_lines(self.source), self.limit):
            yield from _cut(_decoded(line).split(), self.max_sentence_length)


class PathLineSentences(LineSentence):
    """As :class:`LineSentence`, of all files of a folder, in the order of their names.

    Args:
        source: a folder, or one file.
        max_sentence_length, limit: as there; the limit is of each file.
    """

    @property
    def input_files(self) -> list[str]:
        """The files, sorted; those of folders in the folder are not among them."""
        path = Path(expanded(self.source))
        if path.is_file():
            return [str(path)]
        if not path.is_dir():
            raise EmbedlayerError(f"{self.source} is neither a file nor a folder")
        return sorted(str(file) for file in path.iterdir() if file.is_file())

    def __iter__(self) -> Iterator[list[str]]:
        for file in self.input_files:
            yield from LineSentence(file, self.max_sentence_length, self.limit)


class Text8Corpus:
    """A text without lines, as text8: cut into sentences of ``max_sentence_length`` words.

    Args:
        fname: its path.
        max_sentence_length: the words of each sentence but the last one.
    """

    def __init__(self, fname: str | Path, max_sentence_length: int = MOST_WORDS):
        self.fname = fname
        self.max_sentence_length = Whole().checked("max_sentence_length", max_sentence_length)

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        for text in _blocks(self.fname):
            words += text.split()
            whole = len(words) // self.max_sentence_length * self.max_sentence_length
            yield from _cut(words[:whole], self.max_sentence_length)
            words = words[whole:]
        yield from _cut(words, self.max_sentence_length)


def _lines(source: Any) -> Iterator[bytes | str]:
    if not hasattr(source, "seek"):
        with open_to_read(source) as file:
            yield from file.text()
    else:
        source.seek(0)
        yield from source


def _blocks(path: str | Path) -> Iterator[str]:
    """The text in blocks of about 1 MB that end behind a space or a newline."""
    with open_to_read(path) as file:
        stream: BinaryIO = file.text()
        rest = b""
        while data := stream.read(BLOCK_BYTES):
            data = rest + data
            end = max(data.rfind(b" "), data.rfind(b"\n")) + 1
            rest = data[end:]
            yield _decoded(data[:end])
        yield _decoded(rest)


def _cut(words: list[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(words), most):
        yield words[start : start + most]


def _decoded(text: bytes | str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise EmbedlayerError(f"the text is not UTF-8: {error}") from None
