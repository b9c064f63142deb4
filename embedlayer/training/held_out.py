"""Windows that are held out: never trained on, but measured beside the training loss."""

import logging
from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array, entries_of
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Batch
from embedlayer.rng import HIGH, hash64, make_key, thresholds

FEW = 100  # windows of an epoch, whose loss tells little

_log = logging.getLogger("embedlayer")


class Parts(NamedTuple):
    """The examples of a chunk.

    Attributes:
        trained: all windows; those that are held out have no output rows, and teach nothing.
        held_out: the others, as they were; None where nothing is held out.
        kept: int64: the tokens that subsampling kept.
    """

    trained: Batch
    held_out: Batch | None
    kept: Array


class HeldOut:
    """The choice of windows: by seed and position alone, so that it is the same in every epoch.

    Args:
        seed: of the run.
        share: of all windows, above 0.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._key = make_key(seed, "held-out")
        self._threshold = np.uint64(thresholds(np.array([share]))[0])

    def chosen(self, positions: Array) -> Array:
        """bool, (B,): whether the windows around these positions of the corpus are held out."""
        key = array_module(positions).asarray(self._key)
        return (hash64(key, positions.astype(np.uint64)) >> HIGH) <= self._threshold

    def split(self, batch: Batch, positions: Array, kept: Array) -> Parts:
        """Take the windows that are held out from a batch, whose rows are changed in place.

        On a device this waits twice: how many there are decides sizes of arrays.
        """
        places = array_module(positions).flatnonzero(self.chosen(positions))
        entries, offsets = entries_of(batch.offsets, places)
        held_out = Batch(
            contexts=batch.contexts[entries],
            offsets=offsets,
            rows=batch.rows[places],
            labels=batch.labels if len(batch.labels) == 1 else batch.labels[places],
            measured=array_module(positions).ones(len(places), bool),
        )
        batch.rows[places] = -1
        return Parts(batch, held_out, kept)


def check_held_out(share: float, tokens: int, kept: float) -> None:
    """Warn of a loss that tells little, of a text of so many tokens of which an epoch keeps some.

    Raises:
        EmbedlayerError: hardly a token is held out.
    """
    if 0 < share * tokens < 1:
        raise EmbedlayerError(
            f"held_out {share:g} of the {tokens:,} tokens is less than one: raise it "
            "(--held-out 1%), or leave it out"
        )
    if 0 < share * kept < FEW:
        _log.warning(
            "held_out %g leaves about %.0f windows: their loss tells little, raise it (--held-out)",
            share,
            share * kept,
        )
