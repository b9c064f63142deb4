"""Words that a run watches: their neighbours at its first, middle and last epoch."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError, UnknownWordError, shown
from embedlayer.options import Whole
from embedlayer.storage.alike import did_you_mean
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.report import Progress
from embedlayer.vectors.samples import AMONG, neighbours, sample_words

MOST = 100


class Watching:
    """A callback that notes the neighbours of words.

    Args:
        words: that are watched.
        vocabulary: of the run.
        found: of the run so far; changed in place.
    """

    def __init__(
        self, words: Sequence[str], vocabulary: Vocabulary, found: list[dict[str, Any]]
    ) -> None:
        self._words, self._found = list(words), found
        common = {*vocabulary.words[:AMONG]}
        rare = [vocabulary[word] for word in words if word not in common and word in vocabulary]
        self._rows = 1 + max([AMONG - 1, *rare])  # that have all words looked at

    def __call__(self, progress: Progress) -> None:
        last = progress.epochs - 1
        if progress.epoch_done and progress.epoch in (0, last // 2, last):
            epoch = progress.epoch + 1
            self._found[:] = [one for one in self._found if one["epoch"] < epoch]
            told = neighbours(progress.vectors(limit=self._rows), self._words)
            self._found.append({"epoch": epoch, "neighbours": told})


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
