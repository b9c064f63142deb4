"""The evaluation sets that trainers are judged by, and their scores."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from embedlayer.vectors.evaluation import analogies, similarity
from embedlayer.vectors.vectors import Vectors

FREQUENT = 30_000  # words that may answer an analogy, as is usual
QUESTIONS = "questions-words.txt"
PAIRS = {"WS-353": "wordsim353.tsv", "SimLex": "simlex999.txt", "RG-65": "EN-RG-65.txt"}
SCORES = ("analogies", "semantic", "syntactic", *PAIRS)

Scores = dict[str, float | None]


def evaluation_folder(data: Path | None) -> Path | None:
    """Where a folder of data keeps its evaluation sets; None if it has none of them."""
    if data is None:
        return None
    folder = data / "eval"
    known = any((folder / name).exists() for name in (QUESTIONS, *PAIRS.values()))
    return folder if known else None


def score(vectors: Vectors, folder: Path) -> Scores:
    """Every score, 0 … 1 or Spearman's −1 … 1; None where the set is not there or all unknown."""
    found: Scores = dict.fromkeys(SCORES)
    if (folder / QUESTIONS).exists():
        result = analogies(vectors, folder / QUESTIONS, restrict_vocab=FREQUENT)
        found["analogies"] = result.total.accuracy
        for name, part in (("semantic", result.semantic), ("syntactic", result.syntactic)):
            found[name] = None if part is None else part.accuracy
    for name, file in PAIRS.items():
        if (folder / file).exists():
            found[name] = similarity(vectors, folder / file).spearman
    return found


def mean_and_deviation(values: Sequence[float | None]) -> tuple[float, float] | None:
    """The mean and the sample standard deviation (0 for one number); None if one is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return mean(known), stdev(known) if len(known) > 1 else 0.0
