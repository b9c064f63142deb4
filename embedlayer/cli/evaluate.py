"""The command that judges vectors by benchmarks: evaluate."""

import sys
from typing import Any

import click

from embedlayer.cli.help import Documented
from embedlayer.cli.output import json_option, print_json, print_table, tell
from embedlayer.cli.query import restrict_option, vectors_argument
from embedlayer.cli.reading import reading_options
from embedlayer.cli.tables import display_width
from embedlayer.cli.terminal import columns_of
from embedlayer.vectors.vectors import Vectors


@click.command(cls=Documented)
@vectors_argument
@click.argument("sets", metavar="SET...", nargs=-1, required=True, type=click.Path())
@restrict_option
@click.option("--case-sensitive", is_flag=True, help="Tell 'Paris' from 'paris'.")
@reading_options
@json_option
def evaluate(
    path: str,
    sets: tuple[str, ...],
    restrict_vocab: int | None,
    case_sensitive: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """How well vectors do on benchmarks.

    SET is a file of word pairs with people's scores, or of analogies; its content shows which.

    Examples:
        embedlayer evaluate vectors.safetensors wordsim353.tsv
        embedlayer evaluate vectors.safetensors questions-words.txt --restrict-vocab 30000 --json
    """
    from embedlayer.vectors.evaluation import evaluate as evaluate_set

    vectors = Vectors.load(path, **reading)
    results = [
        evaluate_set(
            vectors, file, restrict_vocab=restrict_vocab, case_insensitive=not case_sensitive
        )
        for file in sets
    ]
    if as_json:
        print_json({"results": [result.to_dict() for result in results]})
    else:
        for result in results:
            _show(str(result), result.to_dict())


def _show(text: str, about: dict[str, Any]) -> None:
    """A result as it shows itself; where that is wider than the terminal, its numbers alone."""
    columns = columns_of(sys.stdout)
    if columns is None or max(map(display_width, text.splitlines())) <= columns:
        tell(text)
    elif "sections" not in about:
        numbers = about | {"spearman": _number(about["spearman"])}
        print_table((name.replace("_", " "), str(value)) for name, value in numbers.items())
    else:
        groups = [about[name] for name in ("semantic", "syntactic", "total")]
        print_table([("benchmark", about["benchmark"])])
        print_table(
            [
                (score["name"], _number(score["accuracy"]), f"{score['correct']}/{score['asked']}")
                for score in [*about["sections"], *filter(None, groups)]
            ],
            ("", "accuracy", "correct"),
        )


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.4f}"
