"""Which file format: written by suffix or by name, recognised by content when read.

A reader takes a path and returns the arguments of ``Vectors``; a writer takes a path and vectors.
Neither names the file in its errors: ``load`` and ``save`` do, once for all of them.
"""

import errno
import gzip
import os
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
    if format is not None:
        _check_name(format)
    chosen = FORMATS[format or _format_of_suffix(path)]
    try:
        with _whole_or_nothing(path) as unfinished:
            chosen.write(unfinished, vectors)
    except EmbedlayerError as error:
        raise EmbedlayerError(f"cannot write {path}: {error}") from None


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
    if word2vec.HEADER.fullmatch(first):
        return "word2vec-text" if _is_text_row(second) else "word2vec-binary"
    if _is_text_row(first):
        return "glove"
    raise EmbedlayerError(
        f"neither a header nor a first row is of a known format ({', '.join(FORMATS)})"
    )


def _is_text_row(line: bytes) -> bool:
    """Whether a word and a number in digits begin the line (raw floats do not look like one)."""
    fields = line.split(maxsplit=2)
    return len(fields) > 1 and word2vec.NUMBER.fullmatch(fields[1]) is not None


def _format_of_suffix(path: Path) -> str:
    for name, format in FORMATS.items():
        if path.name.lower().endswith(format.suffixes):
            return name
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
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
