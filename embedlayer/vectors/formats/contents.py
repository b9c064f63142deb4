"""What a file of vectors holds, in plain terms: all that a format takes and gives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from embedlayer.storage.reading import Opened


class Contents(NamedTuple):
    """Words and their vectors.

    Attributes:
        words: V words.
        matrix: float32, (V, D).
        counts: int64, (V,), or None where they are not known.
        metadata: what JSON can say about where the vectors come from.
    """

    words: Sequence[str]
    matrix: np.ndarray
    counts: np.ndarray | None = None
    metadata: dict[str, Any] | None = None


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

    def read(self, file: Opened) -> Contents:
        """The contents; EmbedlayerError for a damaged file."""
        ...

    def write(self, path: Path, contents: Contents) -> None:
        """Write them; EmbedlayerError, before anything is written, for a word it cannot hold."""
        ...
