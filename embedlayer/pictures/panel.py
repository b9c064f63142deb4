"""One map: words, where they lie, and what is told of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedlayer.pictures.projection import projected
from embedlayer.pictures.spelling import shown_word
from embedlayer.vectors.search import nearest_rows, unit_rows
from embedlayer.vectors.vectors import Vectors

NEIGHBOURS = 8
UNKNOWN_COUNT = -1
NO_LABEL = 65535  # the group of a word without one; map.js says so too
COSINE_STEPS = 10_000  # cosines are kept as whole numbers of 1 / 10,000


@dataclass(frozen=True, eq=False)
class Panel:
    """A map of n words.

    Attributes:
        title: what it shows.
        words: the n words, the most important first.
        points: float32, (n, 2): from −1 to 1.
        counts: float64, (n,): how often each was seen, −1 where that is not known; or None.
        neighbours: int64, (n, k): for each word, the words of this map nearest to it.
        cosines: float64, (n, k): theirs.
        labels: the labels that words have, the most frequent first; None: labels were not given.
        groups: int64, (n,): the number of each word's label, ``NO_LABEL`` where it has none.
        analogies: for each analogy the numbers of a, b, c and of the answer.
        centre: the number of the word that the map is about; −1: it is about all.
    """

    title: str
    words: tuple[str, ...]
    points: np.ndarray
    counts: np.ndarray | None
    neighbours: np.ndarray
    cosines: np.ndarray
    labels: tuple[str, ...] | None
    groups: np.ndarray
    analogies: tuple[tuple[int, int, int, int], ...] = ()
    centre: int = -1

    @property
    def shown(self) -> list[str]:
        """The words as a picture shows them."""
        return [shown_word(word) for word in self.words]

    def is_told(self) -> np.ndarray:
        """bool, (n,): the words that have a label; all, where labels were not given."""
        return (self.groups != NO_LABEL) | (self.labels is None)

    def data(self) -> dict[str, Any]:
        """What ``map.js`` reads, as ``page.page`` takes it."""
        wide = len(self.words) > np.iinfo(np.uint16).max
        spelt = {str(i): one for i, one in enumerate(self.shown) if one != self.words[i]}
        return {
            "title": self.title,
            "words": list(self.words),
            "shown": spelt,
            "points": self.points.ravel(),
            "counts": self.counts,
            "each": self.neighbours.shape[1],
            "neighbours": self.neighbours.astype(np.uint32 if wide else np.uint16).ravel(),
            "cosines": np.rint(self.cosines * COSINE_STEPS).astype(np.int16).ravel(),
            "labels": None if self.labels is None else [shown_word(one) for one in self.labels],
            "groups": self.groups.astype(np.uint16),
            "analogies": [list(four) for four in self.analogies],
            "centre": self.centre,
        }


def make_panel(
    vectors: Vectors,
    words: Sequence[str],
    method: str,
    labels: Mapping[str, str] | None = None,
    *,
    title: str,
    analogies: Sequence[tuple[str, str, str, str]] = (),
    centre: int = -1,
) -> Panel:
    """A map of these words of the vectors, which are different ones.

    Raises:
        EmbedlayerError, MissingLibraryError: as :func:`projection.projected`.
        UnknownWordError: a word that has no vector.
    """
    unit = unit_rows(vectors[list(words)])
    itself = np.arange(len(words))[:, None].tolist()
    most = min(NEIGHBOURS, len(words) - 1)
    neighbours, cosines = np.empty((1, 0), np.int64), np.empty((1, 0))
    if most > 0:
        neighbours, cosines = nearest_rows(unit, unit, itself, most)
    number = {word: i for i, word in enumerate(words)}
    names, groups = _grouped(words, labels)
    return Panel(
        title,
        tuple(words),
        projected(unit, method),
        _counts(vectors, words),
        neighbours,
        np.clip(cosines, -1, 1),
        names,
        groups,
        tuple((number[a], number[b], number[c], number[d]) for a, b, c, d in analogies),
        centre,
    )


def _counts(vectors: Vectors, words: Sequence[str]) -> np.ndarray | None:
    if vectors.counts is None:
        return None
    rows = vectors.find(words)
    return np.where(rows < 0, UNKNOWN_COUNT, vectors.counts[rows]).astype(np.float64)


def _grouped(
    words: Sequence[str], labels: Mapping[str, str] | None
) -> tuple[tuple[str, ...] | None, np.ndarray]:
    """The labels of words, the most frequent first, and the number of each word's."""
    groups = np.full(len(words), NO_LABEL)
    if labels is None:
        return None, groups
    given = [labels.get(word) for word in words]
    names = [name for name, _ in Counter(name for name in given if name is not None).most_common()]
    number = {name: i for i, name in enumerate(names[:NO_LABEL])}
    for i, name in enumerate(given):
        groups[i] = NO_LABEL if name is None else number.get(name, NO_LABEL)
    return tuple(names), groups
