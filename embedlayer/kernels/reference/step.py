"""The training step, on all windows at once: it reads both tables as they were before the call."""

from typing import Any, NamedTuple

import numpy as np

from embedlayer.arrays import Array, group_of_each
from embedlayer.backend import array_module
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.kernels.reference.rows import bag_sum, scatter_add


def sgd_step(tables: Tables, batch: Batch, lr: float, mode: Mode) -> tuple[float, int]:
    """One step of stochastic gradient descent on the logistic loss of B windows, in place.

    The loss of a hidden vector h and an output row o with label y is −log σ(h·o) for y = 1 and
    −log σ(−h·o) for y = 0 (Mikolov et al., "Distributed representations of words and phrases and
    their compositionality", NIPS 2013, eq. 4).

    Args:
        tables: of any float dtype here; changed in place.
        batch: the windows.
        lr: the learning rate.
        mode: how the hidden vectors are formed.

    Returns:
        The summed loss (float64) and the number of (hidden, output) pairs of measured windows.
    """
    (W_in, W_out), (contexts, offsets, rows, _, _) = tables, batch
    xp = array_module(W_in)
    if len(rows) == 0:
        return 0.0, 0
    found = _scored(tables, batch, mode)
    step = xp.where(found.real, found.label - _sigmoid(xp, found.score), 0)
    step = step.astype(W_in.dtype) * W_in.dtype.type(lr)

    hidden_step = xp.einsum("hr,hrd->hd", step, found.output)
    output_step = step[:, :, None] * found.hidden[:, None, :]
    if mode.mean:
        window = group_of_each(offsets, len(contexts))
        hidden_step = hidden_step[window]
        if mode.divide:
            hidden_step /= xp.diff(offsets)[window, None].astype(W_in.dtype)
    scatter_add(W_in, contexts, hidden_step)
    flat_rows = rows[found.window].reshape(-1)
    scatter_add(W_out, flat_rows, output_step.reshape(len(flat_rows), W_out.shape[1]))
    return _loss(found, batch)


def batch_loss(tables: Tables, batch: Batch, mode: Mode) -> tuple[float, int]:
    """What :func:`sgd_step` returns; no row is changed."""
    return _loss(_scored(tables, batch, mode), batch) if len(batch.rows) else (0.0, 0)


class _Scored(NamedTuple):
    """H hidden vectors, and their output rows.

    Attributes:
        hidden: (H, D).
        window: (H,): the window that each belongs to.
        real: bool, (H, R): the output rows that are rows, of windows that have contexts.
        label, score: (H, R).
        output: (H, R, D).
    """

    hidden: Array
    window: Array
    real: Array
    label: Array
    score: Array
    output: Array


def _scored(tables: Tables, batch: Batch, mode: Mode) -> _Scored:
    (W_in, W_out), (contexts, offsets, rows, labels, _) = tables, batch
    xp = array_module(W_in)
    if mode.mean:
        hidden, window = bag_sum(W_in, contexts, offsets, True), xp.arange(len(rows))
    else:
        hidden, window = W_in[contexts], group_of_each(offsets, len(contexts))
    real = ((rows >= 0) & (xp.diff(offsets) > 0)[:, None])[window]
    label = xp.broadcast_to(labels, rows.shape)[window].astype(W_in.dtype)
    output = W_out[xp.maximum(rows, 0)][window]
    score = xp.einsum("hd,hrd->hr", hidden, output)
    return _Scored(hidden, window, real, label, score, output)


def _loss(found: _Scored, batch: Batch) -> tuple[float, int]:
    xp = array_module(found.score)
    counted = found.real & batch.measured[found.window, None]
    toward_zero = xp.where(found.label > 0, -found.score, found.score).astype(np.float64)
    loss = xp.where(counted, xp.logaddexp(0.0, toward_zero), 0.0).sum()
    return float(loss), int(counted.sum())


def _sigmoid(xp: Any, score: Any) -> Any:
    return 0.5 * (1.0 + xp.tanh(0.5 * score))
