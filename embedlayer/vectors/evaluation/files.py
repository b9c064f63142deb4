"""Reading benchmark files: pairs of words with a human score, and analogy questions in sections.

UTF-8 text, with or without a byte order mark. Empty lines are skipped, and so are lines that begin
with ``#``, save that they name the sections of a file of questions that has no ``:`` lines.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from embedlayer.errors import EmbedlayerError

FIELD = re.compile(r"[^ \t\r\f\v]+")  # ASCII whitespace alone divides words, as in a corpus


class Pair(NamedTuple):
    """Two words and the score that people gave them."""

    left: str
    right: str
    score: float


class Question(NamedTuple):
    """a is to b as c is to ``answer``."""

    a: str
    b: str
    c: str
    answer: str


def holds_questions(path: Path) -> bool:
    """Whether a benchmark is of analogies: it has a ``:`` line, or its last line is four words.

    Raises:
        EmbedlayerError: an empty file, or one that is not UTF-8.
    """
    lines = [line for _, line in _lines(path) if not line.startswith("#")]
    if not lines:
        raise EmbedlayerError(f"{path} holds no pairs and no questions")
    if any(line.startswith(":") for line in lines):
        return True
    fields = _fields(lines[-1])  # never a header
    return len(fields) == 4 and _score(fields) is None


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a similarity benchmark.

    Columns are divided by tabs, else by commas, else by whitespace: two words, and the first
    number after them is the score. A first line without a number is a header.

    Raises:
        EmbedlayerError: a malformed line, no pairs, or a file that is not UTF-8.
    """
    pairs: list[Pair] = []
    lines = [(number, line) for number, line in _lines(path) if not line.startswith("#")]
    for place, (number, line) in enumerate(lines):
        fields = _fields(line)
        score = _score(fields)
        if score is not None and fields[0] and fields[1]:
            pairs.append(Pair(fields[0], fields[1], score))
        elif place > 0 or score is not None:
            raise EmbedlayerError(
                f"{path}, line {number}: two words and a score are expected, not {line!r}"
            )
    if not pairs:
        raise EmbedlayerError(f"{path} holds no line of two words and a score")
    return pairs


def read_questions(path: Path) -> dict[str, list[Question]]:
    """The questions of an analogy benchmark, by the name of their section.

    A section begins at a line ``: name`` (or ``# name``, in a file that has no such line);
    questions before the first section belong to the section ``""``. Empty sections are left out.

    Raises:
        EmbedlayerError: a malformed line, no questions, or a file that is not UTF-8.
    """
    lines = list(_lines(path))
    mark = ":" if any(line.startswith(":") for _, line in lines) else "#"
    sections: dict[str, list[Question]] = {}
    section = ""
    for number, line in lines:
        if line.startswith(mark):
            section = line[1:].strip()
        elif not line.startswith("#"):
            words = FIELD.findall(line)
            if len(words) != 4:
                raise EmbedlayerError(
                    f"{path}, line {number}: four words are expected, not {line!r}"
                )
            sections.setdefault(section, []).append(Question(*words))
    if not sections:
        raise EmbedlayerError(f"{path} holds no line of four words")
    return sections


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, stripped, and their numbers from 1."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EmbedlayerError(f"{path} is not UTF-8: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(" \t\r\f\v")
        if stripped:
            yield number, stripped


def _fields(line: str) -> list[str]:
    for divider in "\t,":
        if divider in line:
            return [field.strip(" ") for field in line.split(divider)]
    return FIELD.findall(line)


def _score(fields: list[str]) -> float | None:
    """The first number after two words, if there is one."""
    for field in fields[2:]:
        try:
            value = float(field)
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return None
