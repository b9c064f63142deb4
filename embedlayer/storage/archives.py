"""Compressed files: what they begin with, what is in them, piece by piece, and how they are made.

A piece is of a bounded size, whatever the archive says. An archive may hold 64 MB, and more up to a
hundred times its own size: what holds more was made to fill the memory. The environment variable
``EMBEDLAYER_EXPANSION`` sets another number of times (``inf``: any), from Python by ``os.environ``;
it is read whenever an archive is opened.
"""

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from embedlayer.errors import EmbedlayerError

PIECE_BYTES = 1 << 16  # compressed bytes read at once
MOST_BYTES = 1 << 20  # decompressed bytes made at once
FREE_BYTES = 1 << 26  # an archive of any size may hold so many
EXPANSION, MOST_EXPANSION = "EMBEDLAYER_EXPANSION", 100.0
WINDOW_BYTES = 1 << 31  # what decompressors may keep: `zstd --long=31` makes them keep that


class Kind(NamedTuple):
    """A kind of archive: its first bytes, and what decompresses one member.

    The decompressor is as those of bz2 and lzma, or as those of zlib: ``decompress(data, most)``,
    ``eof`` and ``unused_data``, and where it has ``unconsumed_tail``, that is to be given again.
    The writer gives a stream what is written to it compressed, and leaves the stream open; the same
    bytes always make the same archive.
    """

    magic: bytes
    member: Callable[[], Any]
    writer: Callable[[BinaryIO], Any]


class _ZstFrame:
    """One frame: zstandard's own stream reader takes a cut-off file for a whole one."""

    INPUT_BYTES = 1 << 12  # 4 bytes make 128 KB at most: these make 128 MB

    def __init__(self) -> None:
        import zstandard

        self._damage = zstandard.ZstdError
        self._frame = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).decompressobj()
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self.unconsumed_tail

    def decompress(self, data: bytes, most: int) -> bytes:
        pieces, made, place = [], 0, 0
        try:
            while place < len(data) and made < most and not self._frame.eof:
                pieces.append(self._frame.decompress(data[place : place + self.INPUT_BYTES]))
                made += len(pieces[-1])
                place += self.INPUT_BYTES
        except self._damage as error:
            raise EOFError(str(error)) from error
        self.unconsumed_tail = data[place:]
        return b"".join(pieces)


def _gz_writer(stream: BinaryIO) -> Any:
    return gzip.GzipFile("", "wb", 6, stream, mtime=0)  # no name and no time in it


def _zst_writer(stream: BinaryIO) -> Any:
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).stream_writer(stream, closefd=False)


# By the suffix that the name of the file should have.
KINDS = {
    ".gz": Kind(b"\x1f\x8b", partial(zlib.decompressobj, 16 + zlib.MAX_WBITS), _gz_writer),
    ".bz2": Kind(b"BZh", bz2.BZ2Decompressor, partial(bz2.BZ2File, mode="wb")),
    ".xz": Kind(
        b"\xfd7zXZ\x00",
        partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, WINDOW_BYTES),
        partial(lzma.LZMAFile, mode="wb"),
    ),
    ".zst": Kind(b"\x28\xb5\x2f\xfd", _ZstFrame, _zst_writer),
}
MAGIC_BYTES = max(len(kind.magic) for kind in KINDS.values())


def kind_of(start: bytes) -> Kind | None:
    """The kind of a file that begins so; None for one that is not compressed."""
    return next((kind for kind in KINDS.values() if start.startswith(kind.magic)), None)


def decompress(raw: BinaryIO, kind: Kind, name: str) -> Iterator[bytes]:
    """What an archive holds, member by member, in pieces of 1 MB at most, of .zst 128 MB.

    Zeros may lie between members and behind the last one, as on a tape.

    Raises:
        EOFError, OSError, zlib.error, lzma.LZMAError: it ends early, is damaged, or something
            that is no member follows one.
        EmbedlayerError: it holds more than an archive of its size may; ``name`` is it.
    """
    limit = _most_expansion()
    read = made = 0
    member: Any = None
    for data in chain(iter(partial(raw.read, PIECE_BYTES), b""), [b""]):
        read += len(data)
        while member or (data := data.lstrip(b"\0")):
            member = member or kind.member()
            piece = member.decompress(data, MOST_BYTES)
            made += len(piece)
            check_expansion(name, read, made, limit)
            if piece:
                yield piece
            if member.eof:
                member, data = None, member.unused_data
                continue
            data = getattr(member, "unconsumed_tail", b"")
            if not data and not piece:
                break
    if member:
        raise EOFError("it ends inside compressed data")


def check_expansion(name: str, read: int, made: int, limit: float | None = None) -> None:
    """Raise EmbedlayerError if so many bytes may not come of so many compressed ones."""
    limit = _most_expansion() if limit is None else limit
    if made > max(FREE_BYTES, limit * read):
        raise EmbedlayerError(
            f"{name} holds more than {limit:g} times its own size, as a file does that was "
            f"made to fill the memory; if you trust it, set {EXPANSION} to a higher number"
        )


def _most_expansion() -> float:
    given = os.environ.get(EXPANSION) or MOST_EXPANSION
    try:
        limit = float(given)
    except ValueError:
        limit = 0
    if not limit >= 1:
        raise EmbedlayerError(f"{EXPANSION} is {given!r}: it must be a number from 1 up, or inf")
    return limit
