"""How good vectors are: agreement with human similarity scores, and solved analogies.

The conventions are gensim's, so that numbers can be compared: with ``case_insensitive`` words are
compared in upper case, and the first (most frequent) of several spellings gives the vector;
``restrict_vocab`` takes the first rows only; what holds an unknown word is counted, not asked.
Where vectors have rows of n-grams, a word without a row is made of them, as it is written; what has
one is asked, and counted as ``unseen``. The answer to an analogy has to be a word with a row.
"""

from pathlib import Path

from embedlayer.vectors.evaluation.analogies import AnalogyResult, AnalogyScore, analogies
from embedlayer.vectors.evaluation.files import Benchmark, holds_questions, read_benchmark
from embedlayer.vectors.evaluation.similarity import SimilarityResult, similarity
from embedlayer.vectors.vectors import Vectors

__all__ = [
    "AnalogyResult",
    "AnalogyScore",
    "SimilarityResult",
    "analogies",
    "evaluate",
    "similarity",
]


def evaluate(
    vectors: Vectors,
    path: str | Path | Benchmark,
    *,
    restrict_vocab: int | None = None,
    case_insensitive: bool = True,
) -> SimilarityResult | AnalogyResult:
    """The benchmark in a file, whichever kind its content shows: pairs or analogies.

    Raises:
        EmbedlayerError: as :func:`similarity` and :func:`analogies`.
    """
    benchmark = read_benchmark(path)
    kind = analogies if holds_questions(benchmark) else similarity
    return kind(
        vectors, benchmark, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
