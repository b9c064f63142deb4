"""Commands that ask vectors about words: nearest, analogy, similarity."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import click

from embedlayer.cli.completion import words_of_file
from embedlayer.cli.help import Documented
from embedlayer.cli.output import json_option, note, print_json, print_table, tell
from embedlayer.cli.prompt import Question, converse
from embedlayer.cli.reading import reading_options, words_input
from embedlayer.cli.terminal import asks
from embedlayer.vectors.queries import Neighbours
from embedlayer.vectors.vectors import Vectors

AT_ONCE = 1024  # words of standard input that are answered together

vectors_argument = click.argument("path", metavar="VECTORS", type=click.Path())
k_option = click.option(
    "-k",
    metavar="NUMBER",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="How many words to give.",
)
restrict_option = click.option(
    "--restrict-vocab",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="Look at so many words only, the most frequent; 30000 is usual for analogies.",
)


def words_argument(metavar: str) -> Callable[[Any], Any]:
    """The words that are asked about, any number of them."""
    return click.argument("words", metavar=metavar, nargs=-1, shell_complete=words_of_file)


@click.command(cls=Documented)
@vectors_argument
@words_argument("[WORD]...")
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

    Without a WORD, in a terminal, they are asked for: Tab completes them, Ctrl-D ends.

    With --stdin each answer is a line, in the order of the words: with --json an object, else
    word, neighbour and cosine, divided by tabs. A word that is not known has an "error" in its
    object, else a note on standard error; the others are answered, and the exit code is 0.

    Examples:
        embedlayer nearest vectors.safetensors king queen -k 5
        # asks for words
        embedlayer nearest vectors.safetensors
        # many words, for another program
        embedlayer nearest vectors.safetensors --stdin --json < words.txt > answers.jsonl
    """
    if words and from_stdin:
        raise click.UsageError("give WORD... or --stdin, not both")
    if not (words or from_stdin or asks()):
        raise click.UsageError("Missing argument 'WORD...'.")
    vectors = Vectors.load(path, **reading)

    def answer(words: Sequence[str], k: int) -> None:
        found = vectors.nearest(list(words), k, restrict_vocab=restrict_vocab)
        _show_nearest(words, found, as_json)

    if from_stdin:
        for block in _words_of_stdin():
            _answer_lines(vectors, block, k, restrict_vocab, as_json)
    elif words:
        answer(words, k)
    else:
        converse(Question("nearest", "a word, or several", answer), vectors, k)


def _show_nearest(words: Sequence[str], found: list[Neighbours], as_json: bool) -> None:
    answers = list(zip(words, found, strict=True))
    if as_json:
        print_json({"results": [{"word": word, "nearest": _as_json(one)} for word, one in answers]})
        return
    rows = [
        (word, neighbour, f"{cosine:z.4f}") for word, one in answers for neighbour, cosine in one
    ]
    print_table(rows, ("word", "nearest", "cosine"))


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


@click.command(cls=Documented)
@vectors_argument
@words_argument("[A B C]")
@k_option
@restrict_option
@reading_options
@json_option
def analogy(
    path: str,
    words: tuple[str, ...],
    k: int,
    restrict_vocab: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """A is to B as C is to what?

    The answers are the words nearest to B − A + C, by cosine. Without A, B and C, in a terminal,
    they are asked for: Tab completes them, Ctrl-D ends.

    Examples:
        embedlayer analogy vectors.safetensors man king woman
        # asks for three words at a time
        embedlayer analogy vectors.safetensors
        embedlayer analogy vectors.safetensors man king woman -k 1 --restrict-vocab 30000 --json
    """
    if words or not asks():
        _check_three(words)
    vectors = Vectors.load(path, **reading)

    def answer(words: Sequence[str], k: int) -> None:
        a, b, c = _check_three(words)
        found = vectors.analogy(a, b, c, k, restrict_vocab=restrict_vocab)
        if as_json:
            print_json({"a": a, "b": b, "c": c, "answers": _as_json(found)})
        else:
            print_table([(word, f"{cosine:z.4f}") for word, cosine in found], ("answer", "cosine"))

    if words:
        answer(words, k)
    else:
        converse(
            Question("analogy", "three words, A B C: A is to B as C is to?", answer), vectors, k
        )


def _check_three(words: Sequence[str]) -> Sequence[str]:
    if len(words) < 3:
        raise click.UsageError(f"Missing argument '{'ABC'[len(words)]}'.")
    if len(words) > 3:
        raise click.UsageError(f"three words, A B C, make an analogy, but {len(words)} were given")
    return words


@click.command(cls=Documented)
@vectors_argument
@words_argument("[A B]...")
@reading_options
@json_option
def similarity(path: str, words: tuple[str, ...], as_json: bool, **reading: Any) -> None:
    """The cosine of A and B, and of more pairs.

    Without A and B, in a terminal, they are asked for: Tab completes them, Ctrl-D ends.

    Examples:
        embedlayer similarity vectors.safetensors coffee tea
        embedlayer similarity vectors.safetensors coffee tea king queen --json
    """
    if words or not asks():
        _check_pairs(words)
    vectors = Vectors.load(path, **reading)

    def answer(words: Sequence[str], _: int) -> None:
        _check_pairs(words)
        pairs = [
            (a, b, vectors.similarity(a, b)) for a, b in zip(words[::2], words[1::2], strict=True)
        ]
        if as_json:
            print_json({"results": [{"a": a, "b": b, "cosine": cosine} for a, b, cosine in pairs]})
        else:
            print_table([(a, b, f"{cosine:z.4f}") for a, b, cosine in pairs], ("a", "b", "cosine"))

    if words:
        answer(words, 1)
    else:
        converse(Question("similarity", "two words, or more pairs", answer), vectors)


def _check_pairs(words: Sequence[str]) -> None:
    if not words:
        raise click.UsageError("Missing argument 'A B...'.")
    if len(words) % 2:
        raise click.UsageError(f"words come in pairs, but {len(words)} were given")


def _as_json(found: list[tuple[str, float]]) -> list[dict[str, str | float]]:
    return [{"word": word, "cosine": cosine} for word, cosine in found]
