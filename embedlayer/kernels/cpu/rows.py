"""Compiled: the mean of bags of rows, and values added to rows."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def bag_mean(W, ids, offsets):
    means = np.zeros((len(offsets) - 1, W.shape[1]), W.dtype)
    for b in range(len(means)):
        for i in range(offsets[b], offsets[b + 1]):
            for d in range(W.shape[1]):
                means[b, d] += W[ids[i], d]
        size = max(1, offsets[b + 1] - offsets[b])
        for d in range(W.shape[1]):
            means[b, d] /= size
    return means


@njit(nogil=True, cache=True)
def scatter_add(W, rows, values):
    for i in range(len(rows)):
        if rows[i] >= 0:
            for d in range(W.shape[1]):
                W[rows[i], d] += values[i, d]
