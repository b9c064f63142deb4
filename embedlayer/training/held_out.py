"""Windows that are held out: never trained on, but measured beside the training loss."""

import logging
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array
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

    def around(self, start: int, end: int) -> np.ndarray:
        """uint64, rising: positions held out, all from ``start`` to before ``end`` among them."""
        first, last = int(start * self._share) - 1, int(end * self._share) + 1  # for rounding
        first, last = max(0, first) // BLOCK, last // BLOCK
        if first == last:
            return self._kept(first)
        return np.concatenate([self._kept(block) for block in range(first, last + 1)])

    def _chosen_in(self, block: int) -> np.ndarray:
        """uint64, (BLOCK,): those of so many stretches."""
        stretches = np.arange(block * BLOCK, (block + 1) * BLOCK + 1, dtype=np.uint64)
        starts = (stretches / self._share).astype(np.uint64)
        return starts[:-1] + below(hash64(self._key, stretches[:-1]), np.diff(starts))


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
