"""How a chunk of a corpus becomes training examples."""

from types import ModuleType

import numpy as np

from embedlayer.arrays import Array
from embedlayer.device import Device
from embedlayer.kernels.arguments import Batch
from embedlayer.models.options import Word2Vec
from embedlayer.rng import make_key, thresholds
from embedlayer.text.corpus import Corpus
from embedlayer.training.chunks import Chunks, cut, reach_of
from embedlayer.training.held_out import HeldOut, Parts


class Examples:
    """The training examples of a corpus: a pure function of seed, corpus, model and epoch.

    Neither the size of the chunks nor the number of workers changes them.

    Args:
        corpus, model: the text and the options.
        seed: of all random choices.
        kernels, device: what computes them, and where.
        chunk_tokens: a chunk is the sentences that begin in so many tokens.
        measure: the loss is measured on 1 in so many windows, chosen by position.
        held_out: the share of windows that :meth:`parts` takes from those that are trained on.
        place: where the corpus lies, one of ``device.corpus_places``; default the first.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec,
        seed: int,
        kernels: ModuleType,
        device: Device,
        *,
        chunk_tokens: int,
        measure: int,
        held_out: float = 0.0,
        place: str = "",
    ) -> None:
        self.measure, self.seed, self.kernels, self.device = measure, seed, kernels, device
        self.half_widths, self.reach = model.half_widths, reach_of(model.window, corpus)
        keep = thresholds(corpus.vocabulary.keep_probabilities(model.sample))
        self.keep = device.xp.asarray(keep)
        self.outputs = model.outputs(corpus.vocabulary.counts, device)
        self.held_out = HeldOut(seed, held_out) if held_out else None
        place = place or device.corpus_places[0]
        self.chunks = Chunks(corpus, cut(corpus, chunk_tokens), device, place)

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self.chunks)

    def batch(self, epoch: int, chunk: int) -> tuple[Batch, Array]:
        """The examples of one chunk in one epoch, and how many of its tokens were kept.

        That number is int64; on a device it stays there, as to read it would be to wait.
        """
        batch, _, kept = self._made(epoch, chunk)
        return batch, kept

    def parts(self, epoch: int, chunk: int) -> Parts:
        """The same, what is held out apart."""
        batch, positions, kept = self._made(epoch, chunk)
        if self.held_out is None:
            return Parts(batch, None, kept)
        chosen = self.held_out.around(*self.chunks.starts[chunk : chunk + 2].tolist())
        chosen = self.device.xp.asarray(chosen)
        return Parts(batch, self.kernels.take_windows(batch, positions, chosen), kept)

    def _made(self, epoch: int, chunk: int) -> tuple[Batch, Array, Array]:
        """A batch, the positions of its windows, int64, (B,), and the tokens kept."""
        kernels, start = self.kernels, int(self.chunks.starts[chunk])
        ids, offsets = self.chunks[chunk]
        key = make_key(self.seed, "subsample", epoch)
        ids, offsets, positions = kernels.subsample(ids, offsets, start, self.keep, key)
        kept = offsets[-1]
        key = make_key(self.seed, "window", epoch)
        contexts, offsets, targets, positions = kernels.windows(
            ids, offsets, positions, *self.half_widths, self.reach, key
        )
        key = make_key(self.seed, "negative", epoch)
        rows, labels = self.outputs.rows(kernels, targets, positions, key)
        if (rows.dtype, labels.dtype) != (np.int32, np.float32):  # kernels would read them so
            raise TypeError(f"rows are {rows.dtype} and labels {labels.dtype}: int32 and float32")
        batch = Batch(contexts, offsets, rows, labels, self._measured(positions))
        return batch, positions, kept

    def _measured(self, positions: Array) -> Array:
        """Every so many positions; of a power of two by its bits, in an eighth of the time."""
        last_bits = self.measure - 1
        if self.measure & last_bits:
            return positions % self.measure == 0
        return positions & last_bits == 0
