"""Words and their n-grams as inputs: fastText's, a bag of rows for every word."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from embedlayer.arrays import Array, Ids, Table, offsets_of
from embedlayer.device import Device
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Batch, Tables
from embedlayer.ngrams import Subwords, bags

MOST_ROWS = 2**31 - 1  # kernels number rows in int32
WORDS_PER_WINDOW = 4  # see default_shared_windows


class WordsAndNgrams:
    """A word reads the mean of its own row and of the rows of its n-grams.

    Rows 0 … V − 1 of ``W_in`` are the words' own; bucket b of the n-grams is row V + b. (Bojanowski
    et al., "Enriching word vectors with subword information", TACL 2017; as fastText does, the mean
    and not the sum is the hidden vector, and its gradient goes whole to every row of the bag.)

    For a piece of text, the means of its distinct words are made once. The step trains them as if
    they were word rows, and then the change of each is added to every row of its bag. So a bag is
    read and written once for a piece and not once for each pair.
    """

    options = ("subwords",)
    start = 0.8  # the mean of a bag, of some twenty rows, is then about as long as a word's row
    shared, in_bags = True, True

    def __init__(self, words: Sequence[str], device: Device, *, subwords: Subwords) -> None:
        self.table_rows(len(words), subwords=subwords)
        ids, offsets = rows_of_words(words, subwords)
        self._ids, self._offsets = device.xp.asarray(ids), device.xp.asarray(offsets)
        self._all = device.xp.arange(len(words), dtype=np.int32)
        self.nbytes = ids.nbytes + offsets.nbytes + 4 * len(words)

    @staticmethod
    def table_rows(words: int, *, subwords: Subwords) -> int:
        if words + subwords.buckets > MOST_ROWS:
            raise EmbedlayerError(
                f"{words:,} words and their n-grams need {words + subwords.buckets:,} rows of the "
                f"input table, which has {MOST_ROWS:,} at most: lower the buckets"
            )
        return words + subwords.buckets

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        words, table, places = self._means(kernels, tables.W_in, batch.contexts)
        before = table.copy()
        yield Tables(table, tables.W_out), batch._replace(contexts=places)
        table -= before
        kernels.add_to_bags(tables.W_in, self._ids, self._offsets, words, table)

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        _, table, places = self._means(kernels, tables.W_in, batch.contexts)
        return Tables(table, tables.W_out), batch._replace(contexts=places)

    def bags(self) -> tuple[Ids, Array]:
        return self._ids, self._offsets

    def vectors(self, kernels: ModuleType, W_in: Table, words: int) -> Table:
        return kernels.bag_means(W_in, self._ids, self._offsets, self._all[:words])

    def _means(self, kernels: ModuleType, W_in: Table, contexts: Ids) -> tuple[Ids, Table, Ids]:
        """The distinct words of contexts, the means of their bags, and the contexts' numbers."""
        words, places = kernels.distinct(contexts, len(self._all))
        return words, kernels.bag_means(W_in, self._ids, self._offsets, words), places


def default_shared_windows(words: int, device: Device) -> int:
    """For how many windows the bags of a vocabulary of so many words are read once.

    An n-gram gets the sum of what all words that have it learn in these windows, none of which sees
    what the others do. On 20 MB of English (skip-gram, n-grams of 3 to 6) the loss was the same
    with 64 to 512 windows, higher in the first epoch with 8,192, and with 32,768 it diverged; of 48
    words that share their n-grams it rose with 128. docs/subwords.md has the table.
    """
    return max(1, min(device.shared_windows, words // WORDS_PER_WINDOW))


def rows_of_words(words: Sequence[str], subwords: Subwords) -> tuple[np.ndarray, np.ndarray]:
    """The rows of each word's bag: its own, then those of its n-grams.

    Returns:
        ids: int32, and their offsets: int64, (V + 1,).
    """
    size = len(words)
    starts, buckets = bags(words, subwords)
    offsets = offsets_of(np.diff(starts) + 1)
    ids = np.empty(len(buckets) + size, np.int32)
    is_own = np.zeros(len(ids), bool)
    is_own[offsets[:-1]] = True
    ids[is_own] = np.arange(size, dtype=np.int32)
    ids[~is_own] = buckets + size
    return ids, offsets
