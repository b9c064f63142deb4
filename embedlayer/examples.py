"""How a chunk of a corpus becomes training examples."""

from types import ModuleType
from typing import Any

import numpy as np

from embedlayer import rng
from embedlayer.chunks import Chunks, StreamedChunks, cut
from embedlayer.kernels.arguments import Batch
from embedlayer.models import LOSSES, Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.text.noise import thresholds


class Examples:
    """The training examples of a corpus: a pure function of seed, corpus, model and epoch.

    Neither the chunk size nor the number of workers changes them.

    Args:
        corpus, model: the text and the options.
        seed: of all random choices.
        kernels, xp: what computes them, and on which arrays.
        chunk_tokens: a chunk is the sentences that begin in this many tokens.
        measure: the loss is measured on 1 in this many windows, chosen by position.
        streamed: the corpus goes to the device chunk by chunk, and is not kept there.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec,
        seed: int,
        kernels: ModuleType,
        xp: Any,
        *,
        chunk_tokens: int,
        measure: int,
        streamed: bool = False,
    ) -> None:
        self.model, self.seed = model, seed
        self.kernels, self.measure = kernels, measure
        keep = thresholds(corpus.vocabulary.keep_probabilities(model.sample))
        self.keep = xp.asarray(keep)
        self.loss = LOSSES[model.loss](corpus.vocabulary, model, xp)
        self.chunks = (StreamedChunks if streamed else Chunks)(
            corpus, cut(corpus, chunk_tokens), xp
        )

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self.chunks)

    def batch(self, epoch: int, chunk: int) -> tuple[Batch, Any]:
        """The examples of one chunk in one epoch, and how many of its tokens were kept.

        That number is int64; on a device it stays there, as to read it would be to wait.
        """
        kernels, start = self.kernels, int(self.chunks.starts[chunk])
        ids, offsets = self.chunks[chunk]
        key = self._key("subsample", epoch)
        ids, offsets, positions = kernels.subsample(ids, offsets, start, self.keep, key)
        kept = offsets[-1]
        key = self._key("window", epoch)
        contexts, offsets, targets, positions = kernels.windows(
            ids, offsets, positions, self.model.window, key
        )
        key = self._key("negative", epoch)
        rows, labels = self.loss.rows(kernels, targets, positions, key)
        measured = positions % self.measure == 0
        return Batch(contexts, offsets, rows, labels, measured), kept

    def _key(self, purpose: str, epoch: int) -> np.uint64:
        return rng.make_key(self.seed, purpose, epoch)
