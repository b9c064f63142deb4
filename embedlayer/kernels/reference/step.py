"""The training step, on all windows at once: it reads both tables as they were before the call."""

from typing import Any

import numpy as np

from embedlayer.arrays import group_of_each
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
    (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
    xp = array_module(W_in)
    if len(rows) == 0:
        return 0.0, 0
    window = group_of_each(offsets, len(contexts))
    if mode.mean:
        hidden, window_of_hidden = bag_sum(W_in, contexts, offsets, True), xp.arange(len(rows))
    else:
        hidden, window_of_hidden = W_in[contexts], window

    real = ((rows >= 0) & (xp.diff(offsets) > 0)[:, None])[window_of_hidden]
    label = xp.broadcast_to(labels, rows.shape)[window_of_hidden].astype(W_in.dtype)
    output = W_out[xp.maximum(rows, 0)][window_of_hidden]
    score = xp.einsum("hd,hrd->hr", hidden, output)
    step = xp.where(real, label - _sigmoid(xp, score), 0).astype(W_in.dtype) * W_in.dtype.type(lr)

    hidden_step = xp.einsum("hr,hrd->hd", step, output)
    output_step = step[:, :, None] * hidden[:, None, :]
    if mode.mean:
        hidden_step = hidden_step[window]
        if mode.divide:
            hidden_step /= xp.diff(offsets)[window, None].astype(W_in.dtype)
    scatter_add(W_in, contexts, hidden_step)
    flat_rows = rows[window_of_hidden].reshape(-1)
    scatter_add(W_out, flat_rows, output_step.reshape(len(flat_rows), W_out.shape[1]))

    counted = real & measured[window_of_hidden, None]
    toward_zero = xp.where(label > 0, -score, score).astype(np.float64)
    loss = xp.where(counted, xp.logaddexp(0.0, toward_zero), 0.0).sum()
    return float(loss), int(counted.sum())


def _sigmoid(xp: Any, score: Any) -> Any:
    return 0.5 * (1.0 + xp.tanh(0.5 * score))
