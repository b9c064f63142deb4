"""Some words and their neighbours, which show what vectors are like."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.vectors.search import cosines, nearest_rows, unit_rows
from embedlayer.vectors.vectors import Vectors

AMONG = 30_000  # words: the neighbours are the nearest of the commonest
NEIGHBOURS = 8
BLOCK = 2048  # rows: of more at once, new memory would cost more than the search
COMMON, RARE = 100, 5_000  # ranks between which words are chosen


def neighbours(vectors: Vectors, words: Sequence[str]) -> dict[str, list[list[Any]]]:
    """Of each word the nearest among the commonest, as :func:`nearest_common` tells them."""
    rows, own = vectors[list(words)], vectors.find(words).tolist()
    told = nearest_common(vectors.matrix[:AMONG], vectors.words, rows, own)
    return dict(zip(words, told, strict=True))


def nearest_common(
    common: np.ndarray, words: Sequence[str], vectors: np.ndarray, own: Sequence[int]
) -> list[list[list[Any]]]:
    """Of each vector the nearest common words: ``[word, cosine]``, as JSON can hold them.

    Args:
        common: float32, (C, D): rows of words.
        words: the C words, or more.
        vectors: float32, (n, D).
        own: for each vector the row of its own word, or a number that no row has.
    """
    directions, found = unit_rows(vectors), []
    for first in range(0, len(common), BLOCK):
        block = unit_rows(common[first : first + BLOCK])
        excluded = [[row - first] for row in own]
        rows, scores = nearest_rows(block, directions, excluded, NEIGHBOURS)
        found.append((first + rows, scores))
    rows, scores = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
    best = np.lexsort((rows, -scores))[:, :NEIGHBOURS]
    rows, scores = np.take_along_axis(rows, best, 1), np.take_along_axis(scores, best, 1)
    return [_told(words, *one) for one in zip(rows.tolist(), scores.tolist(), strict=True)]


def _told(words: Sequence[str], rows: list[int], scores: list[float]) -> list[list[Any]]:
    """Where all other rows are excluded, scores are −inf."""
    return [
        [words[row], round(float(cosines(score)), 4)]
        for row, score in zip(rows, scores, strict=True)
        if score > -np.inf
    ]


def sample_words(words: Sequence[str], size: int) -> list[str]:
    """So many words of letters, evenly spread over the logarithm of their rank; fewer of a few."""
    last = min(RARE, len(words))
    chosen: list[str] = []
    for rank in np.geomspace(1 + min(COMMON, last // 4), 1 + last, size, endpoint=False):
        behind = words[int(rank) - 1 :]
        fresh = (word for word in behind if word not in chosen)
        plain = (word for word in behind if _is_plain(word) and word not in chosen)
        word = next(plain, None) or next(fresh, None)
        chosen += [word] if word is not None else []
    return chosen


def _is_plain(word: str) -> bool:
    """Whether a word means something by itself, as far as its letters tell."""
    return word.isalpha() and (len(word) > 3 or not word.isascii())
