"""Which file format: written by suffix or by name, recognised by content when read.

A reader takes a path and returns the arguments of ``Vectors``; a writer takes a path and vectors.
Neither names the file in its errors: ``load`` and ``save`` do, once for all of them.
"""

import errno
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors import native, word2vec
from embedlayer.vectors.vectors import Vectors

FIRST_ROW_LIMIT = 2**20  # bytes: a longer first row is looked at no further


@dataclass(frozen=True)
class Format:
    """One reader, one writer, and the suffixes whose files are written so."""

    read: Callable[[Path], tuple[Any, ...]]
    write: Callable[[Path, Vectors], None]
    suffixes: tuple[str, ...]


FORMATS = {
    "native": Format(native.read, native.write, (".safetensors",)),
    "word2vec-text": Format(
        word2vec.read_text, word2vec.write_text, (".txt", ".vec", ".txt.gz", ".vec.gz")
    ),
    "word2vec-binary": Format(word2vec.read_binary, word2vec.write_binary, (".bin", ".bin.gz")),
    "glove": Format(word2vec.read_glove, word2vec.write_glove, (".glove", ".glove.gz")),
}


def load(path: Path, format: str | None = None) -> Vectors:
    """The vectors in a file; its content tells an unnamed format.

    Raises:
        EmbedlayerError: a damaged file, or one of no known format.
        OSError: a file that is missing or cannot be read.
    """
    if format is not None:
        _check_name(format)
    try:
        return Vectors(*FORMATS[format or recognise(path)].read(path))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise EmbedlayerError(f"{path}: damaged gzip: {error}") from None
    except EmbedlayerError as error:
        raise EmbedlayerError(f"{path}: {error}") from None


def save(path: Path, vectors: Vectors, format: str | None = None) -> None:
    """Write vectors, the whole file or nothing; the suffix tells an unnamed format.

    Raises:
        EmbedlayerError: a format that is unknown, or that cannot hold one of the words.
        OSError: a folder that is missing or cannot be written to.
    """
    chosen = _format_to_write(path, format)
    try:
        with _whole_or_nothing(path) as unfinished:
            chosen.write(unfinished, vectors)
    except EmbedlayerError as error:
        raise EmbedlayerError(f"cannot write {path}: {error}") from None


def check_writable(path: Path, format: str | None = None) -> None:
    """Raise now what :func:`save` would raise later, after long work; nothing is left behind.

    Raises:
        EmbedlayerError: a format that is unknown, a folder that is missing or cannot be written
            to, or something in the file's place that is no file.
    """
    _format_to_write(path, format)
    if path.exists() and not path.is_file():
        raise EmbedlayerError(f"cannot write {path}: it is there, and is no regular file")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise EmbedlayerError(f"cannot write {path}: {error.strerror}") from None


def recognise(path: Path) -> str:
    """The name of the format that a file's content shows.

    Raises:
        EmbedlayerError: none of them.
    """
    if native.begins(path):
        return "native"
    with word2vec.open_to_read(path) as stream:
        first = stream.readline(FIRST_ROW_LIMIT)
        second = stream.readline(FIRST_ROW_LIMIT)
    if not first:
        raise EmbedlayerError("the file is empty")
    header = word2vec.HEADER.fullmatch(first)
    if header:
        return "word2vec-text" if _in_digits(second, int(header[2])) else "word2vec-binary"
    if _in_digits(first, len(first.split()) - 1):
        return "glove"
    raise EmbedlayerError(
        f"neither a header nor a first row is of a known format ({', '.join(FORMATS)})"
    )


def _in_digits(line: bytes, dim: int) -> bool:
    """Whether most of a row's ``dim`` numbers are written out, so that one bad one is no matter.

    Raw floats pass for one number in digits now and then, but not for many.
    """
    written = sum(word2vec.NUMBER.fullmatch(field) is not None for field in line.split()[1:])
    return 2 * written > dim


def _format_to_write(path: Path, name: str | None) -> Format:
    """The format named, else the one that the suffix says."""
    if name is not None:
        _check_name(name)
        return FORMATS[name]
    for format in FORMATS.values():
        if path.name.lower().endswith(format.suffixes):
            return format
    known = ", ".join(suffix for format in FORMATS.values() for suffix in format.suffixes)
    raise EmbedlayerError(
        f"cannot write {path}: no format has its suffix; use one of {known}, "
        f"or name the format: {', '.join(FORMATS)}"
    )


def _check_name(format: str) -> None:
    if format not in FORMATS:
        raise EmbedlayerError(f"unknown format {format!r}: choose one of {', '.join(FORMATS)}")


@contextmanager
def _whole_or_nothing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, which takes its place only when all went well."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write to", str(path.parent))
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        unfinished.touch()
        mode = unfinished.stat().st_mode
        yield unfinished
        unfinished.chmod(mode)  # safetensors makes files for the owner's eyes only
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
