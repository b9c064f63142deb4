"""What a file of vectors holds, in plain terms: all that a format takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from embedlayer.options import Choice, Whole, check_options, option
from embedlayer.storage.reading import Opened
from embedlayer.vectors.subwords import SubwordRows


class Contents(NamedTuple):
    """Words and their vectors.

    Attributes:
        words: V words.
        matrix: float32, (V, D).
        counts: int64, (V,), or None where they are not known.
        metadata: what JSON can say about where the vectors come from.
        output: float32, (R, D), the output table of their training, or None.
        subwords: the rows of n-grams, or None. What keeps words alone leaves them out.

    A reader may leave ``matrix`` and ``output`` in the file (``WordMeans``); a writer is given
    arrays, ``matrix`` and the rows of n-grams in float16 where a format can keep it (``HALF``).
    """

    words: Sequence[str]
    matrix: Any
    counts: np.ndarray | None = None
    metadata: dict[str, Any] | None = None
    output: Any = None
    subwords: SubwordRows | None = None

    def first(self, rows: int) -> "Contents":
        """The first rows, as copies, so that the others' memory is free; without output."""
        if rows >= max(len(self.words), len(self.matrix)):
            return self
        counts = None if self.counts is None else self.counts[:rows].copy()
        matrix = self.matrix[:rows].copy()
        return Contents(self.words[:rows], matrix, counts, self.metadata, None, self.subwords)


@dataclass(frozen=True)
class ReadingOptions:
    """How much of a file is read, and what is done about what should not be in it.

    Nothing is left out without a word: what is, a warning counts, and names the first of it.
    """

    limit: int | None = option(None, Whole(), "Read only so many rows, the first.", "all")
    errors: str = option(
        "strict",
        Choice(("strict", "replace", "ignore")),
        "What is not UTF-8 in a word is an error, replaced by U+FFFD, or left out of the word.",
    )
    duplicates: str = option(
        "first",
        Choice(("first", "last", "error")),
        "Of the rows of one word the first or the last is kept; or they are an error.",
    )
    damaged: str = option(
        "error",
        Choice(("error", "skip")),
        "A row that is none is an error or skipped; so is a header that promises other rows.",
    )

    def __post_init__(self) -> None:
        check_options(self)


class Start(NamedTuple):
    """How a file begins: what tells its format.

    Attributes:
        name: of the file, in small letters.
        data: its first bytes, decompressed.
        lines: the first lines in them, two at least, without a byte order mark; of a long one a
            part.
    """

    name: str
    data: bytes
    lines: list[bytes]


class Format(Protocol):
    """A module that reads and writes one format.

    It names no file in its errors: whoever opens the file does, once for all formats.
    """

    @property
    def SUFFIXES(self) -> tuple[str, ...]:
        """Files whose names end so are written in this format."""
        ...

    def begins(self, start: Start) -> bool:
        """Whether a file that begins so is of this format, no earlier one in ``FORMATS`` being."""
        ...

    def read(self, file: Opened, options: ReadingOptions) -> Contents:
        """The contents, as the options ask for them; EmbedlayerError for a damaged file."""
        ...

    def write(self, path: Path, contents: Contents) -> None:
        """Write them; EmbedlayerError, before anything is written, for a word it cannot hold."""
        ...


class FolderFormat(Protocol):
    """A module that reads and writes one format of several files, in a folder of their own."""

    def holds(self, folder: Path) -> bool:
        """Whether a folder has the files of this format, no earlier one in ``FOLDERS`` doing."""
        ...

    def read(self, folder: Path, options: ReadingOptions) -> Contents:
        """The contents, as the options ask for them; EmbedlayerError for a damaged file."""
        ...

    def write(self, folder: Path, contents: Contents) -> None:
        """Write its files into an empty folder; EmbedlayerError for a word it cannot hold."""
        ...
