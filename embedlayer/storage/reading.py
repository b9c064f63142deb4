"""One way to open a file: its content says whether it is compressed, and how."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from embedlayer.errors import EmbedlayerError

PIECE_BYTES = 1 << 16  # compressed bytes read at once


@contextmanager
def open_to_read(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed.

    Raises:
        EmbedlayerError: a damaged file, also while it is read.
        OSError: a file that is missing or cannot be read.
    """
    with damage_named(str(path)), path.open("rb") as raw:
        yield decompressed(raw, path.suffix)


def decompressed(raw: BinaryIO, suffix: str = "") -> BinaryIO:
    """The bytes behind a file at its start, or behind a pipe: .gz, .bz2, .xz and .zst, or plain.

    Args:
        raw: the file.
        suffix: of its name, which may say that it is compressed.

    Raises:
        EOFError: it is not, although its name says so.
    """
    start = raw.read(MAGIC_BYTES)
    if raw.seekable():
        raw.seek(0)
    else:
        raw = _joined(chain([start], iter(partial(raw.read, PIECE_BYTES), b"")))
    for magic, opener in OPENERS.values():
        if start.startswith(magic):
            return opener(raw)
    if start and suffix.lower() in OPENERS:
        raise EOFError(f"it does not begin as a {suffix} file does")
    return raw


def is_compressed(path: Path) -> bool:
    """Whether :func:`open_to_read` would decompress the file."""
    with path.open("rb") as raw:
        return raw.read(MAGIC_BYTES).startswith(tuple(magic for magic, _ in OPENERS.values()))


@contextmanager
def damage_named(path: str) -> Iterator[None]:
    """Within the block, what the decompressors raise becomes one EmbedlayerError with the path."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise EmbedlayerError(f"{path} is damaged or cut off: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise EmbedlayerError(f"{path} is damaged: {error}") from error  # so do gzip and bz2


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


def _joined(pieces: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Pieces(pieces))


def _open_zst(raw: BinaryIO) -> BinaryIO:
    return _joined(_zst_frames(raw))


def _zst_frames(raw: BinaryIO) -> Iterator[bytes]:
    """Frame by frame: zstandard's own stream reader takes a cut-off file for a whole one."""
    import zstandard

    frame: Any = None
    try:
        while compressed := raw.read(PIECE_BYTES):
            while compressed:
                if frame is None:  # windows up to 2 GB, what `zstd --long=31` makes
                    frame = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
                if piece := frame.decompress(compressed):
                    yield piece
                compressed = frame.unused_data
                if frame.eof:
                    frame = None
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from error
    if frame is not None:
        raise EOFError("the file ends inside a zstd frame")


# What a compressed file begins with, and what opens it; by the suffix that its name should have.
OPENERS: dict[str, tuple[bytes, Callable[[Any], Any]]] = {
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\x00", lzma.open),
    ".zst": (b"\x28\xb5\x2f\xfd", _open_zst),
}
MAGIC_BYTES = max(len(magic) for magic, _ in OPENERS.values())
