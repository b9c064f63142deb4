"""Some words and their neighbours, which show what vectors are like."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.vectors.search import cosines, nearest_rows, unit_rows
from embedlayer.vectors.vectors import Vectors

AMONG = 30_000  # words: the neighbours are the nearest of the commonest
NEIGHBOURS = 8
BLOCK = 512  # rows that stay in the cache
COMMON, RARE = 100, 5_000  # ranks between which words are chosen


def neighbours(vectors: Vectors, words: Sequence[str]) -> dict[str, list[list[Any]]]:
    """Of each word the nearest among the commonest: ``[word, cosine]``, as JSON can hold them."""
    rows_of_common = vectors.matrix[:AMONG]
    common = np.empty_like(rows_of_common)
    for first in range(0, len(common), BLOCK):  # of all at once memory is fetched several times
        common[first : first + BLOCK] = unit_rows(rows_of_common[first : first + BLOCK])
    own = [[row] for row in vectors.find(words).tolist()]
    rows, scores = nearest_rows(common, unit_rows(vectors[list(words)]), own, NEIGHBOURS)
    found = zip(words, rows.tolist(), scores.tolist(), strict=True)
    return {word: _told(vectors, *best) for word, *best in found}


def _told(vectors: Vectors, rows: list[int], scores: list[float]) -> list[list[Any]]:
    """Where all other rows are excluded, scores are −inf."""
    return [
        [vectors.words[row], round(float(cosines(score)), 4)]
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
