"""What is drawn or walked at the output: the alias table and the Huffman tree of the counts.

Pure functions of the counts, in NumPy: they run once, before training.
"""

import heapq
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
    size = len(weights)
    share = np.asarray(weights, np.float64) * (size / np.sum(weights))
    alias = np.arange(size, dtype=np.int32)
    small = [int(i) for i in np.flatnonzero(share < 1.0)]
    large = [int(i) for i in np.flatnonzero(share >= 1.0)]
    left = share.tolist()
    while small and large:
        poor, rich = small.pop(), large[-1]
        alias[poor] = rich
        left[rich] -= 1.0 - left[poor]
        if left[rich] < 1.0:
            small.append(large.pop())
    for i in small + large:  # only rounding kept these from exactly one
        left[i] = 1.0
    return thresholds(np.asarray(left)), alias


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
    size = len(counts)
    heap = [(int(count), word) for word, count in enumerate(counts)]
    heapq.heapify(heap)
    parent = np.zeros(2 * size - 1, np.int32)
    bit = np.zeros(2 * size - 1, np.int8)
    for node in range(size, 2 * size - 1):
        (first_count, first), (second_count, second) = heapq.heappop(heap), heapq.heappop(heap)
        parent[first] = parent[second] = node
        bit[second] = 1
        heapq.heappush(heap, (first_count + second_count, node))
    return _paths(parent, bit, size)


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
