"""Negative sampling: a target is scored against words drawn as noise."""

from types import ModuleType

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.backend import to_numpy
from embedlayer.device import Device
from embedlayer.models.outputs.alias import alias_table
from embedlayer.models.outputs.protocol import OutputSizes

APART = 6  # windows that share their negatives are 2**APART positions from each other


class NegativeSampling:
    """Each target against K words drawn from the noise distribution, counts**power.

    Mikolov et al., "Distributed representations of words and phrases and their compositionality",
    NIPS 2013, section 2.2; here the K draws are shared by all the contexts of a window, as in Ji
    et al., "Parallelizing word2vec in shared and distributed memory", 2016, and in CBOW by 16
    windows that lie 64 positions apart. So their rows are still in the cache when they are used
    again, and the windows are too far from each other to have contexts in common: of 16 neighbours,
    which do, the draws would be 16 times the same lesson (docs/design.md, section 5).

    Args:
        counts: int64, (V,).
        device: of the alias table and the labels.
        negative: K.
        noise_power: the power.
        sharing_windows: how many windows share their draws, a power of two.
    """

    options = ("negative", "noise_power", "sharing_windows")

    def __init__(
        self,
        counts: np.ndarray,
        device: Device,
        *,
        negative: int,
        noise_power: float,
        sharing_windows: int,
    ) -> None:
        xp = device.xp
        prob, alias = alias_table(counts.astype(np.float64) ** noise_power)
        self.prob, self.alias = xp.asarray(prob), xp.asarray(alias)
        self.negative, self.shift = negative, sharing_windows.bit_length() - 1
        self.labels = xp.zeros((1, 1 + negative), np.float32)
        self.labels[0, 0] = 1

    @staticmethod
    def sizes(
        words: int, tokens: int, *, negative: int, noise_power: float, sharing_windows: int
    ) -> OutputSizes:
        """One output row per word; a window has its target and K draws."""
        width = 1 + negative
        return OutputSizes(words, width, window_bytes=4 * width, bytes=8 * words)

    def rows(
        self, kernels: ModuleType, targets: Ids, positions: Array, key: np.uint64
    ) -> tuple[Ids, Array]:
        """The output rows, int32, (B, 1 + K), and their labels, float32, (1, 1 + K)."""
        shared = self._shared(positions)
        rows = kernels.draw(self.prob, self.alias, targets, shared, self.negative, key)
        return rows, self.labels

    def scored(self, windows: np.ndarray) -> np.ndarray:
        """Each word as a target, and K times for each window as noise: float64, (V,)."""
        own = (to_numpy(self.prob) + 1.0) / 2**32
        noise = own + np.bincount(to_numpy(self.alias), 1 - own, len(own))
        return windows + self.negative * windows.sum() * noise / len(own)

    def _shared(self, positions: Array) -> Array:
        """One number for all positions that share their draws: of one place in one block."""
        if self.shift == 0:
            return positions
        shared = positions >> (APART + self.shift)
        shared <<= APART
        shared |= positions & ((1 << APART) - 1)
        return shared
