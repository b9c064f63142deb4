"""The training step in the open: the layers of the book and an optimizer in place of one kernel."""

import threading
from typing import Any

import numpy as np

from embedlayer.arrays import group_of_each
from embedlayer.backend import array_module
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.layers import Embedding, EmbeddingBag, EmbeddingDot, SigmoidWithLoss
from embedlayer.optim import OPTIMIZERS


class LayeredStep:
    """Called as ``kernels.sgd_step`` is, with the same meaning; any optimizer makes the update.

    With 'sgd' it equals ``reference.sgd_step``. It is slow, and there to be read and changed.

    Args:
        optimizer: a name in ``embedlayer.optim.OPTIMIZERS``; its state lasts from call to call.
    """

    def __init__(self, optimizer: str = "sgd") -> None:
        self.optimizer = OPTIMIZERS[optimizer]()
        self._alone = threading.Lock()  # the optimizer's state is one: one thread at a time

    def __call__(self, tables: Tables, batch: Batch, lr: float, mode: Mode) -> tuple[float, int]:
        (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
        xp = array_module(W_in)
        sizes = xp.diff(offsets)
        labels = xp.where((rows < 0) | (sizes == 0)[:, None], np.float32(-1), labels)
        dot, loss = EmbeddingDot(W_out, sparse=True), SigmoidWithLoss()
        hidden: Any
        if mode.mean:
            hidden = EmbeddingBag(W_in, "mean", sparse=True)
            h = hidden.forward(contexts, offsets)
        else:
            hidden = Embedding(W_in, sparse=True)
            h = hidden.forward(contexts)
            window = group_of_each(offsets, len(contexts))
            rows, labels, measured = rows[window], labels[window], measured[window]

        scores = dot.forward(h, rows)
        loss.forward(scores, labels)
        dh = dot.backward(loss.backward(len(scores)))  # the loss layer means, the kernels sum
        if mode.mean and not mode.divide:
            dh *= sizes[:, None].astype(dh.dtype)  # undoes the division in the bag's backward
        hidden.backward(dh)
        with self._alone:
            self.optimizer.lr = lr
            self.optimizer.update([W_in, W_out], [hidden.grads[0], dot.grads[0]])

        pairs = int((labels[measured] != -1).sum())
        return loss.forward(scores[measured], labels[measured]) * int(measured.sum()), pairs
