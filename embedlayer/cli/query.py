"""Commands that ask vectors: nearest, analogy, similarity, evaluate."""

from pathlib import Path
from typing import Any

import click

from embedlayer.cli.output import json_option, print_json, print_table, tell
from embedlayer.cli.reading import reading_options
from embedlayer.vectors.vectors import Vectors

vectors_argument = click.argument("path", metavar="VECTORS", type=click.Path(path_type=Path))
k_option = click.option(
    "-k", default=10, show_default=True, type=click.IntRange(1), help="How many words to give."
)


@click.command()
@vectors_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@k_option
@reading_options
@json_option
def nearest(path: Path, words: tuple[str, ...], k: int, as_json: bool, **reading: Any) -> None:
    """The words nearest to each WORD, by cosine."""
    answers = Vectors.load(path, **reading).nearest(list(words), k)
    if as_json:
        results = [
            {"word": word, "nearest": _as_json(found)}
            for word, found in zip(words, answers, strict=True)
        ]
        print_json({"results": results})
        return
    rows = [
        (word, neighbour, f"{cosine:z.4f}")
        for word, found in zip(words, answers, strict=True)
        for neighbour, cosine in found
    ]
    print_table([("word", "nearest", "cosine"), *rows])


@click.command()
@vectors_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@k_option
@reading_options
@json_option
def analogy(path: Path, a: str, b: str, c: str, k: int, as_json: bool, **reading: Any) -> None:
    """A is to B as C is to what?

    The answers are the words nearest to B − A + C, by cosine.
    """
    found = Vectors.load(path, **reading).analogy(a, b, c, k)
    if as_json:
        print_json({"a": a, "b": b, "c": c, "answers": _as_json(found)})
    else:
        print_table([("answer", "cosine"), *((word, f"{cosine:z.4f}") for word, cosine in found)])


@click.command()
@vectors_argument
@click.argument("words", metavar="A B...", nargs=-1, required=True)
@reading_options
@json_option
def similarity(path: Path, words: tuple[str, ...], as_json: bool, **reading: Any) -> None:
    """The cosine of A and B, and of more pairs."""
    if len(words) % 2:
        raise click.UsageError(f"words come in pairs, but {len(words)} were given")
    vectors = Vectors.load(path, **reading)
    pairs = [(a, b, vectors.similarity(a, b)) for a, b in zip(words[::2], words[1::2], strict=True)]
    if as_json:
        print_json({"results": [{"a": a, "b": b, "cosine": cosine} for a, b, cosine in pairs]})
    else:
        print_table([("a", "b", "cosine"), *((a, b, f"{cosine:z.4f}") for a, b, cosine in pairs)])


@click.command()
@vectors_argument
@click.argument("sets", metavar="SET...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--restrict-vocab",
    type=click.IntRange(1),
    help="Look at so many words only, the most frequent; 30000 is usual for analogies.",
)
@click.option("--case-sensitive", is_flag=True, help="Tell 'Paris' from 'paris'.")
@reading_options
@json_option
def evaluate(
    path: Path,
    sets: tuple[Path, ...],
    restrict_vocab: int | None,
    case_sensitive: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """How well vectors do on benchmarks.

    SET is a file of word pairs with people's scores, or of analogies; its content shows which.
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
        tell("\n".join(map(str, results)))


def _as_json(found: list[tuple[str, float]]) -> list[dict[str, str | float]]:
    return [{"word": word, "cosine": cosine} for word, cosine in found]
