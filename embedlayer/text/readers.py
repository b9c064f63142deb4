"""From files to blocks of bytes: plain or compressed, several, globs, folders, standard input."""

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from glob import glob
from typing import BinaryIO, NamedTuple

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened, expanded, open_to_read, opened
from embedlayer.storage.remote import is_url, matching_urls

STDIN = "-"
MOST_WORD = 1 << 26  # bytes between two white spaces: what has more of them is no text
BLOCK_BYTES = 1 << 20  # small enough for a core's cache, large enough that threads rarely meet

Source = str | os.PathLike[str]
_log = logging.getLogger("embedlayer")
BytesRead = Callable[[int, int | None], None]  # bytes read, bytes in all (None: unknown)


class Shard(NamedTuple):
    """A file's text, or the part of a plain one between two newlines, in bytes of the text."""

    path: str
    start: int = 0
    stop: int | None = None  # None: the end


class Block(NamedTuple):
    """A piece of a text, cut where no token is split; a file's last block ends its last line."""

    path: str
    start: int  # where the block begins in the file's text, in bytes
    data: bytes
    bytes_read: int  # of all files so far, as they lie on disk


def find_files(sources: Source | Sequence[Source]) -> list[str]:
    """The files that paths, globs and folders stand for, in the order given; '-' stands for itself.

    A folder stands for all files below it, sorted, without hidden ones, linked folders and links
    to nothing (which the log names); a glob's matches are sorted.

    Raises:
        EmbedlayerError: nothing there, or nothing that may be read.
    """
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    files = [file for source in given for file in _files_of(os.fspath(source))]
    if not files:
        raise EmbedlayerError("no text was named: give at least one file")
    for file in files:
        if file != STDIN and not is_url(file) and not os.access(file, os.R_OK):
            raise EmbedlayerError(f"cannot read {file}: permission denied")
    return files


def total_bytes(files: list[str]) -> int | None:
    """The size on disk of all files together; None with a pipe, URL or standard input."""
    if not all_regular(files):
        return None
    return sum(os.stat(file).st_size for file in files)


def all_regular(files: list[str]) -> bool:
    """True unless there is a pipe, a URL or standard input among the files."""
    return not any(map(is_url, files)) and all(
        file != STDIN and stat.S_ISREG(os.stat(file).st_mode) for file in files
    )


def read_blocks(files: list[str], cut: Callable[[bytes], int]) -> Iterator[Block]:
    """The text of the files in blocks of about 1 MB, each ending where ``cut`` allows.

    Args:
        files: as :func:`find_files` gives them.
        cut: ``after_whitespace`` or ``after_newline``. A block grows until there is a place.

    Raises:
        EmbedlayerError: a file that cannot be read, a damaged archive, or no text.
    """
    before = 0
    for path in files:
        for block in shard_blocks(Shard(path), cut, before):
            yield block
            before = block.bytes_read


def shard_blocks(shard: Shard, cut: Callable[[bytes], int], before: int = 0) -> Iterator[Block]:
    """As :func:`read_blocks`, of a part of a file; ``before`` bytes were read of others."""
    path, start = shard.path, shard.start
    bytes_read, last = 0, b""
    pending: list[bytes] = []
    for piece, bytes_read in _pieces(shard):
        end, last = cut(piece), piece[-1:]
        pending.append(piece[:end])
        if end:
            data = b"".join(pending)
            yield Block(path, start, data, before + bytes_read)
            start += len(data)
            pending = []
        elif cut is after_whitespace and sum(map(len, pending)) > MOST_WORD:
            raise EmbedlayerError(f"{path} holds a word of more than {MOST_WORD} bytes: no text")
        pending.append(piece[end:])
    ending = b"" if last in (b"", b"\n") else b"\n"
    yield Block(path, start, b"".join([*pending, ending]), before + bytes_read)


def cut_shards(files: list[str], size: int) -> list[Shard]:
    """Files in shards of at least ``size`` bytes of text that end behind a newline.

    What is compressed, or cannot be read from any place on, is a shard as a whole.

    Raises:
        EmbedlayerError: a file that cannot be read, or no text.
    """
    shards = []
    for path in files:
        with _text_of(path) as (file, stream):
            mark, bytes_of_file = stream.tell() if stream.seekable() else 0, file.plain_bytes()
            start, end = 0, bytes_of_file - mark
            while start + size < end:
                stop = _behind_newline(stream, mark + start + size) - mark
                if stop >= end:
                    break
                shards.append(Shard(path, start, stop))
                start = stop
            shards.append(Shard(path, start))
    return shards


def _behind_newline(stream: BinaryIO, place: int) -> int:
    """The place behind the next newline of a stream, or its end."""
    stream.seek(place)
    while piece := stream.read(BLOCK_BYTES):
        if b"\n" in piece:
            return place + piece.index(b"\n") + 1
        place += len(piece)
    return place


def after_whitespace(piece: bytes) -> int:
    """The place behind the last ASCII whitespace, as ``bytes.split`` knows it; 0 without any."""
    if piece[-1:].isspace():
        return len(piece)
    return len(piece) - len(piece.rsplit(None, 1)[-1])


def after_newline(piece: bytes) -> int:
    """The place behind the last newline; 0 without any."""
    return piece.rfind(b"\n") + 1


def _files_of(source: str) -> list[str]:
    if is_url(source):
        return _urls_of(source)
    path = expanded(source)
    if source == STDIN or os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        files = _files_below(path)
        if not files:
            raise EmbedlayerError(f"the folder {source} holds no files")
        return files
    if os.path.exists(path):  # a named pipe, or the shell's <(command)
        return [path]
    if not any(sign in path for sign in "*?["):
        what = "a link to nothing" if os.path.islink(path) else "no such file"
        raise EmbedlayerError(f"{what}: {source}")
    files = []
    for match in sorted(glob(path, recursive=True)):
        files += _files_below(match) if os.path.isdir(match) else _that_exist([match])
    if not files:
        raise EmbedlayerError(f"no file matches {source}")
    return list(dict.fromkeys(files))  # "**" matches a folder and the files in it


def _urls_of(url: str) -> list[str]:
    """A URL itself, unless it has a ``*``: a ``?`` or ``[`` may be a part of it."""
    if "*" not in url:
        return [url]
    found = matching_urls(url)
    if not found:
        raise EmbedlayerError(f"no file matches {url}")
    return found


def _files_below(folder: str) -> list[str]:
    def unreadable(error: OSError) -> None:
        raise EmbedlayerError(f"cannot read the folder {error.filename}: {error.strerror}")

    files = []
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    return _that_exist(sorted(files))


def _that_exist(files: list[str]) -> list[str]:
    """The files without links to nothing, which the log names."""
    there = list(filter(os.path.exists, files))
    for file in sorted({*files} - {*there}):
        _log.warning("%s is left out: it is a link to nothing", file)
    return there


def _pieces(shard: Shard) -> Iterator[tuple[bytes, int]]:
    """The decompressed bytes of a text in pieces, each with the bytes of the file read so far."""
    place = shard.start
    with _text_of(shard.path) as (file, stream):
        begun = stream.seek(place, os.SEEK_CUR) if place else 0
        while piece := stream.read(_at_most(shard.stop, place)):
            place += len(piece)
            yield piece, file.raw.tell() - begun if file.raw.seekable() else place


def _at_most(stop: int | None, place: int) -> int:
    return BLOCK_BYTES if stop is None else min(BLOCK_BYTES, stop - place)


@contextmanager
def _text_of(path: str) -> Iterator[tuple[Opened, BinaryIO]]:
    """A file, and its text behind the byte order mark."""
    try:
        with _open(path) as file:
            yield file, file.text()
    except OSError as error:
        raise EmbedlayerError(f"cannot read {path}: {error.strerror}") from error


def _open(path: str) -> AbstractContextManager[Opened]:
    if path != STDIN:
        return open_to_read(path)
    if sys.stdin is None:
        raise EmbedlayerError("standard input is closed: name a file, or give a text to read")
    return opened(sys.stdin.buffer, "standard input")
