"""An iteration of the networks of "Deep Learning from Scratch 2", chapter 4, dense and sparse.

    python benchmarks/book.py --json book.json

Both have the same start and draws; their losses must agree, under SGD, before anything is timed.
The figure is the median of iterations, forward, backward and the book's Adam, in turns of ten: a
program has one kind of network, whose iterations find the cache as the last one left it.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import WrongResult
from report import end, finish, parser, show, start
from texts import zipf_ids

from embedlayer.compat.book import SGD, Adam, Embedding, NegativeSamplingLoss

WINDOW, BATCH, CHECKED, TURN = 5, 100, 20, 10


class CBOW:
    """The mean of the contexts' rows against the target's row."""

    def __init__(self, words: int, dim: int, corpus: np.ndarray, sparse: bool) -> None:
        W_in, W_out = 0.01 * np.random.default_rng(1).standard_normal((2, words, dim), np.float32)
        self.reads = [Embedding(W_in, sparse=sparse) for _ in range(2 * WINDOW)]
        self.losses = [NegativeSamplingLoss(W_out, corpus, sparse=sparse)]
        self.params = [one for layer in [*self.reads, *self.losses] for one in layer.params]
        self.grads = [one for layer in [*self.reads, *self.losses] for one in layer.grads]

    def step(self, contexts: np.ndarray, target: np.ndarray) -> float:
        h = sum(layer.forward(contexts[:, i]) for i, layer in enumerate(self.reads))
        loss = self.losses[0].forward(h / len(self.reads), target)
        dh = self.losses[0].backward() / len(self.reads)
        for layer in self.reads:
            layer.backward(dh)
        return loss


class SkipGram(CBOW):
    """The word's row against the row of each context."""

    def __init__(self, words: int, dim: int, corpus: np.ndarray, sparse: bool) -> None:
        super().__init__(words, dim, corpus, sparse)
        W_in, W_out = self.params[0], self.params[-1]
        self.read = Embedding(W_in, sparse=sparse)
        self.losses = [
            NegativeSamplingLoss(W_out, corpus, sparse=sparse) for _ in range(2 * WINDOW)
        ]
        self.params = [one for layer in [self.read, *self.losses] for one in layer.params]
        self.grads = [one for layer in [self.read, *self.losses] for one in layer.grads]

    def step(self, contexts: np.ndarray, target: np.ndarray) -> float:
        h = self.read.forward(target)
        loss = sum(layer.forward(h, contexts[:, i]) for i, layer in enumerate(self.losses))
        self.read.backward(sum(layer.backward() for layer in self.losses))
        return loss


def main() -> None:
    """Check, time in turns, show a table, write the JSON."""
    options = parser(__doc__, runs=40)
    chosen = options.parse_args()
    words, dim, runs = (500, 10, 2) if chosen.quick else (10_000, 100, chosen.runs)
    report = start("book") | {"words": words, "dim": dim, "batch": BATCH, "networks": {}}
    corpus = zipf_ids(20 * words, words, seed=2)
    rows = []
    for network in (CBOW, SkipGram):
        both = {kind: network(words, dim, corpus, kind == "sparse") for kind in ("dense", "sparse")}
        _check(both, corpus)
        optimizers = {kind: Adam() for kind in both}
        seconds: dict[str, list[float]] = {kind: [] for kind in both}
        for begin in range(0, runs, TURN):
            for kind, model in both.items():
                step = partial(_iterate, model, corpus, optimizer=optimizers[kind])
                seconds[kind] += [_seconds(partial(step, i)) for i in range(begin, begin + TURN)]
        medians = {kind: float(np.median(found)) for kind, found in seconds.items()}
        report["networks"][network.__name__] = seconds
        factor = medians["dense"] / medians["sparse"]
        rows.append(
            (network.__name__, *(f"{1000 * m:.2f}" for m in medians.values()), f"{factor:.1f}")
        )
    show(
        f"{words:,} words, {dim} dimensions", ("network", "dense, ms", "sparse, ms", "factor"), rows
    )
    finish(report, chosen.json)


def _iterate(model: Any, corpus: np.ndarray, i: int, optimizer: Any) -> float:
    at = WINDOW + np.arange(BATCH) + i * BATCH % (len(corpus) // 2)
    around = [*range(-WINDOW, 0), *range(1, WINDOW + 1)]
    np.random.seed(i)  # noqa: NPY002
    loss = model.step(corpus[at[:, None] + around], corpus[at])
    optimizer.update(model.params, model.grads)
    return loss


def _check(both: dict[str, Any], corpus: np.ndarray) -> None:
    for i in range(CHECKED):
        dense, sparse = (_iterate(model, corpus, i, SGD(0.1)) for model in both.values())
        if not abs(dense - sparse) <= 1e-5:
            raise WrongResult(f"iteration {i}: loss {dense} dense, {sparse} sparse")


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    end(main)
