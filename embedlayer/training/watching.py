"""Words that a run watches: their neighbours at its first, middle and last epoch."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError, UnknownWordError, shown
from embedlayer.options import Whole
from embedlayer.storage.alike import did_you_mean
from embedlayer.training.report import Progress
from embedlayer.training.snapshots import Snapshots
from embedlayer.vectors.samples import AMONG, nearest_common, sample_words

MOST = 100
NONE = -1  # the row of a word that is made of its n-grams


class Watching:
    """A callback that notes the neighbours of words.

    Args:
        words: that are watched.
        run: whose rows are looked at where they lie, when no worker is at work.
    """

    def __init__(self, words: Sequence[str], run: Snapshots) -> None:
        vocabulary = run.corpus.vocabulary
        row_of = dict(zip(vocabulary.words[:AMONG], range(AMONG), strict=False))
        rare = [word for word in words if word not in row_of and word in vocabulary]
        row_of |= {word: vocabulary[word] for word in rare}
        self._words, self._rows = list(words), [row_of.get(word, NONE) for word in words]
        self._run, self._found = run, run.state.neighbours

    def __call__(self, progress: Progress) -> None:
        last = progress.epochs - 1
        if progress.epoch_done and progress.epoch in (0, last // 2, last):
            epoch = progress.epoch + 1
            self._found[:] = [one for one in self._found if one["epoch"] < epoch]
            self._found.append({"epoch": epoch, "neighbours": self._neighbours()})

    def _neighbours(self) -> dict[str, list[list[Any]]]:
        run, rows, words = self._run, np.array(self._rows), self._run.corpus.vocabulary.words
        table = run.rows(max(AMONG, 1 + int(rows.max())))
        vectors = table[rows]
        made = [word for word, row in zip(self._words, self._rows, strict=True) if row == NONE]
        if made:
            vectors[rows == NONE] = run.ngrams().means(made).vectors
        told = nearest_common(table[:AMONG], words, vectors, self._rows)
        return dict(zip(self._words, told, strict=True))


def watched_words(watch: int | Sequence[str], words: Sequence[str], made: bool) -> list[str]:
    """The words to watch: those that are named, or so many, neither the commonest nor rare.

    Args:
        watch: words, or their number.
        words: of the vocabulary, the commonest first.
        made: whether others have vectors, too, made of their n-grams.

    Raises:
        EmbedlayerError: neither words nor a number. UnknownWordError: a word without a vector.
    """
    if isinstance(watch, str) or not isinstance(watch, int | np.integer | Sequence):
        raise EmbedlayerError(f"watch is {shown(watch)}: give a list of words, or their number")
    if not isinstance(watch, Sequence):
        return sample_words(words, Whole(0, MOST).checked("watch", watch))
    known = set(words)
    for word in watch:
        if not isinstance(word, str) or (word not in known and not made):
            raise UnknownWordError(
                f"unknown word {shown(word)}: it cannot be watched, as it is not among the "
                f"{len(words):,} words of the vocabulary",
                partial(did_you_mean, word, words, known),
            )
    return list(dict.fromkeys(watch))
