"""Which file format: written by suffix or by name, recognised by content when read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import open_to_read
from embedlayer.storage.writing import check_place, check_room, whole_or_nothing
from embedlayer.vectors.formats import glove, native, word2vec_binary, word2vec_text
from embedlayer.vectors.formats.contents import Contents, Format, Start

FIRST_ROW_LIMIT = 2**20  # bytes: a longer first row is looked at no further

# In the order in which they are recognised.
FORMATS: dict[str, Format] = {
    "native": native,
    "word2vec-text": word2vec_text,
    "word2vec-binary": word2vec_binary,
    "glove": glove,
}


def load(path: Path, format: str | None = None) -> Contents:
    """What a file holds; its content tells an unnamed format.

    Raises:
        EmbedlayerError: a damaged file, or one of no known format.
        OSError: a file that is missing or cannot be read.
    """
    if format is not None:
        _check_name(format)
    return FORMATS[format or recognise(path)].read(path)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Within the block, an error of what a file holds tells the file."""
    try:
        yield
    except EmbedlayerError as error:
        text = str(error)
        raise EmbedlayerError(text if text.startswith(str(path)) else f"{path}: {error}") from None


def save(path: Path, contents: Contents, format: str | None = None) -> None:
    """Write contents, the whole file or nothing; the suffix tells an unnamed format.

    Raises:
        EmbedlayerError: a format that is unknown, or that cannot hold one of the words.
        OSError: a folder that is missing or cannot be written to.
    """
    chosen = _format_to_write(path, format)
    try:
        with whole_or_nothing(path) as unfinished:
            chosen.write(unfinished, contents)
    except EmbedlayerError as error:
        raise EmbedlayerError(f"cannot write {path}: {error}") from None


def check_writable(path: Path, format: str | None = None, size: int = 0) -> None:
    """Raise now what :func:`save` would raise later, after long work; nothing is left behind.

    Args:
        path, format: as :func:`save` takes them.
        size: bytes that are going to be written, at least.

    Raises:
        EmbedlayerError: a format that is unknown, a folder that is missing or cannot be written
            to, something in the file's place that is no file, or a disk without room.
    """
    _format_to_write(path, format)
    check_place(path)
    check_room(path, size)


def recognise(path: Path) -> str:
    """The name of the format that a file's content shows.

    Raises:
        EmbedlayerError: none of them.
    """
    with path.open("rb") as stream:
        raw = stream.read(16)
    if not raw:
        raise EmbedlayerError("the file is empty")
    with open_to_read(path) as stream:
        lines = [stream.readline(FIRST_ROW_LIMIT) for _ in range(2)]
    start = Start(raw, path.stat().st_size, *lines)
    for name, format in FORMATS.items():
        if format.begins(start):
            return name
    raise EmbedlayerError(
        f"neither a header nor a first row is of a known format ({', '.join(FORMATS)})"
    )


def _format_to_write(path: Path, name: str | None) -> Format:
    """The format named, else the one that the suffix says; the two may not disagree."""
    meant = [known for known, one in FORMATS.items() if path.name.lower().endswith(one.SUFFIXES)]
    if name is not None:
        _check_name(name)
        if meant and name not in meant:
            raise EmbedlayerError(
                f"cannot write {path}: its suffix says {meant[0]}, and not {name}; use one of "
                f"{', '.join(FORMATS[name].SUFFIXES)}, or name no format"
            )
        return FORMATS[name]
    if meant:
        return FORMATS[meant[0]]
    known = ", ".join(dict.fromkeys(one for format in FORMATS.values() for one in format.SUFFIXES))
    raise EmbedlayerError(
        f"cannot write {path}: no format has its suffix; use one of {known}, "
        f"or name the format: {', '.join(FORMATS)}"
    )


def _check_name(format: str) -> None:
    if format not in FORMATS:
        raise EmbedlayerError(f"unknown format {format!r}: choose one of {', '.join(FORMATS)}")
