"""One step of gradient descent: which compiled function takes it, and what it is told."""

from contextlib import contextmanager
from functools import partial

import numpy as np

from embedlayer.kernels.cpu.cbow import cbow_step
from embedlayer.kernels.cpu.hot import OwnRows, own_bytes, shared_table
from embedlayer.kernels.cpu.simd import LANES
from embedlayer.kernels.cpu.skipgram import skipgram_step


def sgd_step(tables, batch, lr, mode, *, own=None):
    """As the contract says; ``own``, :class:`OwnRows` of these tables: what this thread keeps."""
    (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
    # numba compiles a function for each set of types: for None, without a trace of masks.
    masked = True if W_in.shape[1] % LANES else None
    windows, lr = (contexts, offsets, rows), np.float32(lr)
    tables = own.look(len(rows)) if own else (shared_table(W_in), shared_table(W_out))
    if mode.mean:
        return cbow_step(tables, windows, labels, lr, mode.divide, measured, masked)
    return skipgram_step(tables, windows, labels, lr, measured, masked)


@contextmanager
def worker_step(tables, share):
    """``sgd_step`` as one worker takes it for an epoch: of several, each keeps rows of its own."""
    if share.workers == 1:
        yield sgd_step
    else:
        with OwnRows(tables, share.tokens, share.workers) as own:
            yield partial(sgd_step, own=own)


def worker_bytes(shapes, width, share):
    """What all workers take beside the tables of these shapes."""
    return own_bytes(shapes, share.tokens, share.workers) if share.workers > 1 else 0
