"""Reading benchmark files: pairs of words with a human score, and analogy questions in sections.

UTF-8 text, with or without a byte order mark, of 8 MB at most. Empty lines are skipped, and so are
lines that begin with ``#``, save that they name the sections of a file of questions that has no
``:`` lines.
"""

import math
import re
from pathlib import Path
from typing import NamedTuple

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import open_to_read

FIELD = re.compile(r"[^ \t\r\f\v]+")  # ASCII whitespace alone divides words, as in a corpus
MOST_BYTES = 1 << 23  # twice the largest one published
# What the columns of a header are called.
WORD = re.compile(r"(word|term|noun|verb|token|item|w|wort|mot|단어)[ _.-]?[12ab]", re.IGNORECASE)
SCORE = re.compile(r"score|human|mean|rating|sim|related|gold|average|점수|평균", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
DECIMAL_COMMA = re.compile(r"\d,\d+$", re.ASCII)


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


class Benchmark(NamedTuple):
    """A benchmark file, read: its lines that are not empty, stripped, and their numbers from 1."""

    path: str | Path
    lines: list[tuple[int, str]]

    @property
    def name(self) -> str:
        """Of the file, without its folder."""
        return Path(self.path).name

    def error(self, number: int, message: str) -> EmbedlayerError:
        return EmbedlayerError(f"{self.path}, line {number}: {message}")


def read_benchmark(source: str | Path | Benchmark) -> Benchmark:
    """A file's lines; those that were read already, once, are handed on: a pipe gives no others.

    Raises:
        EmbedlayerError: a file that is not UTF-8, or too long.
        OSError: a file that is missing or cannot be read.
    """
    if isinstance(source, Benchmark):
        return source
    with open_to_read(source) as file:
        data = file.text().read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise EmbedlayerError(f"{source} is no benchmark: it has more than {MOST_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise EmbedlayerError(f"{source} is not UTF-8: {error}") from None
    lines = ((number, line.strip(" \t\r\f\v")) for number, line in enumerate(text.split("\n"), 1))
    return Benchmark(source, [(number, line) for number, line in lines if line])


def holds_questions(benchmark: Benchmark) -> bool:
    """Whether a benchmark is of analogies: it has a ``:`` line, or its last line is four words.

    Raises:
        EmbedlayerError: an empty file.
    """
    lines = [line for _, line in benchmark.lines if not line.startswith("#")]
    if not lines:
        raise EmbedlayerError(f"{benchmark.path} holds no pairs and no questions")
    if any(line.startswith(":") for line in lines):
        return True
    fields = _fields(lines[-1])  # never a header
    return len(fields) == 4 and all(_score(field) is None for field in fields[2:])


def pairs_of(benchmark: Benchmark) -> list[Pair]:
    """The pairs of a similarity benchmark.

    Columns are divided by tabs, else by commas, else by whitespace. A first line that names two
    columns of words and one of scores says where they are; without it the words come first, and
    the first number after them is the score.

    Raises:
        EmbedlayerError: a malformed line, no pairs, or a first column that numbers the lines.
    """
    rows = [(n, _fields(line), line) for n, line in benchmark.lines if not line.startswith("#")]
    columns = _columns(rows[0][1]) if rows else None
    pairs = []
    for number, fields, line in rows[1:] if columns else rows:
        left, right, score = columns or (0, 1, _first_score(fields))
        value = _score(fields[score]) if max(left, right, score) < len(fields) else None
        if value is None or not fields[left] or not fields[right]:
            cure = "; numbers take a decimal point" if DECIMAL_COMMA.search(line) else ""
            raise benchmark.error(
                number, f"two words and a score are expected, not {line!r:.100}{cure}"
            )
        pairs.append(Pair(fields[left], fields[right], value))
    if not pairs:
        raise EmbedlayerError(f"{benchmark.path} holds no line of two words and a score")
    if not columns and all(_numbered(fields) for _, fields, _ in rows):
        raise benchmark.error(
            rows[0][0], "the first column numbers the lines: begin with one that names the columns"
        )
    return pairs


def questions_of(benchmark: Benchmark) -> dict[str, list[Question]]:
    """The questions of an analogy benchmark, by the name of their section.

    A section begins at a line ``: name`` (or ``# name``, in a file that has no such line);
    questions before the first section belong to the section ``""``. Empty sections are left out.

    Raises:
        EmbedlayerError: a malformed line, or no questions.
    """
    mark = ":" if any(line.startswith(":") for _, line in benchmark.lines) else "#"
    sections: dict[str, list[Question]] = {}
    section = ""
    for number, line in benchmark.lines:
        if line.startswith(mark):
            section = line[1:].strip()
        elif not line.startswith("#"):
            words = FIELD.findall(line)
            if len(words) != 4:
                raise benchmark.error(number, f"four words are expected, not {line!r:.100}")
            sections.setdefault(section, []).append(Question(*words))
    if not sections:
        raise EmbedlayerError(f"{benchmark.path} holds no line of four words")
    return sections


def _fields(line: str) -> list[str]:
    for divider in "\t,":
        if divider in line:
            return [field.strip(" ") for field in line.split(divider)]
    return FIELD.findall(line)


def _columns(header: list[str]) -> tuple[int, int, int] | None:
    """Where a header says that the words and the score are; None for a line that is no header."""
    words = [column for column, name in enumerate(header) if WORD.fullmatch(name)]
    scores = [column for column, name in enumerate(header) if SCORE.search(name)]
    return (words[0], words[1], scores[0]) if len(words) == 2 and scores else None


def _numbered(fields: list[str]) -> bool:
    """Whether a line begins with a number of its own, as the index column of a table does."""
    return bool(NUMBER.fullmatch(fields[0])) and _score(fields[2]) is None


def _score(field: str) -> float | None:
    """The number that a field holds, if it holds one."""
    value = float(field) if NUMBER.fullmatch(field) else math.inf
    return value if math.isfinite(value) else None


def _first_score(fields: list[str]) -> int:
    """The column of the first number after two words; the number of columns, if there is none."""
    places = (
        place for place, field in enumerate(fields) if place > 1 and _score(field) is not None
    )
    return next(places, len(fields))
