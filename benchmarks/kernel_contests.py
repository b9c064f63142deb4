"""The contests of the kernel contract: every kernel, compiled and as defined, and its rivals."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from contest import Contender, Contest, check_same, compared, in_threads
from sizes import Sizes
from texts import zipf_ids

from embedlayer.device import DEVICES
from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Batch, Tables
from embedlayer.models.options import CBOW, SkipGram, Word2Vec
from embedlayer.models.outputs.alias import alias_table
from embedlayer.models.tables import start_tables
from embedlayer.rng import make_key, thresholds
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.examples import Examples

HOST = DEVICES["numpy"]
IMPLEMENTATIONS = {"cpu": cpu, "reference": reference}
OURS = "cpu"
WINDOW, NEGATIVE, SAMPLE = 5, 5, 1e-4
LR = 0.025
CHECKED_WINDOWS = 40
CLOSE = 1e-4  # of the largest number: float32 sums of thousands, added up in another order
MODELS: dict[str, Word2Vec] = {
    "skip-gram": SkipGram(),
    "CBOW": CBOW(),
    "skip-gram, hierarchical": SkipGram(loss="hierarchical"),
}


def kernel_contests(sizes: Sizes, pool: ThreadPoolExecutor, threads: int) -> Iterator[Contest]:
    """One contest after the other; each kernel that threads call in training is called by all."""
    corpus = zipf_corpus(sizes, threads)
    yield from _integer_contests(corpus, sizes, pool, threads)
    yield _bag_sum(sizes)
    yield _scatter_add(sizes)
    yield _add_products(sizes)
    yield _sum_by_row(sizes)
    for name, model in MODELS.items():
        yield _sgd_step(name, replace(model, dim=sizes.dim), corpus, sizes, pool, threads)


def zipf_corpus(sizes: Sizes, threads: int) -> Corpus:
    """Ids by Zipf's law, each at least once, in sentences of 1,000: a chunk for each thread."""
    first = zipf_ids(threads * sizes.tokens, sizes.rows, seed=1)
    first = np.concatenate([first, np.arange(sizes.rows, dtype=np.int32)])
    counts = np.bincount(first, minlength=sizes.rows)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(sizes.rows, np.int32)
    place[order] = np.arange(sizes.rows)
    ids = place[first]
    offsets = np.append(np.arange(0, len(ids), 1000), len(ids)).astype(np.int64)
    vocabulary = Vocabulary([f"w{i}" for i in range(sizes.rows)], counts[order])
    return Corpus(ids, offsets, vocabulary, len(ids), {})


def _integer_contests(
    corpus: Corpus, sizes: Sizes, pool: ThreadPoolExecutor, threads: int
) -> Iterator[Contest]:
    key = make_key(1, "benchmark")
    keep = thresholds(corpus.vocabulary.keep_probabilities(SAMPLE))
    prob, alias = alias_table(corpus.vocabulary.counts**0.75)
    texts, kept, targets = [], [], []
    for start in range(0, threads * sizes.tokens, sizes.tokens):
        ids = corpus.ids[start : start + sizes.tokens]
        offsets = np.append(np.arange(0, len(ids), 1000), len(ids)).astype(np.int64)
        texts.append((ids, offsets, start, keep, key))
        kept.append((*reference.subsample(*texts[-1]), 1, WINDOW, WINDOW, key))
        targets.append((prob, alias, *reference.windows(*kept[-1])[2:], NEGATIVE, key))
    for kernel, chunks in (("subsample", texts), ("windows", kept), ("draw", targets)):
        wanted = [getattr(reference, kernel)(*chunk) for chunk in chunks]
        yield Contest(
            f"{kernel}, {threads} x {sizes.tokens:,} tokens",
            _bytes_of(chunks, but=(keep, prob, alias)) + _bytes_of(wanted),
            "bytes",
            OURS,
            {
                name: compared(_side_by_side(getattr(kernels, kernel), chunks, pool), wanted)
                for name, kernels in IMPLEMENTATIONS.items()
            },
        )


def _bag_sum(sizes: Sizes) -> Contest:
    ids = zipf_ids(sizes.ids, sizes.rows, seed=2)
    offsets = np.unique(np.append(np.arange(0, sizes.ids, 2 * WINDOW), sizes.ids)).astype(np.int64)
    W = _normal((sizes.rows, sizes.dim))
    means = np.add.reduceat(W[ids].astype(np.float64), offsets[:-1]) / np.diff(offsets)[:, None]
    count = np.diff(offsets)[:, None].astype(np.float32)

    def gathered() -> np.ndarray:
        return np.add.reduceat(W.take(ids, axis=0), offsets[:-1]) / count

    contenders: dict[str, Contender | str] = {
        name: compared(partial(kernels.bag_sum, W, ids, offsets, True), means, CLOSE)
        for name, kernels in IMPLEMENTATIONS.items()
    }
    contenders["take + reduceat"] = compared(gathered, means, CLOSE)
    work = (len(ids) + len(means)) * sizes.dim * W.itemsize
    return Contest(
        f"bag_sum, mean, {len(ids):,} x {sizes.dim}, bags of {2 * WINDOW}",
        work,
        "bytes",
        OURS,
        contenders,
    )


def _scatter_add(sizes: Sizes) -> Contest:
    rows = zipf_ids(sizes.ids, sizes.rows, seed=3)
    values = _normal((sizes.ids, sizes.dim))
    wanted = np.zeros((sizes.rows, sizes.dim))
    np.add.at(wanted, rows, values)

    def into(add: Callable[..., Any]) -> Contender:
        """Each adds to a table of its own, which is the sum itself the first time only."""
        W = np.zeros(wanted.shape, np.float32)

        def run() -> np.ndarray:
            add(W, rows, values)
            return W

        return compared(run, wanted, CLOSE)

    contenders: dict[str, Contender | str] = {
        name: into(kernels.scatter_add) for name, kernels in IMPLEMENTATIONS.items()
    }
    contenders["np.add.at"] = into(np.add.at)
    contenders["argsort + reduceat"] = into(_sorted_add)
    contenders["scipy CSR"] = into(_sparse_add)
    contenders["torch index_add_"] = _torch_add(into)
    work = 3 * values.nbytes  # a row of values and one of W are read, one of W is written
    return Contest(f"scatter_add, {sizes.ids:,} x {sizes.dim}", work, "bytes", OURS, contenders)


def _add_products(sizes: Sizes) -> Contest:
    width = 1 + NEGATIVE
    rows = zipf_ids(sizes.ids // width * width, sizes.rows, seed=7).reshape(-1, width)
    factors, values = _normal(rows.shape), _normal((len(rows), sizes.dim))
    wanted = np.zeros((sizes.rows, sizes.dim))
    np.add.at(wanted, rows, factors[:, :, None] * values[:, None, :])

    def into(add: Callable[..., Any]) -> Contender:
        W = np.zeros(wanted.shape, np.float32)

        def run() -> np.ndarray:
            add(W, rows, factors, values)
            return W

        return compared(run, wanted, CLOSE)

    contenders: dict[str, Contender | str] = {
        name: into(kernels.add_products) for name, kernels in IMPLEMENTATIONS.items()
    }
    contenders["products + scatter_add"] = into(
        partial(reference.add_products, add=cpu.scatter_add)
    )
    contenders["scipy CSR"] = into(_sparse_products)
    work = values.nbytes + 2 * rows.size * sizes.dim * values.itemsize
    name = f"add_products, {len(rows):,} x {width} x {sizes.dim}"
    return Contest(name, work, "bytes", OURS, contenders)


def _sum_by_row(sizes: Sizes) -> Contest:
    rows = zipf_ids(sizes.ids, sizes.rows, seed=4)
    values = _normal((sizes.ids, sizes.dim))
    dense = np.zeros((sizes.rows, sizes.dim))
    np.add.at(dense, rows, values)
    unique = np.unique(rows)
    wanted = unique, dense[unique]
    contenders: dict[str, Contender | str] = {
        name: compared(partial(kernels.sum_by_row, rows, values, sizes.rows), wanted, CLOSE)
        for name, kernels in IMPLEMENTATIONS.items()
    }
    contenders["argsort + reduceat"] = compared(partial(_sorted_sum, rows, values), wanted, CLOSE)
    work = values.nbytes + wanted[1].nbytes // 2  # read the values, write a sum a row, of float32
    return Contest(f"sum_by_row, {sizes.ids:,} x {sizes.dim}", work, "bytes", OURS, contenders)


def _sorted_add(W: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    unique, sums = _sorted_sum(rows, values)
    W[unique] += sums


def _sorted_sum(rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[first], np.add.reduceat(values[order], first)


def _sparse_add(W: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    from scipy.sparse import csr_array

    ones = np.ones(len(rows), W.dtype)
    W += csr_array((ones, rows, np.arange(len(rows) + 1)), (len(rows), len(W))).T @ values


def _sparse_products(
    W: np.ndarray, rows: np.ndarray, factors: np.ndarray, values: np.ndarray
) -> None:
    from scipy.sparse import csr_array

    starts = np.arange(0, rows.size + 1, rows.shape[1])
    W += csr_array((factors.ravel(), rows.ravel(), starts), (len(rows), len(W))).T @ values


def _torch_add(into: Callable[..., Contender]) -> Contender | str:
    try:
        import torch
    except ImportError:
        return "torch is not installed"

    def add(W: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
        torch.from_numpy(W).index_add_(0, torch.from_numpy(rows), torch.from_numpy(values))

    return into(add)


def _sgd_step(
    name: str,
    model: Word2Vec,
    corpus: Corpus,
    sizes: Sizes,
    pool: ThreadPoolExecutor,
    threads: int,
) -> Contest:
    """Threads that share the tables without locks, each on windows of its own, as in training."""
    examples = Examples(corpus, model, 1, reference, HOST, chunk_tokens=sizes.tokens, measure=16)
    batches = [examples.batch(0, chunk)[0].split(sizes.windows)[0] for chunk in range(threads)]
    start = start_tables(model, len(corpus.vocabulary), 1, HOST)
    W_out = _normal(start.W_out.shape) / sizes.dim
    pairs = sum(_pairs(batch, model) for batch in batches)

    def contender(step: Callable[..., Any]) -> Contender:
        tables = Tables(start.W_in.copy(), W_out.copy())
        chunks = [(tables, batch, LR, model.mode()) for batch in batches]
        few = batches[0].split(CHECKED_WINDOWS)[0]
        return Contender(
            lambda: check_step(step, (start.W_in, W_out), few, model),
            _side_by_side(step, chunks, pool),
        )

    return Contest(
        f"sgd_step, {name}, D = {sizes.dim}, {threads} x {batches[0].windows:,} windows",
        6 * sizes.dim * pairs,
        "operations",
        OURS,
        {name: contender(kernels.sgd_step) for name, kernels in IMPLEMENTATIONS.items()},
    )


def check_step(
    step: Callable[..., Any], tables: tuple[Any, Any], batch: Batch, model: Word2Vec
) -> None:
    """Raise WrongResult unless, window by window, the step is the definition's in float64."""
    found = Tables(*(table.copy() for table in tables))
    wanted = Tables(*(table.astype(np.float64) for table in tables))
    for window in batch.split(1):
        step(found, window, LR, model.mode())
        reference.sgd_step(wanted, window, LR, model.mode())
    for one, other, before in zip(found, wanted, tables, strict=True):
        check_same(one - before, other - before, 1e-3)  # of float32 numbers 100 times as large


def _pairs(batch: Batch, model: Word2Vec) -> int:
    """The (hidden, output) pairs of a batch: each costs a score and two updates, 2·D each."""
    hidden = (np.diff(batch.offsets) > 0) if model.mode().mean else np.diff(batch.offsets)
    return int(((batch.rows >= 0).sum(axis=1) * hidden).sum())


def _side_by_side(
    kernel: Callable[..., Any], chunks: list[Any], pool: ThreadPoolExecutor
) -> Callable[[], list[Any]]:
    return partial(in_threads, pool, [partial(kernel, *chunk) for chunk in chunks])


def _bytes_of(chunks: list[Any], but: tuple[Any, ...] = ()) -> int:
    """The bytes of the arrays of all chunks, without those that are looked up here and there."""
    left_out = {id(array) for array in but}
    return sum(
        array.nbytes
        for chunk in chunks
        for array in (chunk if isinstance(chunk, tuple) else (chunk,))
        if isinstance(array, np.ndarray) and id(array) not in left_out
    )


def _normal(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(4).standard_normal(shape, np.float32)
