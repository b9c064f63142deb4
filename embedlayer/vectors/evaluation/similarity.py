"""Agreement of cosines with the scores that people gave to pairs of words."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.vectors.evaluation.files import Benchmark, pairs_of, read_benchmark
from embedlayer.vectors.evaluation.spellings import UNTOLD, Spellings
from embedlayer.vectors.search import unit_rows
from embedlayer.vectors.shown import html_table, titled
from embedlayer.vectors.vectors import Vectors


@dataclass(frozen=True)
class SimilarityResult:
    """How the cosines of pairs of words rank, against the scores that people gave them.

    ``spearman`` is Spearman's rank correlation, −1 … 1; None where fewer than two pairs were
    found, or all have one score or one cosine. ``unseen`` of the pairs found have a word that was
    made of its n-grams; None, and not told, where vectors have no rows of n-grams.
    """

    benchmark: str
    spearman: float | None
    pairs: int
    found: int
    out_of_vocabulary: int
    unseen: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON can hold it."""
        return {name: value for name, value in asdict(self).items() if (name, value) != UNTOLD}

    def _repr_html_(self) -> str:
        told = {name: value for name, value in self.to_dict().items() if name != "benchmark"}
        return titled(self.benchmark, html_table([[*told.values()]], [*told]))

    def __str__(self) -> str:
        score = "   none" if self.spearman is None else f"{self.spearman:7.4f}"
        text = (
            f"{self.benchmark}\n  Spearman {score}   "
            f"{self.found} of {self.pairs} pairs ({self.out_of_vocabulary} with an unknown word)"
        )
        return text if self.unseen is None else f"{text}, {self.unseen} by n-grams"


def similarity(
    vectors: Vectors,
    path: str | Path | Benchmark,
    *,
    case_insensitive: bool = True,
    restrict_vocab: int | None = None,
) -> SimilarityResult:
    """Spearman's correlation of the cosines of pairs of words with the scores in a file.

    Args:
        vectors: the vectors to judge.
        path: a file that :func:`files.pairs_of` understands.
        case_insensitive: compare words in upper case.
        restrict_vocab: look at the first so many words only; None: at all of them.

    Raises:
        EmbedlayerError: a malformed file, or ``restrict_vocab`` below 1.
    """
    from scipy.stats import spearmanr

    benchmark = read_benchmark(path)
    pairs = pairs_of(benchmark)
    spellings = Spellings(vectors.words, case_insensitive, restrict_vocab)
    spellings.make(vectors, (word for pair in pairs for word in pair[:2]))
    found = [pair for pair in pairs if pair.left in spellings and pair.right in spellings]
    left = unit_rows(vectors[[spellings.name(pair.left) for pair in found]].astype(np.float64))
    right = unit_rows(vectors[[spellings.name(pair.right) for pair in found]].astype(np.float64))
    cosines = (left * right).sum(axis=1)
    scores = np.array([pair.score for pair in found])
    ranked = len(np.unique(cosines)) > 1 and len(np.unique(scores)) > 1
    return SimilarityResult(
        benchmark=benchmark.name,
        spearman=float(np.clip(spearmanr(cosines, scores).statistic, -1, 1)) if ranked else None,
        pairs=len(pairs),
        found=len(found),
        out_of_vocabulary=len(pairs) - len(found),
        unseen=spellings.count_unseen(pair[:2] for pair in found),
    )
