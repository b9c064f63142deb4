"""The phrases of a text: candidates whose words stand together more often than by chance."""

import math

import numpy as np

from embedlayer.text.candidates import slots_for
from embedlayer.text.collecting import collect, enter, widened
from embedlayer.text.hashes import DIVIDED, KIND
from embedlayer.text.lanes import Lanes
from embedlayer.text.options import Phrase, PhraseOptions
from embedlayer.text.spellings import count_spellings, found_in

MARGIN = 1e-6  # NumPy's logarithm is another than Python's in the last bits


def find_phrases(text: Lanes) -> list[Phrase]:
    """The phrases of a text, the best first."""
    spellings = count_spellings(text)
    firsts, lasts, keys, words, bounds = _of_spellings(text, spellings.keys)
    counts = spellings.counts[np.searchsorted(spellings.keys, keys)]
    scores = _scores(
        spellings.words[firsts], spellings.words[lasts], counts, spellings.different,
        int(text.counted.counts.sum()), text.options,
    )  # fmt: skip
    chosen = np.flatnonzero(scores > text.options.limit)
    numbers = [words[start:end].tolist() for start, end in bounds[chosen].tolist()]
    different = sorted({word for phrase in numbers for word in phrase})
    spelt = dict(zip(different, text.counted.words_of(np.array(different, int)), strict=True))
    made = [
        Phrase(tuple([spelt[word] for word in phrase]), score, count)
        for phrase, score, count in zip(
            numbers, scores[chosen].tolist(), counts[chosen].tolist(), strict=True
        )
    ]
    return sorted(made, key=lambda phrase: (-phrase.score, phrase.words))


class _Collector:
    """The candidates of some spellings that one thread has met, each once."""

    def __init__(self, text: Lanes, keys: np.ndarray) -> None:
        self.text = text
        self.table = np.zeros((slots_for(len(keys)), 2), np.uint64)
        self.waiting = np.zeros(2 * len(self.table), np.uint8)
        enter(keys, self.table, self.waiting)
        self.alone = not (text.rows[:, KIND] & DIVIDED).any()
        self.used, self.taken = len(keys), 0
        self.pairs, self.spelt = np.empty(len(keys), np.uint64), np.empty(len(keys), np.uint64)
        self.words, self.ends = np.empty(3 * len(keys), np.int32), np.zeros(len(keys) + 1, np.int64)

    def __call__(self, _: int, ids: np.ndarray) -> int:
        keys, firsts, lasts, rest = found_in(self.text, ids)
        place = 0
        while True:
            place, self.used, self.taken = collect(
                keys, firsts, lasts, place, ids, self.text.rows, self.table, self.used,
                self.waiting, self.alone,
                self.pairs, self.spelt, self.words, self.ends, self.taken,
            )  # fmt: skip
            if place == len(keys):
                return rest
            self._make_room(int(lasts[place] - firsts[place]) + 1)

    def _make_room(self, words: int) -> None:
        if 2 * self.used >= len(self.table):
            larger = np.zeros((2 * len(self.table), 2), np.uint64)
            self.table = widened(self.table, larger)
        if self.taken == len(self.pairs):
            more = np.zeros(self.taken + 1, np.uint64)
            self.pairs, self.spelt = np.append(self.pairs, more), np.append(self.spelt, more)
            self.ends = np.append(self.ends, np.zeros(self.taken + 1, np.int64))
        if self.ends[self.taken] + words > len(self.words):
            self.words = np.append(self.words, np.zeros(len(self.words) + words, np.int32))


def _of_spellings(
    text: Lanes, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The different candidates with these spellings.

    Returns:
        Of each its first and its last word and its spelling; the words of all of them, and where
        those of each begin and end, (C, 2).
    """
    lanes = [_Collector(text, keys) for _ in range(text.threads)]
    text.go(lanes)
    words = np.concatenate([one.words[: one.ends[one.taken]] for one in lanes])
    begun = np.cumsum([0] + [int(one.ends[one.taken]) for one in lanes])
    bounds = np.concatenate(
        [
            begin + np.stack([one.ends[: one.taken], one.ends[1 : one.taken + 1]], 1)
            for begin, one in zip(begun, lanes, strict=False)
        ]
    )
    pairs = np.concatenate([one.pairs[: one.taken] for one in lanes])
    spelt = np.concatenate([one.spelt[: one.taken] for one in lanes])
    _, once = np.unique(pairs, return_index=True)
    bounds = bounds[once]
    return words[bounds[:, 0]], words[bounds[:, 1] - 1], spelt[once], words, bounds


def _scores(
    firsts: np.ndarray, lasts: np.ndarray, together: np.ndarray, different: int, total: int,
    options: PhraseOptions,
) -> np.ndarray:  # fmt: skip
    """How much more often than by chance the words of candidates occur together: float64, (C,)."""
    if options.score == "word2vec":
        return (together - options.min_count) / (firsts.astype(float) * lasts) * different
    shares = together / total
    expected = (firsts / total) * (lasts / total)
    with np.errstate(divide="ignore"):
        scores = np.log(shares / expected) / -np.log(shares)
    for i in np.flatnonzero(scores > options.limit - MARGIN).tolist():
        if shares[i] < 1:
            scores[i] = math.log(shares[i] / expected[i]) / -math.log(shares[i])
    return scores
