"""The contests of kernels that some runs alone call: n-grams, replicas, and windows held out."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from contest import Contender, Contest, check_same, compared
from kernel_contests import CLOSE, IMPLEMENTATIONS, OURS
from sizes import Sizes
from texts import zipf_ids

from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Batch, Mode, Tables

BAG = 10  # rows that a word reads: its own, and those of its n-grams
REPLICAS = 2
HELD_OUT = 1000  # windows, of which one is taken
CONTEXTS, SCORED = 6, 6  # of a window


def bag_contests(sizes: Sizes) -> Iterator[Contest]:
    """The kernels of bags, the one that merges replicas, and those of windows held out."""
    random = np.random.default_rng(7)
    W = random.standard_normal((sizes.rows, sizes.dim), np.float32)
    ids = random.integers(0, sizes.rows, (sizes.rows, BAG), np.int32).ravel()
    offsets = np.arange(0, len(ids) + 1, BAG, dtype=np.int64)
    tokens = zipf_ids(sizes.ids, sizes.rows, seed=5)
    words = np.unique(tokens).astype(np.int32)
    values = random.standard_normal((len(words), sizes.dim), np.float32)
    yield _distinct(tokens, sizes.rows)
    bags = ids.reshape(-1, BAG)[words]
    means = W[bags].astype(np.float64).mean(1)
    read = bags.size * sizes.dim * W.itemsize
    yield _contest(
        "bag_means",
        read + values.nbytes,
        {
            name: compared(partial(kernels.bag_means, W, ids, offsets, words), means, CLOSE)
            for name, kernels in IMPLEMENTATIONS.items()
        },
    )
    wanted = np.zeros((sizes.rows, sizes.dim))
    np.add.at(wanted, bags.ravel(), np.repeat(values, BAG, axis=0))
    yield _contest(
        "add_to_bags",
        2 * read + values.nbytes,
        {
            name: _added(kernels.add_to_bags, wanted, ids, offsets, words, values)
            for name, kernels in IMPLEMENTATIONS.items()
        },
    )
    yield _merge_rows(W, random)
    yield _take_windows(sizes, random)
    for name, mode in (("skip-gram", Mode()), ("CBOW", Mode(mean=True))):
        yield _batch_loss(name, mode, Tables(W, W.copy()), sizes, random)


def _contest(operation: str, work: float, contenders: dict[str, Contender | str]) -> Contest:
    return Contest(operation, work, "bytes", OURS, contenders)


def _distinct(tokens: np.ndarray, size: int) -> Contest:
    def contender(distinct: Callable[..., Any]) -> Contender:
        def check() -> None:
            found, places = distinct(tokens, size)
            check_same(found[places], tokens)
            check_same(np.sort(found), np.unique(tokens))

        return Contender(check, partial(distinct, tokens, size))

    contenders: dict[str, Contender | str] = {
        name: contender(kernels.distinct) for name, kernels in IMPLEMENTATIONS.items()
    }
    return _contest(f"distinct, {len(tokens):,} ids", 2 * tokens.nbytes, contenders)


def _added(add: Callable[..., Any], wanted: np.ndarray, *arguments: Any) -> Contender:
    """Adds to a table of its own, which is the sum itself the first time only."""
    ids, offsets, words, values = arguments
    W = np.zeros(wanted.shape, np.float32)

    def run() -> np.ndarray:
        add(W, ids, offsets, words, values)
        return W

    return compared(run, wanted, CLOSE)


def _merge_rows(W: np.ndarray, random: np.random.Generator) -> Contest:
    """Replicas that changed all rows; the second time they are equal, which takes as long."""
    changes = [random.standard_normal(W.shape, np.float32) * 0.1 for _ in range(REPLICAS)]
    wanted = W.astype(np.float64) + sum(changes)  # θ = 0 is the sum

    def contender(merge: Callable[..., Any]) -> Contender:
        rows, parts = W.copy(), [W + change for change in changes]
        share = np.zeros(len(W), np.float32)

        def run() -> np.ndarray:
            merge(rows, parts, share)
            return rows

        return compared(run, wanted, CLOSE)

    return _contest(
        f"merge_rows, {len(W):,} x {W.shape[1]}, {REPLICAS} replicas",
        2 * (1 + REPLICAS) * W.nbytes,
        {name: contender(kernels.merge_rows) for name, kernels in IMPLEMENTATIONS.items()},
    )


def _take_windows(sizes: Sizes, random: np.random.Generator) -> Contest:
    """A share of a chunk's windows; the second time they have no rows, which takes as long."""
    ids = zipf_ids((CONTEXTS + SCORED) * sizes.tokens, sizes.rows, seed=8)
    contexts, rows = ids[: CONTEXTS * sizes.tokens], ids[CONTEXTS * sizes.tokens :]
    offsets = np.arange(0, len(contexts) + 1, CONTEXTS)
    rows, labels = rows.reshape(-1, SCORED), np.eye(1, SCORED, dtype=np.float32)
    positions, measured = np.arange(sizes.tokens), np.zeros(sizes.tokens, bool)
    taken = max(1, sizes.tokens // HELD_OUT)
    chosen = np.sort(random.choice(positions, taken, replace=False)).astype(np.uint64)
    places = chosen.astype(np.int64)
    wanted = Batch(
        contexts.reshape(-1, CONTEXTS)[places].ravel(),
        offsets[: taken + 1],
        rows[places],
        labels,
        np.ones(taken, bool),
    )

    def contender(take: Callable[..., Any]) -> Contender:
        batch = Batch(contexts, offsets, rows.copy(), labels, measured)
        return compared(partial(take, batch, positions, chosen), wanted)

    return _contest(
        f"take_windows, {taken:,} of {sizes.tokens:,}",
        sum(array.nbytes for array in wanted) + positions.nbytes // HELD_OUT,
        {name: contender(kernels.take_windows) for name, kernels in IMPLEMENTATIONS.items()},
    )


def _batch_loss(
    name: str, mode: Mode, tables: Tables, sizes: Sizes, random: np.random.Generator
) -> Contest:
    """The loss of windows that lie apart; beside it a step at the rate 0, which tells the same."""
    B = sizes.tokens
    contexts = random.integers(0, sizes.rows, CONTEXTS * B, np.int32)
    offsets = np.arange(0, len(contexts) + 1, CONTEXTS)
    rows = random.integers(0, sizes.rows, (B, SCORED), np.int32)
    labels = np.eye(1, SCORED, dtype=np.float32)
    batch = Batch(contexts, offsets, rows, labels, np.ones(B, bool))
    wanted = reference.batch_loss(tables, batch, mode)
    contenders: dict[str, Contender | str] = {
        kind: compared(partial(kernels.batch_loss, tables, batch, mode), wanted, CLOSE)
        for kind, kernels in IMPLEMENTATIONS.items()
    }
    contenders["cpu.sgd_step"] = compared(
        partial(cpu.sgd_step, tables, batch, 0.0, mode), wanted, CLOSE
    )
    read = (contexts.size + rows.size) * sizes.dim * tables.W_in.itemsize
    return _contest(f"batch_loss, {name}", read, contenders)
