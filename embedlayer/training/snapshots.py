"""What a run has learnt so far, as vectors."""

from types import ModuleType
from typing import cast

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.options import Word2Vec
from embedlayer.ngrams import Subwords
from embedlayer.options import Whole
from embedlayer.text.corpus import Corpus
from embedlayer.training.options import TrainingOptions
from embedlayer.training.report import Report
from embedlayer.training.state import State
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors


class Snapshots:
    """The part of a run that makes vectors of its tables."""

    corpus: Corpus
    model: Word2Vec
    options: TrainingOptions
    lr: float
    min_lr: float
    state: State
    report: Report
    _inputs: Reader
    _kernels: ModuleType

    def vectors(self, limit: int | None = None) -> Vectors:
        """A copy of the vectors as they are now, with the words and how they were trained.

        Args:
            limit: only of so many words, the most frequent, and then without the output table.

        Raises:
            EmbedlayerError: a limit below 1.
        """
        vocabulary = self.corpus.vocabulary
        limit = limit if limit is None else Whole().checked("limit", limit)
        words, counts = vocabulary.words[:limit], vocabulary.counts[:limit]
        metadata = {
            **self.model.options(),
            "epochs": self.options.epochs,
            "lr": self.lr,
            "min_lr": self.min_lr,
            **self.report.origin(),
            "tokens": len(self.corpus.ids),
        }
        output = ngrams = None
        if self.options.keep_output and len(words) == len(vocabulary):
            output = to_numpy(self.state.tables.W_out)[:, : self.model.dim].copy()
        if self.model.subwords is not None:
            # Of a run that is done nothing changes them: no second copy of a large table.
            ngrams = self.ngrams(copied=self.state.epoch < self.options.epochs)
        return Vectors(words, self.rows(len(words)).copy(), counts, metadata, output, ngrams)

    def rows(self, words: int) -> np.ndarray:
        """float32, (words, D): vectors of the most frequent, fewer of a small vocabulary.

        On the host they are where training changes them.
        """
        table = self._inputs.vectors(self._kernels, self.state.tables.W_in, words)
        return to_numpy(table)[:, : self.model.dim]

    def ngrams(self, copied: bool = False) -> SubwordRows:
        """The rows of n-grams of a model that has them; a copy, or where training changes them."""
        rows = to_numpy(self.state.tables.W_in[len(self.corpus.vocabulary) :])
        rows = rows[:, : self.model.dim]
        return SubwordRows(cast(Subwords, self.model.subwords), rows.copy() if copied else rows)
