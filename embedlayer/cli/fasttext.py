"""fastText's own commands, for scripts: its names, its options, and what it prints."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click
import numpy as np

from embedlayer.cli.fasttext_dump import dump
from embedlayer.cli.fasttext_train import cbow, skipgram
from embedlayer.cli.help import DocumentedGroup
from embedlayer.cli.output import tell
from embedlayer.cli.reading import words_input
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.search import unit_rows
from embedlayer.vectors.vectors import Vectors

AT_ONCE = 1024  # lines of standard input that are answered together
OTHERS = {
    **dict.fromkeys(
        ("supervised", "test", "test-label", "predict", "predict-prob"),
        "embedlayer trains and asks no classifiers",
    ),
    "quantize": "embedlayer reads .ftz files and writes none: embedlayer convert --prune --half",
    "print-ngrams": "print-word-vectors gives the vector of any word, an n-gram by itself has none",
}

model_argument = click.argument("model", type=click.Path())
k_argument = click.argument("k", type=click.IntRange(1), default=10)


class _Commands(DocumentedGroup):
    """Those of fastText's commands that there are; the others are refused by name."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] in OTHERS:
            raise EmbedlayerError(f"fasttext {args[0]}: {OTHERS[args[0]]}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands)
def fasttext() -> None:
    """fastText's commands: the same names, options and output.

    MODEL is a file of any format that is known, fastText's .bin and .ftz among them.

    Examples:
        embedlayer fasttext skipgram -input corpus.txt -output model
        embedlayer fasttext print-word-vectors model.bin < words.txt
        embedlayer fasttext nn model.bin 5
    """


@fasttext.command("print-word-vectors")
@model_argument
def print_word_vectors(model: str) -> None:
    """The words of standard input, each with its vector.

    Examples:
        embedlayer fasttext print-word-vectors model.bin < words.txt
    """
    vectors = Vectors.load(model)
    for lines in _lines():
        words = [word for line in lines for word in line]
        if words:
            rows = vectors[words]
            tell("\n".join(f"{word} {_row(row)}" for word, row in zip(words, rows, strict=True)))


@fasttext.command("print-sentence-vectors")
@model_argument
def print_sentence_vectors(model: str) -> None:
    """The vector of each line of standard input.

    It is the mean of its words' vectors at length 1; words of zeros do not count.

    Examples:
        embedlayer fasttext print-sentence-vectors model.bin < sentences.txt
    """
    vectors = Vectors.load(model)
    if vectors.metadata.get("model") == "supervised":
        raise EmbedlayerError(
            f"{model} is a classifier's: fastText makes its sentences of other rows; "
            "Vectors.sentences gives means of words"
        )
    for lines in _lines():
        tell("\n".join(_row(_sentence(vectors, line)) for line in lines))


@fasttext.command()
@model_argument
@k_argument
def nn(model: str, k: int) -> None:
    """The K words nearest to each word of standard input.

    Examples:
        embedlayer fasttext nn model.bin 5 < words.txt
    """
    vectors = Vectors.load(model)
    for (word,) in _asked("Query word? ", 1):
        _tell_neighbours(vectors.nearest(word, k))


@fasttext.command()
@model_argument
@k_argument
def analogies(model: str, k: int) -> None:
    """The K words nearest to A - B + C, for each three words of standard input.

    Examples:
        embedlayer fasttext analogies model.bin 5 < triplets.txt
    """
    vectors = Vectors.load(model)
    for a, b, c in _asked("Query triplet (A - B + C)? ", 3):
        _tell_neighbours(vectors.analogy(b, a, c, k))


for command in (skipgram, cbow, dump):
    fasttext.add_command(command)


def _sentence(vectors: Vectors, words: list[str]) -> np.ndarray:
    known = [word for word in words if word in vectors or vectors.subwords is not None]
    unit = unit_rows(vectors[known]) if known else np.empty((0, vectors.dim), np.float32)
    unit = unit[unit.any(axis=1)]
    return unit.mean(axis=0) if len(unit) else np.zeros(vectors.dim, np.float32)


def _row(numbers: np.ndarray) -> str:
    """As C++ prints them with five digits, each with a space behind it."""
    return "".join(f"{number:.5g} " for number in numbers.tolist())


def _tell_neighbours(found: list[tuple[str, float]]) -> None:
    if found:
        tell("\n".join(f"{word} {cosine:.6g}" for word, cosine in found))


def _lines() -> Iterator[list[list[str]]]:
    """The words of each line of standard input, some lines at a time."""
    lines = (line.decode("utf-8", "replace").split() for line in words_input())
    while block := list(islice(lines, AT_ONCE)):
        yield block


def _asked(prompt: str, size: int) -> Iterator[list[str]]:
    """So many words of standard input at a time, after a prompt."""
    click.echo(prompt, nl=False)
    words: list[str] = []
    for line in words_input():
        words += line.decode("utf-8", "replace").split()
        while len(words) >= size:
            yield words[:size]
            words = words[size:]
            click.echo(prompt, nl=False)
