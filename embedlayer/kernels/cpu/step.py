"""One step of gradient descent: which compiled function takes it, and what it is told."""

import numpy as np

from embedlayer.kernels.cpu.cbow import cbow_step
from embedlayer.kernels.cpu.hot import hot_rows
from embedlayer.kernels.cpu.simd import LANES
from embedlayer.kernels.cpu.skipgram import skipgram_step


def sgd_step(
    W_in, W_out, contexts, offsets, rows, labels, lr, mean, divide, measured, *, threads=1
):
    """As the contract says; ``threads`` train on these tables at once."""
    # numba compiles a function for each set of types: for None, without a trace of masks.
    masked = True if W_in.shape[1] % LANES else None
    windows, lr = (contexts, offsets, rows), np.float32(lr)
    hot_in, every = hot_rows(W_in, len(rows), threads)
    hot_out, _ = hot_rows(W_out, len(rows), threads)
    hot = hot_in, hot_out, every, masked
    if mean:
        return cbow_step(W_in, W_out, windows, labels, lr, divide, measured, *hot)
    return skipgram_step(W_in, W_out, windows, labels, lr, measured, *hot)
