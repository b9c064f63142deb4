"""The Huffman tree of the counts: a pure function of them, made once, before training."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HuffmanTree:
    """The Huffman code of every word: where it passes and which way it turns.

    Attributes:
        rows: int32, (V, L): the inner nodes on the way from the root to each word, then −1; inner
            nodes are numbered 0 … V − 2 from the root on, those of larger counts first, and L is
            the length of the longest code.
        labels: float32, (V, L): 1 where the code bit is 0, as in word2vec.c, and 0 elsewhere.
    """

    rows: np.ndarray
    labels: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64, (V,): the length of each word's code in bits."""
        return np.sum(self.rows >= 0, axis=1)


def huffman_tree(counts: np.ndarray) -> HuffmanTree:
    """The Huffman tree of the counts. (Huffman 1952; in word2vec: Mikolov et al. 2013.)

    Args:
        counts: int64, (V,), at least one word.
    """
    from embedlayer.models.outputs.pairing import join_rarest

    counts = np.asarray(counts, np.int64)
    parent, bit = join_rarest(counts, np.argsort(counts, kind="stable"))
    return _paths(parent, bit, len(counts))


def _paths(parent: np.ndarray, bit: np.ndarray, size: int) -> HuffmanTree:
    root = 2 * size - 2
    depth = np.zeros(2 * size - 1, np.int64)
    for node in range(root - 1, -1, -1):  # a parent's number is above its children's
        depth[node] = depth[parent[node]] + 1
    rows = np.full((size, max(1, int(depth[:size].max()))), -1, np.int32)
    labels = np.zeros(rows.shape, np.float32)
    words = np.arange(size)
    nodes = words
    while len(words):  # one level of every path at a time, from the leaves up
        above = depth[nodes] > 0
        words, nodes = words[above], nodes[above]
        level = depth[nodes] - 1
        rows[words, level] = root - parent[nodes]
        labels[words, level] = bit[nodes] == 0
        nodes = parent[nodes]
    return HuffmanTree(rows, labels)
