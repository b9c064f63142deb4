"""TensorBoard's projector: a folder of tensors.tsv, metadata.tsv and projector_config.pbtxt.

TensorBoard shows it (``tensorboard --logdir FOLDER``), and https://projector.tensorflow.org loads
the two .tsv files. metadata.tsv has a line for each word; with counts it has two columns, and a
line of their names. Other programs' folders are read too, also with the tensors in a .bytes file.
"""

import re
from array import array
from functools import partial
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.npy import array_of
from embedlayer.storage.reading import Opened, open_to_read
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.formats.rows import lines_of
from embedlayer.vectors.formats.words import cannot_keep

CONFIG, TENSORS, METADATA = "projector_config.pbtxt", "tensors.tsv", "metadata.tsv"
WORDS = ("word", "label", "token", "name")
COUNTS = ("count", "counts")
FIELD = re.compile(r'(\w+)\s*:\s*(?:"([^"\\\n]*)"|(\d{1,15})\b)')
NOT_HELD = re.compile(r"[\t\n\r]")
MOST_LINE = 1 << 24  # bytes
MOST_CONFIG = 1 << 20


def holds(folder: Path) -> bool:
    """A configuration of the projector, or the two files that it would name."""
    return (folder / CONFIG).is_file() or all((folder / n).is_file() for n in (TENSORS, METADATA))


def read(folder: Path, options: ReadingOptions) -> Contents:
    """Words and matrix, and counts where there is a column of them.

    Raises:
        EmbedlayerError: a damaged file, or one outside the folder; several tensors.
    """
    paths, shape = _configured(folder)
    with open_to_read(_inside(folder, paths["tensor_path"])) as file:
        if paths["tensor_path"].endswith(".bytes"):
            matrix = array_of(file.stream.read(), "<f4", shape)
        else:
            matrix = _tensors(file)
    with open_to_read(_inside(folder, paths["metadata_path"])) as file:
        text = file.text().read()
        try:
            lines = text.decode(errors=options.errors).removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise EmbedlayerError(f"{file.name}: a word is not UTF-8: {error}") from None
    return asked_for(_labelled([line.removesuffix("\r") for line in lines], matrix), options)


def write(folder: Path, contents: Contents) -> None:
    """Words, matrix and counts.

    Raises:
        EmbedlayerError: a word that holds a tab or an end of a line, that is white space alone, or
            that UTF-8 cannot hold.
    """
    _check_words(contents)
    no_words = np.zeros(len(contents.words) + 1, np.int64)
    with (folder / TENSORS).open("wb") as stream:
        for block in lines_of(contents.matrix, np.empty(0, np.uint8), no_words):
            # Behind a word that is empty there is a space before each first number.
            text = bytes(block).replace(b"\n ", b"\n").removeprefix(b" ")
            stream.write(text.replace(b" ", b"\t"))
    lines = list(contents.words)
    if contents.counts is not None:
        lines = [f"{word}\t{count}" for word, count in zip(lines, contents.counts, strict=True)]
        lines.insert(0, f"{WORDS[0]}\t{COUNTS[0]}")
    (folder / METADATA).write_bytes("".join(f"{line}\n" for line in lines).encode())
    size, dim = contents.matrix.shape
    (folder / CONFIG).write_text(
        f'embeddings {{\n  tensor_name: "vectors"\n  tensor_path: "{TENSORS}"\n'
        f'  tensor_shape: {size}\n  tensor_shape: {dim}\n  metadata_path: "{METADATA}"\n}}\n'
    )


def _configured(folder: Path) -> tuple[dict[str, str], list[int]]:
    """The paths and the shape that the configuration says; without one, the usual paths."""
    paths = {"tensor_path": TENSORS, "metadata_path": METADATA}
    if not (folder / CONFIG).is_file():
        return paths, []
    with open_to_read(folder / CONFIG) as file:
        text = file.stream.read(MOST_CONFIG).decode(errors="replace")
    fields = FIELD.findall(text)
    tensors = [value for name, value, _ in fields if name == "tensor_path"]
    if len(tensors) > 1:
        raise EmbedlayerError(
            f"{CONFIG} names {len(tensors)} tensors ({', '.join(tensors)[:200]}): leave one in it"
        )
    paths.update({name: value for name, value, _ in fields if name in paths})
    return paths, [int(number) for name, _, number in fields if name == "tensor_shape" and number]


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise EmbedlayerError(f"{CONFIG} names {name!r:.200}, which is outside the folder")
    return path


def _tensors(file: Opened) -> np.ndarray:
    values = array("f")
    dim = 0
    for number, line in enumerate(iter(partial(file.text().readline, MOST_LINE), b""), 1):
        fields = line.split()
        try:
            values.extend(map(float, fields))
        except ValueError as error:
            raise EmbedlayerError(f"{file.name}, line {number}: {error!s:.100}") from None
        dim = dim or len(fields)
        if len(fields) not in (0, dim) or b"_" in line:
            raise EmbedlayerError(f"{file.name}, line {number}: {dim} numbers are expected")
    return np.frombuffer(values, np.float32).reshape(-1, max(dim, 1))


def _labelled(lines: list[str], matrix: np.ndarray) -> Contents:
    """The rows under their words; a line more than there are rows has the columns' names."""
    rows = [line.split("\t") for line in lines]
    if len(rows) not in (len(matrix), len(matrix) + 1):
        raise EmbedlayerError(f"{METADATA} has {len(rows)} lines for {len(matrix)} vectors")
    names = [name.strip().lower() for name in rows.pop(0)] if len(rows) > len(matrix) else []
    column = next((names.index(name) for name in WORDS if name in names), 0)
    counted = next((names.index(name) for name in COUNTS if name in names), None)
    try:
        words = [row[column] for row in rows]
        counts = None if counted is None else np.array([int(row[counted]) for row in rows])
    except (IndexError, ValueError) as error:
        raise EmbedlayerError(f"{METADATA}: {error!s:.100}") from None
    return Contents(words, matrix, counts)


def _check_words(contents: Contents) -> None:
    for word in contents.words:
        if NOT_HELD.search(word) or not word.strip("\ufeff \t").strip():
            raise cannot_keep(word, "is white space, or holds a tab or an end of a line")
    pack_words(contents.words)
