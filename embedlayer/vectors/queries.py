"""What a query asks of vectors: where to look, which rows may not come; and its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedlayer.backend import asarray, to_numpy
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.checks import as_floats, words_in
from embedlayer.vectors.search import analogy_directions, cosines, unit_rows
from embedlayer.vectors.word_vectors import WordVectors

Neighbours = list[tuple[str, float]]


@dataclass(frozen=True)
class Query:
    """n directions, float32, (n, D), of length 1 or 0, on the backend in force.

    Attributes:
        excluded: for each direction, the rows that may not answer; −1 is none.
        many: whether the answer is a list of n answers, or the first alone.
    """

    directions: Any
    excluded: Sequence[Sequence[int]]
    many: bool

    def answers(self, words: Sequence[str], rows: np.ndarray, scores: np.ndarray) -> Any:
        """Neighbours, or the list of n of them.

        Args:
            words: of the rows.
            rows: int64, (n, k).
            scores: floats, (n, k), falling: −inf where there is no answer.
        """
        found = (scores > -np.inf).sum(axis=1).tolist()
        answers = [
            [(words[row], score) for row, score in zip(*pair, strict=True)][:size]
            for size, *pair in zip(found, rows.tolist(), cosines(scores).tolist(), strict=True)
        ]
        return answers if self.many else answers[0]


def nearest_query(vectors: WordVectors, query: Any) -> Query:
    """For what is near to a word, words, a vector (D,) or a matrix (n, D).

    Raises:
        UnknownWordError: a word that is not in the vocabulary, where there are no n-grams.
        EmbedlayerError: anything else, a vector of another length, a NaN or an infinity.
    """
    words = words_in(query)
    if words is not None:
        several = [words] if isinstance(words, str) else words
        directions = vectors.unit_of(several)
        excluded = vectors.find(several)[:, None].tolist()
        return Query(directions, excluded, not isinstance(words, str))
    given = _checked_vectors(query, vectors.dim)
    directions = unit_rows(asarray(given.reshape(-1, vectors.dim)))
    return Query(directions, [()] * len(directions), given.ndim == 2)


def analogy_query(vectors: WordVectors, a: Any, b: Any, c: Any) -> Query:
    """For "a is to b as c is to ?", three words or three lists of n; errors as nearest_query's."""
    given = [words_in(words) for words in (a, b, c)]
    alone = [isinstance(words, str) for words in given]
    if None in given or any(alone) != all(alone):
        raise EmbedlayerError("analogy takes three words, or three lists of words")
    lists = [[words] if isinstance(words, str) else words or [] for words in given]
    if len({len(words) for words in lists}) > 1:
        sizes = "{}, {} and {}".format(*map(len, lists))
        raise EmbedlayerError(f"analogy takes lists of one length, not {sizes} words")
    together = [word for words in lists for word in words]
    unit = vectors.unit_of(together)
    places = np.arange(len(together)).reshape(3, -1)
    directions = analogy_directions(unit, *asarray(places))
    excluded = vectors.find(together).reshape(3, -1).T.tolist()
    return Query(directions, excluded, not all(alone))


def _checked_vectors(query: Any, dim: int) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is found as an infinity
            vectors = as_floats(to_numpy(query))
    except (TypeError, ValueError):
        raise EmbedlayerError("a query is a word, words, a vector or a matrix") from None
    if vectors.ndim not in (1, 2) or vectors.shape[-1] != dim:
        raise EmbedlayerError(
            f"a query vector has {dim} numbers, (D,) or (n, D); this is {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        raise EmbedlayerError("a query vector holds a NaN or an infinity")
    return vectors
