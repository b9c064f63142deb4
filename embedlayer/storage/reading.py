"""One way to open a file: its content says whether it is compressed, and whether it is a text."""

import codecs
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.storage.archives import KINDS, MAGIC_BYTES, PIECE_BYTES, decompress, kind_of
from embedlayer.storage.remote import is_url, open_url

TEXT_START = 1 << 16  # bytes in which what a text cannot hold is looked for
ENDING = re.compile(r"[\w.]{1,100}")
FEW_WRONG = 16  # characters that are not UTF-8: so many may be in any text
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # it begins as the mark of UTF-16 does
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Opened:
    """A file that was just opened, plain or compressed, or a pipe.

    Attributes:
        name: what errors call it.
        raw: the file as it lies on disk.
        stream: its bytes, decompressed.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.name = name
        self.raw = self.stream = raw
        self._pieces: Iterator[bytes] | None = None  # of which the stream is made, if it is not raw
        if not raw.seekable():
            self._pieces = iter(partial(raw.read, PIECE_BYTES), b"")
        start = self.start(MAGIC_BYTES)
        suffix = Path(name).suffix.lower()
        if kind := kind_of(start):
            self._pieces = decompress(self.stream, kind, name)
            self.stream = _joined(self._pieces)
        elif start and suffix in KINDS:
            raise EOFError(f"it does not begin as a {suffix} file does")

    def start(self, size: int) -> bytes:
        """The first bytes, which the stream will give again."""
        if self._pieces is None:
            place = self.raw.tell()  # not always 0: a shell may have read from standard input
            start = self.raw.read(size)
            self.raw.seek(place)
            return start
        taken: list[bytes] = []
        missing = size
        while missing > 0 and (piece := next(self._pieces, b"")):
            taken.append(piece)
            missing -= len(piece)
        self._pieces = chain(taken, self._pieces)
        self.stream = _joined(self._pieces)
        return b"".join(taken)[:size]

    def text(self) -> BinaryIO:
        """The stream behind the byte order mark, if there is one.

        Raises:
            EmbedlayerError: no text in UTF-8 begins so.
        """
        start = self.start(TEXT_START)
        check_text(start, self.name)
        if start.startswith(codecs.BOM_UTF8):
            self.stream.read(len(codecs.BOM_UTF8))
        return self.stream

    def plain_bytes(self) -> int:
        """How many the stream has; 0 where that shows only as it is read, as in an archive."""
        if self._pieces is not None:
            return 0
        place = self.raw.tell()
        end = self.raw.seek(0, os.SEEK_END)
        self.raw.seek(place)
        return end

    def seekable(self) -> BinaryIO:
        """The decompressed bytes as a file in which one can go to any place."""
        return self.raw if self._pieces is None else io.BytesIO(self.stream.read())

    def beside(self, ending: str) -> AbstractContextManager["Opened"]:
        """The file of the same folder whose name is this one's and an ending.

        Raises:
            EmbedlayerError: an ending that is not made of letters, digits, points and "_".
        """
        if not ENDING.fullmatch(ending):
            raise EmbedlayerError(f"{ending!r:.60} is no ending of a file's name")
        return open_to_read(self.name + ending)


@contextmanager
def open_to_read(path: str | Path) -> Iterator[Opened]:
    """A file, decompressed; "~" is the user's home, and a URL what fsspec finds there.

    Raises:
        EmbedlayerError: a damaged file, or one that expands too far, also while it is read.
        OSError: a file that is missing or cannot be read.
    """
    with _raw(path) as raw, opened(raw, str(path)) as file:
        yield file


@contextmanager
def opened(raw: BinaryIO, name: str) -> Iterator[Opened]:
    """As :func:`open_to_read`, of a file that is open; it is not closed."""
    try:
        yield Opened(raw, name)
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise EmbedlayerError(f"{name} is damaged or cut off: {error}") from error
    except MemoryError as error:
        raise EmbedlayerError(f"{name} takes more memory than there is") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise EmbedlayerError(f"{name} is damaged: {error}") from error  # so does bz2


def _raw(path: str | Path) -> AbstractContextManager[BinaryIO]:
    return open_url(str(path)) if is_url(path) else open(expanded(path), "rb")


def expanded(path: str | os.PathLike[str]) -> str:
    """The path, in which "~" stands for the user's home; a URL as it is.

    Raises:
        EmbedlayerError: what is no path, or one that no file can have.
    """
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str):
        raise EmbedlayerError(f"a path is a string or a Path, not {shown(path)}")
    try:
        possible = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise EmbedlayerError(f"no file can have the name {name!r}: it holds what no path can")
    return os.path.expanduser(name)  # no URL begins with it


def check_text(start: bytes, name: str) -> None:
    """Refuse what begins as no text in UTF-8 does, not even as one with a few wrong bytes.

    Raises:
        EmbedlayerError: a mark of UTF-16 or UTF-32, a NUL, or a quarter that is not UTF-8.
    """
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            raise EmbedlayerError(
                f"{name} is in {encoding}: convert it, as by iconv -f {encoding} -t UTF-8"
            )
    if kind_of(start):
        raise EmbedlayerError(f"{name} is compressed twice: decompress it once")
    place = start.find(b"\0")
    if place >= 0:
        raise EmbedlayerError(
            f"{name} is no text in UTF-8: byte {place} is a NUL. A text in UTF-16 or UTF-32 has to "
            "be converted, as by iconv -f UTF-16LE -t UTF-8; nothing else that holds NULs is text"
        )
    text = start.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if wrong > max(FEW_WRONG, len(text) / 4) and wrong > 2 * start.count("\ufffd".encode()):
        raise EmbedlayerError(
            f"{name} is no text in UTF-8: {wrong} of its first {len(text)} characters are not. A "
            "text in another encoding has to be converted, as by iconv -f CP949 -t UTF-8"
        )


class _Pieces(io.RawIOBase):
    """A stream of the pieces that an iterator gives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def readall(self) -> bytes:
        rest, self._rest = self._rest, memoryview(b"")
        return b"".join([rest, *self._pieces])


def _joined(pieces: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Pieces(pieces), PIECE_BYTES)
