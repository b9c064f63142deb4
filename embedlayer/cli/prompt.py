"""A prompt at which a person asks about words: Ctrl-C gives a line up, Ctrl-D ends."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from embedlayer.cli.choices import did_you_mean
from embedlayer.cli.lines import line_reader
from embedlayer.cli.output import note, tell
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.vectors import Vectors

K = "/k"
COMMANDS = {
    K: "/k 20: that many answers",
    "/help": "/help: this",
    "/quit": "/quit, or Ctrl-D: the end",
}


class Question(NamedTuple):
    """What is asked at a prompt.

    Attributes:
        name: of the prompt and of its history.
        typed: what a line has to hold, for its help.
        answer: given the words of a line and how many answers are wanted, prints them.
    """

    name: str
    typed: str
    answer: Callable[[Sequence[str], int], None]


def converse(question: Question, vectors: Vectors, k: int | None = None) -> None:
    """Answer the lines that are typed until Ctrl-D; what is wrong in one is told.

    Args:
        question: what is asked.
        vectors: whose words are asked about.
        k: how many answers there are to begin with; None: it is always one.
    """
    note(f"{len(vectors):,} words. Type {question.typed}; /help has more.")
    read = line_reader(question.name, vectors.words)
    while True:
        try:
            line = read().strip()
            if line.startswith("/") and line not in vectors:
                k = _obey(line, question, k)
            elif line:
                question.answer([line] if line in vectors else line.split(), k or 1)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        except (EmbedlayerError, click.UsageError) as error:
            note(str(error))


def _obey(line: str, question: Question, k: int | None) -> int | None:
    """Do what a line that begins with a stroke says; how many answers are wanted from now on."""
    name, *values = line.split()
    known = {one: told for one, told in COMMANDS.items() if one != K or k is not None}
    if name not in known:
        raise EmbedlayerError(f"no command {name}; /help tells them.{did_you_mean(name, known)}")
    if name == "/quit":
        raise EOFError
    if name == K:
        return _number(values)
    keys = "Tab completes words, the arrows up and down go through older lines."
    tell("\n".join([f"Type {question.typed}. {keys}", *known.values()]))
    return k


def _number(values: list[str]) -> int:
    if len(values) != 1 or not values[0].isdecimal() or int(values[0]) < 1:
        raise EmbedlayerError(f"how many answers? As in {COMMANDS[K]}")
    return int(values[0])
