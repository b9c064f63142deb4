"""Hierarchical softmax: a target is a path through the Huffman tree of the counts."""

import math
from functools import partial
from types import ModuleType

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.backend import to_numpy
from embedlayer.device import Device
from embedlayer.models.outputs.huffman import huffman_tree
from embedlayer.models.outputs.protocol import OutputSizes

GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


class HierarchicalSoftmax:
    """Each target as the turns on its way from the root to its leaf.

    Morin and Bengio, "Hierarchical probabilistic neural network language model", AISTATS 2005.
    """

    options = ()

    def __init__(self, counts: np.ndarray, device: Device) -> None:
        tree = huffman_tree(counts)
        self.paths, self.labels = device.xp.asarray(tree.rows), device.xp.asarray(tree.labels)
        self.take = partial(device.xp.take, axis=0)  # of whole rows: thrice as fast as an index

    @staticmethod
    def sizes(words: int, tokens: int) -> OutputSizes:
        """One output row per inner node; a path of L turns takes words with Fibonacci's counts.

        Their sum is at least the golden ratio to the power of L (Katona and Nemetz, "Huffman codes
        and self-information", IEEE TIT 1976).
        """
        nodes = max(1, words - 1)
        width = max(1, min(nodes, int(math.log(tokens, GOLDEN_RATIO))))
        return OutputSizes(nodes, width, window_bytes=8 * width, bytes=8 * words * width)

    def rows(
        self, kernels: ModuleType, targets: Ids, positions: Array, key: np.uint64
    ) -> tuple[Ids, Array]:
        """The output rows, int32, (B, L), and their labels, float32, (B, L)."""
        return self.take(self.paths, targets), self.take(self.labels, targets)

    def scored(self, windows: np.ndarray) -> np.ndarray:
        """Each inner node by all words below it: float64, (V − 1,)."""
        paths = to_numpy(self.paths)
        weights = np.broadcast_to(windows[:, None], paths.shape)
        return np.bincount(paths[paths >= 0], weights[paths >= 0], max(1, len(windows) - 1))
