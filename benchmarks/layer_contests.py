"""The contests of the layers and the row optimizers, against torch's on the same threads."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from contest import Contender, Contest, compared
from sizes import Sizes
from texts import zipf_ids

from embedlayer.layers import Embedding, EmbeddingBag, RowGrad
from embedlayer.optim import SGD, Adam

OURS = "embedlayer"
CLOSE = 1e-4
BAG = 10


class _Arrays:
    """The table, the ids and the gradients that all contests share."""

    def __init__(self, sizes: Sizes) -> None:
        random = np.random.default_rng(5)
        self.W = random.standard_normal((sizes.rows, sizes.dim), np.float32)
        self.ids = zipf_ids(sizes.ids, sizes.rows, seed=6).astype(np.int64)  # as torch wants them
        self.dout = random.standard_normal((sizes.ids, sizes.dim), np.float32)
        self.bags = self.ids[: sizes.ids // BAG * BAG].reshape(-1, BAG)
        self.dbags = self.dout[: len(self.bags)]
        self.dW = np.zeros(self.W.shape)
        np.add.at(self.dW, self.ids, self.dout)
        self.rows = np.unique(self.ids)
        self.shape = f"{sizes.ids:,} x {sizes.dim}"


def layer_contests(sizes: Sizes, threads: int) -> Iterator[Contest]:
    """One contest after the other; without torch it is absent from each."""
    arrays = _Arrays(sizes)
    torch = _torch(threads)
    for make in (_forward, _backward, _row_backward, _bag_forward, _bag_backward, _sgd, _adam):
        yield make(arrays, torch)


def _torch(threads: int) -> Any:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    return torch


def _contest(
    operation: str,
    work: int,
    ours: Contender,
    torch: Any,
    rivals: dict[str, Callable[[], Contender]],
) -> Contest:
    absent = "torch is not installed"
    others = {name: make() if torch else absent for name, make in rivals.items()}
    return Contest(operation, work, "bytes", OURS, {OURS: ours, **others})


def _forward(arrays: _Arrays, torch: Any) -> Contest:
    wanted, layer = arrays.W[arrays.ids], Embedding(arrays.W)

    def rival() -> Contender:
        other, ids = _torch_layer(torch, arrays.W), torch.from_numpy(arrays.ids)
        return compared(lambda: other(ids).detach().numpy(), wanted)

    return _contest(
        f"Embedding forward, {arrays.shape}",
        2 * wanted.nbytes,
        compared(lambda: layer.forward(arrays.ids), wanted),
        torch,
        {"torch": rival},
    )


def _backward(arrays: _Arrays, torch: Any) -> Contest:
    layer = Embedding(arrays.W)
    layer.forward(arrays.ids)

    def run() -> np.ndarray:
        layer.backward(arrays.dout)
        return layer.grads[0]

    return _contest(
        f"Embedding backward, dense, {arrays.shape}",
        3 * arrays.dout.nbytes + arrays.W.nbytes,
        compared(run, arrays.dW, CLOSE),
        torch,
        {"torch": lambda: _torch_backward(torch, arrays)},
    )


def _row_backward(arrays: _Arrays, torch: Any) -> Contest:
    layer = Embedding(arrays.W, sparse=True)
    layer.forward(arrays.ids)

    def run() -> tuple[np.ndarray, np.ndarray]:
        layer.backward(arrays.dout)
        return layer.grads[0].rows, layer.grads[0].values

    def sparse() -> Contender:
        other = _torch_layer(torch, arrays.W, sparse=True)
        gradient = _torch_gradient(torch, other, arrays)

        def summed() -> tuple[np.ndarray, np.ndarray]:
            grad = gradient().coalesce()
            return grad.indices()[0].numpy(), grad.values().numpy()

        return compared(summed, wanted, CLOSE)

    wanted = (arrays.rows, arrays.dW[arrays.rows])
    return _contest(
        f"Embedding backward, row gradients, {arrays.shape}",
        3 * arrays.dout.nbytes,
        compared(run, wanted, CLOSE),
        torch,
        {"torch, dense": lambda: _torch_backward(torch, arrays), "torch, sparse, summed": sparse},
    )


def _bag_forward(arrays: _Arrays, torch: Any) -> Contest:
    wanted, layer = arrays.W[arrays.bags].astype(np.float64).mean(axis=1), EmbeddingBag(arrays.W)

    def rival() -> Contender:
        other, bags = _torch_bag(torch, arrays.W), torch.from_numpy(arrays.bags)
        return compared(lambda: other(bags).detach().numpy(), wanted, CLOSE)

    return _contest(
        f"EmbeddingBag forward, mean, {len(wanted):,} bags of {BAG}",
        (arrays.bags.size + len(wanted)) * arrays.W[0].nbytes,
        compared(lambda: layer.forward(arrays.bags), wanted, CLOSE),
        torch,
        {"torch": rival},
    )


def _bag_backward(arrays: _Arrays, torch: Any) -> Contest:
    layer = EmbeddingBag(arrays.W)
    layer.forward(arrays.bags)
    wanted = np.zeros(arrays.W.shape)
    np.add.at(wanted, arrays.bags, arrays.dbags[:, None] / BAG)

    def run() -> np.ndarray:
        layer.backward(arrays.dbags)
        return layer.grads[0]

    def rival() -> Contender:
        other, dout = _torch_bag(torch, arrays.W), torch.from_numpy(arrays.dbags)
        out = other(torch.from_numpy(arrays.bags))
        return compared(
            lambda: torch.autograd.grad(out, other.weight, dout, retain_graph=True)[0].numpy(),
            wanted,
            CLOSE,
        )

    return _contest(
        f"EmbeddingBag backward, mean, dense, {len(arrays.bags):,} bags of {BAG}",
        (2 * arrays.bags.size + len(arrays.bags)) * arrays.W[0].nbytes + arrays.W.nbytes,
        compared(run, wanted, CLOSE),
        torch,
        {"torch": rival},
    )


def _sgd(arrays: _Arrays, torch: Any) -> Contest:
    wanted = arrays.W - 0.01 * arrays.dW
    return _update("SGD", 3, SGD(0.01), arrays, wanted, torch, lambda W: torch.optim.SGD([W], 0.01))


def _adam(arrays: _Arrays, torch: Any) -> Contest:
    moved = arrays.dW / (np.abs(arrays.dW) + 1e-8)  # the first step: both averages are corrected
    wanted = arrays.W - 0.001 * np.where(arrays.dW == 0, 0.0, moved)
    return _update(
        "Adam", 7, Adam(), arrays, wanted, torch, lambda W: torch.optim.SparseAdam([W], 0.001)
    )


def _update(
    name: str,
    passes: int,
    optimizer: Any,
    arrays: _Arrays,
    wanted: np.ndarray,
    torch: Any,
    make_rival: Callable[[Any], Any],
) -> Contest:
    """``passes``: how often a row is read or written, of the table, the gradient and the state."""
    rows, W = arrays.rows, arrays.W.copy()
    grad = RowGrad(rows, arrays.dW[rows].astype(np.float32), W.shape)

    def run() -> np.ndarray:
        optimizer.update([W], [grad])
        return W

    def rival() -> Contender:
        parameter = torch.nn.Parameter(torch.from_numpy(arrays.W.copy()))
        values, size = torch.from_numpy(grad.values), tuple(parameter.shape)
        summed = torch.sparse_coo_tensor(
            torch.from_numpy(rows)[None], values, size, is_coalesced=True, check_invariants=False
        )
        parameter.grad, other = summed, make_rival(parameter)

        def step() -> np.ndarray:
            other.step()
            return parameter.detach().numpy()

        return compared(step, wanted, CLOSE)

    return _contest(
        f"{name}, row gradients, {len(rows):,} x {W.shape[1]}",
        passes * grad.values.nbytes,
        compared(run, wanted, CLOSE),
        torch,
        {"torch": rival},
    )


def _torch_layer(torch: Any, W: np.ndarray, **options: Any) -> Any:
    return torch.nn.Embedding.from_pretrained(torch.from_numpy(W.copy()), freeze=False, **options)


def _torch_bag(torch: Any, W: np.ndarray) -> Any:
    return torch.nn.EmbeddingBag.from_pretrained(
        torch.from_numpy(W.copy()), freeze=False, mode="mean"
    )


def _torch_backward(torch: Any, arrays: _Arrays) -> Contender:
    gradient = _torch_gradient(torch, _torch_layer(torch, arrays.W), arrays)
    return compared(lambda: gradient().numpy(), arrays.dW, CLOSE)


def _torch_gradient(torch: Any, layer: Any, arrays: _Arrays) -> Callable[[], Any]:
    """The backward alone, of a forward that is done."""
    out, dout = layer(torch.from_numpy(arrays.ids)), torch.from_numpy(arrays.dout)
    return lambda: torch.autograd.grad(out, layer.weight, dout, retain_graph=True)[0]
