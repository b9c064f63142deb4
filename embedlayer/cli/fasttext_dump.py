"""What a fastText model's file holds, as fastText dumps it."""

from collections.abc import Iterator
from typing import Any

import click

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import Documented
from embedlayer.cli.output import tell
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import file_bytes
from embedlayer.storage.reading import open_to_read
from embedlayer.vectors.files import named
from embedlayer.vectors.formats.fasttext import words_of
from embedlayer.vectors.formats.fasttext_model import Model, read_model
from embedlayer.vectors.quantized import Quantized

LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "one-vs-all"}
MODELS = {1: "cbow", 2: "sg", 3: "sup"}
NAMES = (
    *("dim", "ws", "epoch", "minCount", "neg", "wordNgrams", "loss", "model", "bucket"),
    *("minn", "maxn", "lrUpdateRate", "t"),
)
AT_ONCE = 1024  # lines


@click.command(cls=Documented)
@click.argument("model", type=click.Path())
@click.argument("what", type=Choice(["args", "dict", "input", "output"]))
def dump(model: str, what: str) -> None:
    """The arguments, the dictionary or a table of a model of fastText's.

    Examples:
        embedlayer fasttext dump model.bin args
    """
    with named(model), open_to_read(model) as file:
        found = read_model(file_bytes(file))
        parts = {"args": _arguments, "dict": _dictionary, "input": _input, "output": _output}
        lines = parts[what](found)
        while block := [line for _, line in zip(range(AT_ONCE), lines, strict=False)]:
            tell("\n".join(block))


def _arguments(model: Model) -> Iterator[str]:
    for name, value in zip(NAMES, model.arguments, strict=True):
        known = {"loss": LOSSES, "model": MODELS}.get(name, {})
        yield f"{name} {known.get(int(value), f'{value:g}' if name == 't' else value)}"


def _dictionary(model: Model) -> Iterator[str]:
    about = model.dictionary
    words = words_of(about.letters, about.offsets, "replace")
    yield f"{len(words)}"
    for row, (word, count) in enumerate(zip(words, about.counts.tolist(), strict=True)):
        yield f"{word} {count} {'word' if row < about.words else 'label'}"


def _input(model: Model) -> Iterator[str]:
    return _table(model.table)


def _output(model: Model) -> Iterator[str]:
    return _table(model.output)


def _table(table: Any) -> Iterator[str]:
    if isinstance(table, Quantized):
        raise EmbedlayerError("a table of codes, which fastText does not dump")
    yield f"{len(table)} {table.shape[1]}"
    for row in table:
        yield " ".join(f"{number:g}" for number in row.tolist())
