"""Windows that are held out: never trained on, but measured beside the training loss."""

import logging
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array, entries_of
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Batch
from embedlayer.rng import below, hash64, make_key

BLOCK, KEPT = 4096, 8  # stretches chosen at once, for several chunks, and how many such are kept
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

    The corpus is divided into stretches of 1 / share positions, and the window around one of each
    is held out. So nothing has to be asked of the other windows, and no part of a text has more.

    Args:
        seed: of the run.
        share: of all windows, above 0, at most 1.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._key, self._share = make_key(seed, "held-out"), share
        self._kept = lru_cache(KEPT)(self._chosen_in)

    def chosen(self, start: int, end: int) -> np.ndarray:
        """uint64, rising: the positions from ``start`` to before ``end`` that are held out."""
        first, last = int(start * self._share) - 1, int(end * self._share) + 1  # for rounding
        blocks = range(max(0, first) // BLOCK, last // BLOCK + 1)
        positions = np.concatenate([self._kept(block) for block in blocks])
        left, right = np.searchsorted(positions, np.array((start, end), np.uint64))
        return positions[left:right]

    def _chosen_in(self, block: int) -> np.ndarray:
        """uint64, (BLOCK,): those of so many stretches."""
        stretches = np.arange(block * BLOCK, (block + 1) * BLOCK + 1, dtype=np.uint64)
        starts = (stretches / self._share).astype(np.uint64)
        return starts[:-1] + below(hash64(self._key, stretches[:-1]), np.diff(starts))

    def split(self, batch: Batch, positions: Array, kept: Array, chosen: np.ndarray) -> Parts:
        """Take the windows that are held out from a batch, whose rows are changed in place.

        On a device this waits twice: how many there are decides sizes of arrays.

        Args:
            batch: the examples of a chunk.
            positions: int64, (B,): of its windows, rising; on a device −1 behind the last of them.
            kept: the tokens that subsampling kept.
            chosen: as :meth:`chosen` returns those of the chunk.
        """
        xp = array_module(positions)
        rising, wanted = positions.view(np.uint64), xp.asarray(chosen)
        places = xp.searchsorted(rising, wanted, side="left")
        behind = xp.searchsorted(rising, wanted, side="right")
        places = places[behind > places]  # not those that subsampling dropped
        entries, offsets = entries_of(batch.offsets, places)
        held_out = Batch(
            contexts=batch.contexts[entries],
            offsets=offsets,
            rows=batch.rows[places],
            labels=batch.labels if len(batch.labels) == 1 else batch.labels[places],
            measured=xp.ones(len(places), bool),
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
