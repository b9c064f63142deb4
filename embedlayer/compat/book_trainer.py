"""The book's training loop, and what it does to gradients before an update."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from embedlayer.backend import array_module
from embedlayer.layers import RowGrad
from embedlayer.optim import Optimizer


class Trainer:
    """Trains a model that has ``forward(x, t)``, ``backward()``, ``params`` and ``grads``."""

    def __init__(self, model: Any, optimizer: Optimizer) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss_list: list[float] = []
        self.eval_interval = 20

    def fit(
        self,
        x: Any,
        t: Any,
        max_epoch: int = 10,
        batch_size: int = 32,
        max_grad: float | None = None,
        eval_interval: int = 20,
    ) -> None:
        """Train on shuffled batches; every ``eval_interval`` batches the mean loss is printed."""
        self.eval_interval, losses = eval_interval, []
        for epoch, i, batch in _batches(x, max_epoch, batch_size):
            losses.append(self.model.forward(x[batch], t[batch]))
            self.model.backward()
            params, grads = remove_duplicate(self.model.params, self.model.grads)
            if max_grad is not None:
                clip_grads(grads, max_grad)
            self.optimizer.update(params, grads)
            if eval_interval is not None and i % eval_interval == 0:
                self.loss_list.append(float(np.mean(losses)))
                print(f"| epoch {epoch + 1} |  iter {i + 1} | loss {self.loss_list[-1]:.2f}")
                losses = []

    def plot(self, ylim: tuple[float, float] | None = None) -> None:
        """Draw the losses; needs matplotlib, of the extra ``plot``."""
        import matplotlib.pyplot as plt

        if ylim is not None:
            plt.ylim(*ylim)
        plt.plot(self.loss_list, label="train")
        plt.xlabel(f"iterations (x{self.eval_interval})")
        plt.ylabel("loss")
        plt.show()


def _batches(x: Any, epochs: int, size: int) -> Iterator[tuple[int, int, Any]]:
    """The number of the epoch, that of the batch in it, and its rows of x."""
    for epoch in range(epochs):
        order = array_module(x).random.permutation(len(x))
        for i in range(len(x) // size):
            yield epoch, i, order[i * size : (i + 1) * size]


def remove_duplicate(params: list[Any], grads: list[Any]) -> tuple[list[Any], list[Any]]:
    """Each array once, with the sum of its gradients; a transposed one is the same.

    (``embedlayer.optim`` does so by itself for arrays that are the same object.)
    """
    kept: list[Any] = []
    sums: list[Any] = []
    for param, grad in zip(params, grads, strict=True):
        for i, other in enumerate(kept):
            if param is other:
                sums[i] = sums[i] + grad
                break
            if param.shape == other.shape[::-1] and bool((param == other.T).all()):
                dense = grad.to_dense() if isinstance(grad, RowGrad) else grad
                sums[i] = sums[i] + dense.T
                break
        else:
            kept.append(param)
            sums.append(grad)
    return kept, sums


def clip_grads(grads: list[Any], max_norm: float) -> None:
    """Scale gradients in place so that the norm of all together is at most ``max_norm``."""
    norm = sum(float((grad**2).sum()) for grad in grads) ** 0.5
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate
