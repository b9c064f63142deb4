"""A prompt at which a person asks about words: Ctrl-C gives a line up, Ctrl-D ends."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from embedlayer.cli.choices import did_you_mean
from embedlayer.cli.lines import line_reader
from embedlayer.cli.output import note, tell
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.vectors import Vectors

COMMANDS = {
    "/k": "/k 20: that many answers",
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


def converse(question: Question, vectors: Vectors, k: int = 1) -> None:
    """Answer the lines that are typed until Ctrl-D; what is wrong in one is told."""
    note(f"{len(vectors):,} words. Type {question.typed}; /help has more.")
    read = line_reader(question.name, vectors.words)
    while True:
        try:
            line = read().strip()
            if line.startswith("/") and line not in vectors:
                k = _obey(line, question, k)
            elif line:
                words = [line] if line in vectors else line.split()
                question.answer(words, k)
        except KeyboardInterrupt:
            tell("")  # behind what was typed, or the answer so far
        except EOFError:
            tell("")
            return
        except (EmbedlayerError, click.UsageError) as error:
            note(str(error))


def _obey(line: str, question: Question, k: int) -> int:
    """Do what a line that begins with a stroke says; how many answers are wanted from now on."""
    name, *values = line.split()
    if name == "/quit":
        raise EOFError
    if name == "/k":
        if len(values) != 1 or not values[0].isdecimal() or int(values[0]) < 1:
            raise EmbedlayerError(f"how many answers? As in {COMMANDS['/k']}")
        return int(values[0])
    if name != "/help":
        raise EmbedlayerError(f"no command {name}; /help tells them.{did_you_mean(name, COMMANDS)}")
    tell("\n".join([f"Type {question.typed}. Tab completes, up and down go through older lines.",
                    *COMMANDS.values()]))  # fmt: skip
    return k
