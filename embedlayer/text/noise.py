"""What is drawn or walked at the output: the alias table and the Huffman tree of the counts.

Pure functions of the counts: they run once, before training. Their loops are compiled, and
imported when one is first made.
"""

from dataclasses import dataclass

import numpy as np

FULL = 2**32


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The alias table of a distribution: one slot a word, two words a slot.

    A draw takes slot i, uniform on 0 … V − 1, and 32 random bits: word i when the bits are at most
    ``prob[i]``, else word ``alias[i]``. Probabilities are exact to 2**−32. (Vose, "A linear
    algorithm for generating random numbers with a given distribution", IEEE TSE 1991.)

    Args:
        weights: float64, (V,): not negative, their sum positive; scaled here to sum to one.

    Returns:
        prob: uint32, (V,), and alias: int32, (V,).
    """
    from embedlayer.text.pairing import pair_slots

    size = len(weights)
    share = np.asarray(weights, np.float64) * (size / np.sum(weights))
    alias = np.arange(size, dtype=np.int32)
    pair_slots(share, alias)
    return thresholds(share), alias


def thresholds(probability: np.ndarray) -> np.ndarray:
    """uint32 t such that "32 random bits are at most t" has this probability, to 2**−32.

    The smallest probability that can be told is 2**−32: a threshold of 0.
    """
    scaled = np.rint(np.asarray(probability, np.float64) * FULL) - 1
    return np.clip(scaled, 0, FULL - 1).astype(np.uint32)


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
    from embedlayer.text.pairing import join_rarest

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
