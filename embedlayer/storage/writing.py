"""Files that are written whole or not at all, and are on the disk when the call returns."""

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.archives import KINDS
from embedlayer.storage.mapped import CannotWrite
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import check_url, is_url, uploaded

NO_FILE = "it is there, and is no regular file"
READ_WRITE = 0o666  # what a user may allow for a file, of what is allowed for a folder


def whole_or_nothing(path: str | Path, folder: bool = False) -> AbstractContextManager[Path]:
    """A path to write to, which takes the place of ``path`` only when all went well.

    It is beside ``path``, or beside what that links to: the link stays. That of a URL is a
    temporary file of this machine.

    Args:
        path: what is written; a file of that name is replaced.
        folder: a folder is made, with what the block puts into it. It replaces nothing but an empty
            folder; else the block is not begun.

    Raises:
        EmbedlayerError: a URL that cannot be written so.
        OSError: a folder that is missing or cannot be written to, or would replace something; a
            full disk; with ``path``.
    """
    if is_url(path):
        _check_url(str(path), folder)
        return uploaded(str(path))
    return _renamed(Path(path), folder)


@contextmanager
def told_where(path: str | os.PathLike[str]) -> Iterator[Path]:
    """As :func:`whole_or_nothing`, of a user's path, "~" included: CannotWrite for an OSError."""
    try:
        with whole_or_nothing(expanded(path)) as unfinished:
            yield unfinished
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _renamed(path: Path, folder: bool) -> Iterator[Path]:
    """A path beside a file or a folder, which takes its place."""
    place = path.resolve()
    if not place.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write to", str(place.parent))
    if folder:
        check_folder(path)
    elif place.exists() and not (place.is_file() or place.is_dir()):  # a device, say
        raise FileExistsError(errno.EEXIST, NO_FILE, str(path))
    unfinished = place.with_name(f".{uuid.uuid4().hex}.{place.name}")  # ends as ``place`` does
    try:
        (unfinished.mkdir if folder else unfinished.touch)()
        mode = unfinished.stat().st_mode
        yield unfinished
        for file in unfinished.iterdir() if folder else [unfinished]:
            file.chmod(mode & READ_WRITE)  # safetensors makes files for the owner's eyes only
            sync(file)
        if folder:
            sync(unfinished)
            if place.is_dir():
                place.rmdir()  # it is empty; Windows puts nothing in its place
        os.replace(unfinished, place)
        sync(place.parent)
    except OSError as error:  # tells the unfinished file, or none
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(unfinished) if folder else unfinished.unlink(missing_ok=True)


def also_compressed(*suffixes: str) -> tuple[str, ...]:
    """Suffixes of files, and those of their archives that :func:`open_to_write` makes."""
    return (*suffixes, *(one + archive for one in suffixes for archive in KINDS))


@contextmanager
def open_to_write(path: Path, append: bool = False) -> Iterator[BinaryIO]:
    """A file to write, anew or behind what it has; it is compressed when the suffix says so."""
    with path.open("ab" if append else "wb") as stream:
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            yield stream
        else:
            with kind.writer(stream) as compressed:
                yield compressed


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk and outlive a power cut."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders, and writes their names itself
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_folder(path: Path) -> None:
    """Raise FileExistsError if anything but an empty folder has the place of a folder."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        why = "something is there, and a folder replaces nothing: remove it, or name a new folder"
        raise FileExistsError(errno.EEXIST, why, str(path))


def check_place(path: str | Path, size: int = 0, folder: bool = False) -> None:
    """Raise now what writing a file would raise later, after long work; nothing is left behind.

    Args:
        path: of the file, or a URL, of which only the kind is known before it is written.
        size: bytes that are going to be written, at least.
        folder: it is to be a folder, whose place nothing but an empty one may have.

    Raises:
        EmbedlayerError: a folder that is missing or cannot be written to, something in the file's
            place that is no file, a disk without room.
    """
    if is_url(path):
        _check_url(str(path), folder)
        return
    path = Path(path)
    if not folder and path.exists() and not path.is_file():
        raise EmbedlayerError(f"cannot write {path}: {NO_FILE}")
    try:
        if folder:
            check_folder(path)
        tempfile.TemporaryFile(dir=path.resolve().parent).close()
    except OSError as error:
        raise EmbedlayerError(f"cannot write {path}: {error.strerror}") from None
    free = shutil.disk_usage(path.resolve().parent).free
    if free < size:
        raise EmbedlayerError(
            f"cannot write {path}: it takes {size / 1e6:,.1f} MB, and its disk has "
            f"{free / 1e6:,.1f} MB free: free some space, or name a file on another disk"
        )


def _check_url(url: str, folder: bool) -> None:
    if folder:
        raise EmbedlayerError(f"cannot write {url}: a folder is not sent to a URL; save it here")
    check_url(url)
