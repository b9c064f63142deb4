"""Arrays that are written to disk piece by piece and then memory-mapped: never whole in memory."""

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened

CACHE_CURE = (
    "free some space, set EMBEDLAYER_CACHE to another folder, "
    "or do without the cache (--no-cache, cache=False)"
)
TEMPORARY_CURE = "free some space or set TMPDIR to another folder"


class CannotWrite(EmbedlayerError):
    """A file that cannot be written, or a folder for temporary files or the cache that is full."""


class ArrayFile:
    """A one-dimensional array that grows on disk.

    Args:
        dtype: of its elements.
        folder: where in the cache; None is the system's folder for temporary files.
        name: of the file in ``folder``; without one the file has no name anywhere, and its space
            is free again when the array is gone, even if the process is killed.
    """

    def __init__(self, dtype: Any, folder: Path | None = None, name: str | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self.folder = folder
        self.size = 0
        try:
            self._file = _open(folder, name)
        except OSError as error:
            raise cannot_write(folder, error) from error
        weakref.finalize(self, self._file.close)  # of an array that is given up

    def append(self, values: np.ndarray) -> None:
        """Write more elements; CannotWrite when the disk is full."""
        rest = np.ascontiguousarray(values, self.dtype).view(np.uint8)
        try:
            while len(rest):  # an unbuffered write may stop early
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        self.size += len(values)

    def close(self) -> None:
        """Nothing can be appended any more."""
        self._file.close()

    def mapped(self) -> np.ndarray:
        """The whole array, read-only, as the file's pages; nothing can be appended any more."""
        with self._file as file:
            return map_array(file, self.dtype, self.size)


def map_array(file: Any, dtype: Any, size: int) -> np.ndarray:
    """An array of ``size`` elements as the pages of a file (open, or a path), read-only.

    Raises:
        EmbedlayerError: the file holds more or fewer.
    """
    if isinstance(file, Path):
        if not file.is_file():  # to open a pipe would be to wait
            raise EmbedlayerError(f"{file} is no file")
        with open(file, "rb") as opened:
            return map_array(opened, dtype, size)
    dtype, found = np.dtype(dtype), os.fstat(file.fileno()).st_size
    if found != size * dtype.itemsize:
        raise EmbedlayerError(f"{file.name} holds {found} bytes, not {size} of {dtype}")
    if size == 0:  # an empty file cannot be mapped
        return np.empty(0, dtype)
    pages = mmap.mmap(file.fileno(), found, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, dtype)


def file_bytes(file: Opened) -> np.ndarray:
    """All bytes of a file that was just opened: uint8, (n,), read-only.

    They are its pages where it is plain and lies on a disk, so that only what is used is read, as
    long as nobody cuts it; else they are read, decompressed.
    """
    if file.plain_bytes():
        try:
            number, place = file.raw.fileno(), file.raw.tell()
        except (OSError, ValueError):  # no file of the system's
            pass
        else:
            if os.fstat(number).st_size > place:
                return np.asarray(np.memmap(file.raw, np.uint8, "r", place))
    return np.frombuffer(file.stream.read(), np.uint8)


def expect(array: np.ndarray, in_order: bool) -> None:
    """Tell the system how an array in a file's pages is going to be read; of others nothing.

    By number, 30,000 rows of 1,200 bytes here and there in a file of 7 GB that is not in memory yet
    took 0.12 s and 250 MB; where the system expects them in order, 0.65 s and 1.4 GB.
    """
    base: Any = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    mapping: Any = getattr(base, "_mmap", None)
    if hasattr(mapping, "madvise"):  # Windows has no such advice
        mapping.madvise(mmap.MADV_NORMAL if in_order else mmap.MADV_RANDOM)


def cannot_write(folder: Path | None, error: OSError) -> CannotWrite:
    """The error that says where writing failed, why, and the cure."""
    if folder is None:
        where, cure = f"temporary files in {tempfile.gettempdir()}", TEMPORARY_CURE
    else:
        where, cure = f"in the cache folder {folder}", CACHE_CURE
    return CannotWrite(f"cannot write {where} ({error.strerror or error}): {cure}")


def _open(folder: Path | None, name: str | None) -> Any:
    if folder is not None and name is not None:
        return open(folder / name, "w+b", buffering=0)
    return tempfile.TemporaryFile(dir=folder, buffering=0)
