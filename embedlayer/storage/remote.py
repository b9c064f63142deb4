"""Files of other machines, by URL: whatever fsspec knows, read as a stream, written whole or not.

fsspec comes with the extra ``remote``, and a store often needs a package more, which the error
names: s3fs for ``s3://``, gcsfs for ``gs://``, aiohttp for ``https://``. What they raise becomes
one OSError or EmbedlayerError that tells the URL.
"""

import errno
import io
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from embedlayer.errors import EmbedlayerError, extra_library, in_one_line

URL = re.compile(r"[A-Za-z][\w+.-]*(::[A-Za-z][\w+.-]*)*://")  # "simplecache::s3://" is one, too
BUFFER_BYTES = 1 << 20
NOT_WRITTEN = ("http", "https")  # a server takes what is sent to it, or a half of it


def is_url(path: object) -> bool:
    """Whether a path begins as a URL does."""
    return isinstance(path, str) and URL.match(path) is not None


@contextmanager
def open_url(url: str) -> Iterator[BinaryIO]:
    """The bytes of a URL.

    Raises:
        EmbedlayerError: a URL of no known kind, or of one for which a package is missing.
        OSError: what is missing or cannot be read, also while it is read.
    """
    files, place = _files_of(url)
    with _told(url):
        file = files.open(place, "rb")
    with io.BufferedReader(_Remote(file, url), BUFFER_BYTES) as raw:
        yield cast(BinaryIO, raw)


def matching_urls(url: str) -> list[str]:
    """The files that a URL with a ``*`` stands for, sorted."""
    files, place = _files_of(url)
    with _told(url):
        found = sorted(path for path in files.glob(place) if files.isfile(path))
    return [files.unstrip_protocol(path) for path in found]


@contextmanager
def uploaded(url: str) -> Iterator[Path]:
    """A file of this machine to write to, which is put in the place of the URL if all went well.

    It is sent under a name that nobody else has, and then renamed: there is never half a file.
    """
    files, place = check_url(url)
    name = PurePosixPath(place).name
    unfinished = place[: len(place) - len(name)] + f".{uuid.uuid4().hex}.{name}"
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, name)
        try:
            with _told(url):
                files.put_file(str(Path(folder, name)), unfinished)
                files.mv(unfinished, place)
        finally:
            with suppress(Exception):  # renamed, or never sent
                files.rm_file(unfinished)


def check_url(url: str) -> tuple[Any, str]:
    """The file system of a URL that can be written to, and the place in it.

    Raises:
        EmbedlayerError: a URL of no known kind, or one that cannot be written whole or not at all.
    """
    files, place = _files_of(url)
    kinds = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
    if {*kinds} & {*NOT_WRITTEN}:
        raise EmbedlayerError(f"cannot write {url}: save a file, and send it to the server")
    return files, place


def _files_of(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the place in it."""
    fsspec = extra_library("fsspec", "remote")
    try:
        with _told(url):
            return fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise EmbedlayerError(f"{url} needs one more package: {error}") from None


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Within the block, whatever a store raises becomes one error that tells the URL.

    The block only calls the store, so no mistake of ours passes for one of the store's.
    """
    try:
        yield
    except (ImportError, MemoryError):  # nothing that the store says
        raise
    except FileNotFoundError:
        raise FileNotFoundError(
            errno.ENOENT, "no such file, or it cannot be reached", url
        ) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno or errno.EIO, why, url) from error
    except Exception as error:  # stores raise kinds of their own, which have no other base
        raise EmbedlayerError(f"{url}: {in_one_line(error)} ({type(error).__name__})") from error


class _Remote(io.RawIOBase):
    """A file of fsspec, whose errors tell the URL."""

    def __init__(self, file: Any, url: str) -> None:
        self._file, self._url = file, url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: Any) -> int:
        with _told(self._url):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        with _told(self._url):
            return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
