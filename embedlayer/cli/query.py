"""Commands that ask vectors: nearest, analogy, similarity, evaluate."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from embedlayer.cli.output import json_option, note, print_json, print_table, tell
from embedlayer.cli.reading import reading_options, words_input
from embedlayer.vectors.vectors import Vectors

AT_ONCE = 1024  # words of standard input that are answered together

vectors_argument = click.argument("path", metavar="VECTORS", type=click.Path())
k_option = click.option(
    "-k", default=10, show_default=True, type=click.IntRange(1), help="How many words to give."
)
restrict_option = click.option(
    "--restrict-vocab",
    type=click.IntRange(1),
    help="Look at so many words only, the most frequent; 30000 is usual for analogies.",
)


@click.command()
@vectors_argument
@click.argument("words", metavar="WORD...", nargs=-1)
@click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the words from standard input, one a line."
)
@k_option
@restrict_option
@reading_options
@json_option
def nearest(
    path: str,
    words: tuple[str, ...],
    from_stdin: bool,
    k: int,
    restrict_vocab: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """The words nearest to each WORD, by cosine.

    With --stdin each answer is a line, in the order of the words: with --json an object, else
    word, neighbour and cosine, divided by tabs. A word that is not known has an "error" in its
    object, else a note on standard error; the others are answered, and the exit code is 0.
    """
    if from_stdin == bool(words):
        raise click.UsageError(
            "give WORD... or --stdin, not both" if words else "Missing argument 'WORD...'."
        )
    vectors = Vectors.load(path, **reading)
    if from_stdin:
        for block in _words_of_stdin():
            _answer_lines(vectors, block, k, restrict_vocab, as_json)
        return
    answers = vectors.nearest(words, k, restrict_vocab=restrict_vocab)
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


def _words_of_stdin() -> Iterator[list[str]]:
    """The lines that are not empty, stripped, so many at a time as are searched at once."""
    lines = (line.decode("utf-8", "replace").strip() for line in words_input())
    words = filter(None, lines)
    while block := list(islice(words, AT_ONCE)):
        yield block


def _answer_lines(
    vectors: Vectors, words: list[str], k: int, restrict_vocab: int | None, as_json: bool
) -> None:
    known = [word for word in words if word in vectors or vectors.subwords is not None]
    answers = dict(
        zip(known, vectors.nearest(known, k, restrict_vocab=restrict_vocab), strict=True)
    )
    for word in words:
        if word in answers:
            found = answers[word]
            if as_json:
                print_json({"word": word, "nearest": _as_json(found)})
            for neighbour, cosine in () if as_json else found:
                tell(f"{word}\t{neighbour}\t{cosine:z.4f}")
        elif as_json:
            print_json({"word": word, "error": "unknown word"})
        else:
            note(f"unknown word {word!r}")


@click.command()
@vectors_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@k_option
@restrict_option
@reading_options
@json_option
def analogy(
    path: str,
    a: str,
    b: str,
    c: str,
    k: int,
    restrict_vocab: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """A is to B as C is to what?

    The answers are the words nearest to B − A + C, by cosine.
    """
    vectors = Vectors.load(path, **reading)
    found = vectors.analogy(a, b, c, k, restrict_vocab=restrict_vocab)
    if as_json:
        print_json({"a": a, "b": b, "c": c, "answers": _as_json(found)})
    else:
        print_table([("answer", "cosine"), *((word, f"{cosine:z.4f}") for word, cosine in found)])


@click.command()
@vectors_argument
@click.argument("words", metavar="A B...", nargs=-1, required=True)
@reading_options
@json_option
def similarity(path: str, words: tuple[str, ...], as_json: bool, **reading: Any) -> None:
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
