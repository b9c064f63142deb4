"""How often each spelling of candidates for phrases occurs: counted in bounded memory.

The text is gone through twice: how many candidates each part of their hashes has; then the hashes,
dealt to their parts, as many parts at a time as there is room for.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from embedlayer.text.candidates import candidates, count_parts, deal, tally
from embedlayer.text.hashes import CONNECTOR, DIVIDED, GOLDEN, KIND, OWN
from embedlayer.text.lanes import Lane, Lanes

MOST_KEYS = 1 << 26  # hashes in memory at once, 8 bytes each
PART_KEYS = 1 << 14  # of them in a part: their table stays in a core's cache
MOST_PARTS = 1 << 16


class Spellings(NamedTuple):
    """How often each spelling occurs, as words and as candidates together.

    Attributes:
        keys: uint64, rising: the hashes of candidates that occur often enough.
        counts: int64: of each.
        words: int64, (M,): of each word.
        different: the number of different spellings; connectors are none.
    """

    keys: np.ndarray
    counts: np.ndarray
    words: np.ndarray
    different: int


def count_spellings(text: Lanes) -> Spellings:
    """Count the candidates of a text, and the words that are spelt as one of them."""
    counts = text.counted.counts
    parts = _parts(int(counts.sum()))
    tallies = np.zeros((text.threads, parts), np.int64)
    text.go([_tallying(text, one) for one in tallies])
    alive = (counts > 0) & (text.rows[:, KIND] & CONNECTOR == 0)
    words = _WordsOfParts(text, counts, alive, parts)
    found = [
        counted
        for first, last in _rounds(tallies.sum(0))
        for counted in _counted(text, tallies, first, last, words)
    ]
    keys, often = (np.concatenate([one[column] for one in found]) for column in (0, 1))
    order = np.argsort(keys)
    of_words = counts.copy()
    of_words[words.numbers] += words.found
    different = sum(one[2] for one in found) + int(alive.sum()) - int((words.found > 0).sum())
    return Spellings(keys[order], often[order], of_words, different)


class _WordsOfParts:
    """The words that a candidate may be spelt as, by the parts of their hashes."""

    def __init__(self, text: Lanes, counts: np.ndarray, alive: np.ndarray, parts: int) -> None:
        numbers = np.flatnonzero(alive & (text.rows[:, KIND] & DIVIDED != 0))
        self.numbers = numbers[np.argsort(text.rows[numbers, OWN] * GOLDEN)]
        self.hashes, self.counts = text.rows[self.numbers, OWN], counts[self.numbers]
        self.found = np.zeros(len(numbers), np.int64)
        part = self.hashes * GOLDEN >> np.uint64(65 - parts.bit_length())
        self.ends = np.searchsorted(part, np.arange(parts + 1, dtype=np.uint64))


def _parts(keys: int) -> int:
    """A power of two: so many parts that the table of one is small."""
    return min(MOST_PARTS, max(2, 1 << (keys // PART_KEYS).bit_length()))


def found_in(text: Lanes, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The candidates of some ids: their hashes and places, and where the last one begins."""
    keys = np.empty(len(ids), np.uint64)
    firsts, lasts = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    found, rest = candidates(ids, text.rows, keys, firsts, lasts)
    return keys[:found], firsts[:found], lasts[:found], rest


def _tallying(text: Lanes, parts: np.ndarray) -> Lane:
    def lane(_: int, ids: np.ndarray) -> int:
        keys, *_places, rest = found_in(text, ids)
        tally(keys, parts)
        return rest

    return lane


def _dealing(text: Lanes, parts: int, first: int, places: np.ndarray, dealt: np.ndarray) -> Lane:
    def lane(_: int, ids: np.ndarray) -> int:
        keys, *_places, rest = found_in(text, ids)
        deal(keys, parts, first, places, dealt)
        return rest

    return lane


def _rounds(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """The first part of each round, and the one behind its last: MOST_KEYS, or a single part."""
    first = keys = 0
    for part, size in enumerate(sizes.tolist()):
        if keys and keys + size > MOST_KEYS:
            yield first, part
            first, keys = part, 0
        keys += size
    yield first, len(sizes)


def _counted(
    text: Lanes, tallies: np.ndarray, first: int, last: int, words: _WordsOfParts
) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """The keys of a round that occur often enough, their counts, and how many there are."""
    sizes = tallies[:, first:last]
    bounds = np.zeros(last - first + 1, np.int64)
    np.cumsum(sizes.sum(0), out=bounds[1:])
    dealt = np.empty(bounds[-1], np.uint64)
    places = bounds[:-1] + np.cumsum(sizes, 0) - sizes
    text.go([_dealing(text, tallies.shape[1], first, one, dealt) for one in places])

    def count(cut: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
        begin, end = cut
        of_words = words.ends[first + begin : first + end + 1]
        bounds_here = bounds[begin : end + 1]
        return count_parts(
            dealt,
            bounds_here,
            words.hashes,
            of_words,
            words.counts,
            text.options.min_count,
            words.found,
        )

    with ThreadPoolExecutor(text.threads) as pool:
        cuts = np.linspace(0, last - first, 4 * text.threads + 1).astype(int).tolist()
        return list(pool.map(count, pairwise(cuts)))
