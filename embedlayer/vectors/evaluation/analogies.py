"""Solved analogies: a is to b as c is to what?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import asarray
from embedlayer.vectors.evaluation.files import Benchmark, Question, questions_of, read_benchmark
from embedlayer.vectors.evaluation.spellings import UNTOLD, Spellings
from embedlayer.vectors.search import analogy_directions, nearest_rows
from embedlayer.vectors.shown import html_table, titled
from embedlayer.vectors.vectors import Vectors


@dataclass(frozen=True)
class AnalogyScore:
    """The answers to one section of questions, or to several together.

    ``unseen`` of those asked have a word that was made of its n-grams; None, and not told, where
    vectors have no rows of n-grams.
    """

    name: str
    correct: int
    asked: int
    out_of_vocabulary: int
    unseen: int | None = None

    @property
    def accuracy(self) -> float | None:
        """The share of the asked questions that was answered correctly; None if none was asked."""
        return self.correct / self.asked if self.asked else None

    def to_dict(self) -> dict[str, Any]:
        """The score as JSON can hold it."""
        told = {name: value for name, value in asdict(self).items() if (name, value) != UNTOLD}
        return told | {"accuracy": self.accuracy}


@dataclass(frozen=True)
class AnalogyResult:
    """The answers to a benchmark of analogies, by section and in total.

    ``semantic`` and ``syntactic`` follow the convention of Google's questions, where the names of
    syntactic sections begin with "gram"; both are None for a benchmark with no such section.
    """

    benchmark: str
    sections: tuple[AnalogyScore, ...]
    semantic: AnalogyScore | None
    syntactic: AnalogyScore | None
    total: AnalogyScore

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON can hold it."""
        groups = {"semantic": self.semantic, "syntactic": self.syntactic, "total": self.total}
        return {
            "benchmark": self.benchmark,
            "sections": [section.to_dict() for section in self.sections],
        } | {name: score and score.to_dict() for name, score in groups.items()}

    def _repr_html_(self) -> str:
        scores = filter(None, [*self.sections, self.semantic, self.syntactic, self.total])
        rows = [(s.name, s.accuracy, s.correct, s.asked, s.out_of_vocabulary) for s in scores]
        head = ("", "accuracy", "correct", "asked", "unknown")
        return titled(self.benchmark, html_table(rows, head))

    def __str__(self) -> str:
        scores = [*self.sections, self.semantic, self.syntactic, self.total]
        width = max(len(score.name) for score in scores if score)
        lines = [f"{self.benchmark}\n  {'':{width}}  accuracy  correct   asked  unknown"]
        for score in filter(None, scores):
            accuracy = "none" if score.accuracy is None else f"{score.accuracy:.4f}"
            lines.append(
                f"  {score.name:{width}}  {accuracy:>8}  {score.correct:7}  {score.asked:6}"
                f"  {score.out_of_vocabulary:7}"
            )
        if self.total.unseen is not None:
            lines.append(f"  {self.total.unseen} of them by n-grams")
        return "\n".join(lines)


def analogies(
    vectors: Vectors,
    path: str | Path | Benchmark,
    *,
    restrict_vocab: int | None = None,
    case_insensitive: bool = True,
) -> AnalogyResult:
    """How many questions "a is to b as c is to ?" of a file are solved by 3CosAdd.

    The answer is the word nearest to b − a + c (vectors at length 1) that is not a, b or c.

    Args:
        vectors: the vectors to judge.
        path: a file that :func:`files.questions_of` understands.
        restrict_vocab: look at the first so many words only (30,000 is usual); None: at all.
        case_insensitive: compare words in upper case.

    Raises:
        EmbedlayerError: a malformed file, or ``restrict_vocab`` below 1.
    """
    benchmark = read_benchmark(path)
    sections = questions_of(benchmark)
    spellings = Spellings(vectors.words, case_insensitive, restrict_vocab)
    spellings.make(
        vectors, (word for some in sections.values() for one in some for word in one[:3])
    )
    known = [
        (name, question)
        for name, questions in sections.items()
        for question in questions
        if all(word in spellings for word in question) and spellings.rows(question.answer)
    ]
    right = solved(vectors, spellings, [question for _, question in known])
    asked = Counter(name for name, _ in known)
    correct = Counter(name for (name, _), is_right in zip(known, right, strict=True) if is_right)
    unseen = {
        name: spellings.count_unseen(question[:3] for section, question in known if section == name)
        for name in sections
    }
    scores = tuple(
        AnalogyScore(name, correct[name], asked[name], len(questions) - asked[name], unseen[name])
        for name, questions in sections.items()
    )
    syntactic = [score for score in scores if score.name.startswith("gram")]
    semantic = [score for score in scores if not score.name.startswith("gram")]
    return AnalogyResult(
        benchmark=benchmark.name,
        sections=scores,
        semantic=_together("semantic", semantic) if syntactic else None,
        syntactic=_together("syntactic", syntactic) if syntactic else None,
        total=_together("total", scores),
    )


def solved(vectors: Vectors, spellings: Spellings, questions: Sequence[Question]) -> list[bool]:
    """Whether each question, all of whose words are known, is answered correctly, by 3CosAdd."""
    if not questions:
        return []
    unit = vectors.unit()[: len(spellings.folded)]
    names = [spellings.name(question[i]) for i in range(3) for question in questions]
    places = asarray(np.arange(len(names)).reshape(3, -1))
    directions = analogy_directions(vectors.unit_of(names), *places)
    excluded = [[row for word in one[:3] for row in spellings.rows(word)] for one in questions]
    best, scores = nearest_rows(unit, directions, excluded, 1)
    return [
        score > -np.inf and spellings.folded[row] == spellings.fold(question.answer)
        for row, score, question in zip(
            best[:, 0].tolist(), scores[:, 0].tolist(), questions, strict=True
        )
    ]


def _together(name: str, scores: Sequence[AnalogyScore]) -> AnalogyScore:
    unseen = [score.unseen for score in scores if score.unseen is not None]
    return AnalogyScore(
        name,
        sum(score.correct for score in scores),
        sum(score.asked for score in scores),
        sum(score.out_of_vocabulary for score in scores),
        sum(unseen) if unseen else None,
    )
