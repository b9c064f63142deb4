"""One step of gradient descent, and the loss without one: which compiled function, which rows."""

from contextlib import contextmanager
from functools import partial

import numpy as np

from embedlayer.kernels.cpu.local import LocalRows, count_local_rows, table_layout
from embedlayer.kernels.cpu.simd.memory import FLOAT
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.bags import bag_step
from embedlayer.kernels.cpu.step.cbow import cbow_step
from embedlayer.kernels.cpu.step.loss import window_loss
from embedlayer.kernels.cpu.step.skipgram import skipgram_step


def sgd_step(tables, batch, lr, mode, *, local=None, bags=None):
    """As the contract says; ``local``: the :class:`LocalRows` of this thread.

    A table to which the local rows do not belong is used as it is. With ``bags`` contexts are
    words, and the result is that of ``bag_means``, this step and ``add_to_bags``, piece by piece.
    """
    if local:
        layouts = local.layouts(tables, batch.windows)
    else:
        layouts = table_layout(tables.W_in), table_layout(tables.W_out)
    masked = _masked(tables)
    if bags is not None:
        divide = mode.divide if mode.mean else None
        return bag_step(tables.W_in, layouts[1], batch, bags, np.float32(lr), divide, masked)
    if mode.mean:
        return cbow_step(layouts, batch, np.float32(lr), mode.divide, masked)
    return skipgram_step(layouts, batch, np.float32(lr), masked)


def batch_loss(tables, batch, mode):
    """As the contract says; of rows that a thread keeps apart, what the table has of them."""
    return window_loss(tables, batch, mode.mean, _masked(tables))


def _masked(tables):
    """numba compiles a function for each set of types: for None, without masks."""
    return True if tables.W_in.shape[1] % LANES else None


@contextmanager
def worker_step(tables, share):
    """``sgd_step`` as one worker takes it for an epoch: each of several workers has local rows."""
    if share.workers == 1:
        yield sgd_step
    else:
        with LocalRows(tables, share.tokens, share.workers) as local:
            yield partial(sgd_step, local=local)


def worker_bytes(shapes, width, share):
    """The bytes of the local rows of all workers, for tables of these shapes."""
    if share.workers == 1:
        return 0
    counts = [count_local_rows(shape, share.tokens, share.workers) for shape in shapes]
    floats = sum(count * columns for count, (_, columns) in zip(counts, shapes, strict=True))
    return 2 * floats * FLOAT * share.workers  # the rows and their base values
