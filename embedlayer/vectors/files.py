"""Which file format: written by suffix or by name, recognised by content when read."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Choice
from embedlayer.storage.reading import Opened, check_text, expanded, open_to_read
from embedlayer.storage.remote import is_url
from embedlayer.storage.writing import check_place, whole_or_nothing
from embedlayer.vectors.formats import (
    arrow,
    fasttext,
    gensim,
    glove,
    native,
    npz,
    parquet,
    projector,
    static,
    word2vec_binary,
    word2vec_text,
)
from embedlayer.vectors.formats.columns import pyarrow
from embedlayer.vectors.formats.contents import (
    Contents,
    FolderFormat,
    Format,
    ReadingOptions,
    Start,
)
from embedlayer.vectors.formats.half import halved

FIRST_LINES = 1000
START_BYTES = 1 << 20  # in which a format shows; a longer row is looked at no further

# In the order in which they are recognised.
FORMATS: dict[str, Format] = {
    "native": native,
    "gensim": gensim,
    "npz": npz,
    "parquet": parquet,
    "arrow": arrow,
    "fasttext": fasttext,
    "word2vec-text": word2vec_text,
    "word2vec-binary": word2vec_binary,
    "glove": glove,
}
# Folders, likewise.
FOLDERS: dict[str, FolderFormat] = {"projector": projector, "static": static}
# What a format needs of an extra: called, it raises where that is not installed.
HALF = ("native",)  # they keep numbers in float16, too
LIBRARIES = {"parquet": pyarrow, "arrow": pyarrow}
EVERYTHING = ReadingOptions()
# Files that are not read, by how they begin, and what to do.
OTHERS = {
    b"\x93NUMPY": "one array, without words: np.savez(file, words=..., vectors=...) keeps both",
}
# Where one is named, the other's suffix will do.
ALIKE = ({"word2vec-text", "glove"}, {"fasttext", "word2vec-binary"})


def load(
    path: str | Path, format: str | None = None, options: ReadingOptions = EVERYTHING
) -> Contents:
    """What a file holds, as the options ask for it; its content tells an unnamed format.

    Raises:
        EmbedlayerError: a damaged file, or one of no known format.
        OSError: a file that is missing or cannot be read.
    """
    if format is not None:
        _check_name(format)
    if format in FOLDERS or (format is None and not is_url(path) and Path(path).is_dir()):
        folder = Path(path)
        return FOLDERS[format or recognise_folder(folder)].read(folder, options)
    with open_to_read(path) as file:  # once: what a pipe has given, it does not give again
        return FORMATS[format or recognise(file)].read(file, options)


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Within the block, an error of what a file holds tells the file."""
    try:
        yield
    except EmbedlayerError as error:
        text = str(error)
        raise EmbedlayerError(text if text.startswith(str(path)) else f"{path}: {error}") from None


def save(
    path: str | Path, contents: Contents, format: str | None = None, half: bool = False
) -> None:
    """Write contents, the whole file or nothing; the suffix tells an unnamed format.

    Raises:
        EmbedlayerError: a format that is unknown, or that cannot hold one of the words, or float16
            where that is asked for (``half``).
        OSError: a folder that is missing or cannot be written to.
    """
    name = _format_to_write(path, format, half)
    if half:
        contents = halved(contents)
    chosen = FOLDERS[name] if name in FOLDERS else FORMATS[name]
    with whole_or_nothing(path, folder=name in FOLDERS) as unfinished:
        try:
            chosen.write(unfinished, contents)
        except EmbedlayerError as error:
            raise EmbedlayerError(f"cannot write {path}: {error}") from None


def check_writable(
    path: str | Path, format: str | None = None, size: int = 0, half: bool = False
) -> None:
    """Raise now what :func:`save` would raise later, after long work; nothing is left behind.

    Args:
        path, format, half: as :func:`save` takes them.
        size: bytes that are going to be written, at least.

    Raises:
        EmbedlayerError: a format that is unknown, or whose library is missing; a folder that is
            missing or cannot be written to; in a file's place something that is no file, in a
            folder's place anything but an empty folder; or a disk without room.
    """
    path = expanded(path)
    name = _format_to_write(path, format, half)
    if name in LIBRARIES:
        LIBRARIES[name]()
    check_place(path, size, folder=name in FOLDERS)


def beside(path: str, mark: str) -> str:
    """A name beside a file's that says more and promises the same format: ``out.mark.vec``."""
    suffixes = [end for format in FORMATS.values() for end in format.SUFFIXES]
    known = [end for end in suffixes if path.lower().endswith(end)]
    end = len(path) - max(map(len, known), default=len(Path(path).suffix))
    return f"{path[:end]}.{mark}{path[end:]}"


def recognise(file: Opened) -> str:
    """The name of the format that a file's content shows.

    Raises:
        EmbedlayerError: none of them.
    """
    data = file.start(START_BYTES)
    if not data:
        raise EmbedlayerError("the file is empty")
    lines = [*data.removeprefix(codecs.BOM_UTF8).split(b"\n", FIRST_LINES)[:FIRST_LINES], b""]
    start = Start(file.name.lower(), data, lines)
    for name, format in FORMATS.items():
        if format.begins(start):
            return name
    for begin, cure in OTHERS.items():
        if data.startswith(begin):
            raise EmbedlayerError(cure)
    check_text(data, file.name)
    raise EmbedlayerError(
        f"neither a header nor a first row is of a known format ({', '.join(FORMATS)})"
    )


def recognise_folder(folder: Path) -> str:
    """The name of the format whose files a folder has; EmbedlayerError for any other folder."""
    for name, format in FOLDERS.items():
        if format.holds(folder):
            return name
    raise EmbedlayerError(f"a folder without the files of a known format ({', '.join(FOLDERS)})")


def _format_to_write(path: str | Path, name: str | None, half: bool) -> str:
    """The format named, or that the suffix says; one that keeps float16, if that is asked for."""
    found = _format_named(path, name)
    if half and found not in HALF:
        raise EmbedlayerError(
            f"cannot write {path}: {found} keeps no float16; {', '.join(HALF)} does"
        )
    return found


def _format_named(path: str | Path, name: str | None) -> str:
    """The format named, else the one that the suffix says; the two may not disagree."""
    meant = next((known for known in FORMATS if _has_suffix(path, known)), None)
    if name is not None:
        _check_name(name)
        if meant not in (None, name) and not any({meant, name} <= both for both in ALIKE):
            raise EmbedlayerError(
                f"cannot write {path}: its suffix says {meant}, and not {name}; use "
                f"{_usual(name)}, or name no format"
            )
        return name
    if meant is not None:
        return meant
    plain = [end for one in FORMATS.values() for end in one.SUFFIXES if end.count(".") == 1]
    raise EmbedlayerError(
        f"cannot write {path}: no format has its suffix; use one of {', '.join(plain)}, "
        f"or name the format: {', '.join([*FORMATS, *FOLDERS])}"
    )


def _has_suffix(path: str | Path, format: str) -> bool:
    return Path(path).name.lower().endswith(FORMATS[format].SUFFIXES)


def _usual(format: str) -> str:
    return "a folder" if format in FOLDERS else f"one of {', '.join(FORMATS[format].SUFFIXES)}"


def _check_name(format: str) -> None:
    Choice([*FORMATS, *FOLDERS]).checked("format", format)
