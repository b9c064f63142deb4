"""Compiled: the mean of a word's own row and the rows of its n-grams."""

import numpy as np

from embedlayer.storage.compiled import compiled


@compiled
def add_means(
    sums: np.ndarray, sizes: np.ndarray, table: np.ndarray, offsets: np.ndarray, rows: np.ndarray
) -> None:
    """Add the rows of each word's n-grams, one after the other as fastText does, and divide.

    Args:
        sums: float32, (n, D): own rows, or zeros; receives the means.
        sizes: int64, (n,): 1 where there is an own row, else 0; receives how many rows a mean has.
        table: float32, (T, D).
        offsets: int64, (n + 1,).
        rows: int64: those of the table that word i adds are ``rows[offsets[i]:offsets[i + 1]]``;
            −1 is none.
    """
    dim = sums.shape[1]
    for word in range(len(sums)):
        for place in range(offsets[word], offsets[word + 1]):
            row = rows[place]
            if row >= 0:
                sizes[word] += 1
                for i in range(dim):
                    sums[word, i] += table[row, i]
        if sizes[word] > 0:
            share = np.float32(1 / sizes[word])
            for i in range(dim):
                sums[word, i] *= share
