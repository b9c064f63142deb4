"""Exact search for the nearest words, against faiss, gensim and the matrix product alone.

    python benchmarks/search.py --json search.json

Each must find the neighbours that float64 finds, of the same cosines, before it is timed. The share
is that of the rate of NumPy's matrix product or, of one query, of the bandwidth of copying.
"""

import os
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from contest import Contender, Contest, check_same, hold, show_contests
from machine import copy_bandwidth, sgemm_rate, use_cores
from measure import WrongResult
from report import count, end, finish, parser, start

from embedlayer import Vectors, use_backend

K, JUDGED = 10, 20  # neighbours; queries that float64 answers, too
BLOCK = 1024  # rows of the product alone, as the search takes them


def main() -> None:
    """Check, time in turns, show a table, write the JSON."""
    options = parser(__doc__, runs=9)
    options.add_argument("--threads", type=count, default=len(os.sched_getaffinity(0)))
    chosen = options.parse_args()
    use_cores(chosen.threads)
    words, dim, sizes = (5000, 32, (1, 20)) if chosen.quick else (400_000, 300, (1, 10, 1000))
    least = 0.01 if chosen.quick else 0.2
    report = start("search") | {"words": words, "dim": dim, "k": K}
    small = {"size": 1 << 22} if chosen.quick else {}
    limits = {
        "bytes": copy_bandwidth(chosen.threads, **small),
        "operations": sgemm_rate(*((256,) if chosen.quick else ())),
    }
    matrix = np.random.default_rng(1).standard_normal((words, dim), np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    with use_backend("numpy"):
        searches = _searches(matrix)
        outcomes = [
            hold(
                _contest(matrix, size, searches), 2 if chosen.quick else chosen.runs, least, limits
            )
            for size in sizes
        ]
    show_contests(f"{words:,} words, {dim} dimensions, {K} neighbours", outcomes)
    finish(report | {"limits": limits, "contests": outcomes}, chosen.json)


def _searches(matrix: np.ndarray) -> dict[str, Any]:
    """By name, functions from queries to rows and cosines; or why there is none."""
    names = [str(row) for row in range(len(matrix))]
    vectors = Vectors(names, matrix)
    found = {"embedlayer": lambda queries: _as_arrays(vectors.nearest(queries, K))}
    return found | {
        "faiss": _present("faiss", partial(_faiss, matrix)),
        "gensim": _present("gensim.models", partial(_gensim, matrix, names)),
    }


def _present(name: str, make: Any) -> Any:
    try:
        return make(import_module(name))
    except ImportError as error:
        return f"{error}"


def _faiss(matrix: np.ndarray, faiss: ModuleType) -> Any:
    index = faiss.IndexFlatIP(matrix.shape[1])
    index.add(matrix)
    return lambda queries: index.search(queries, K)[::-1]


def _gensim(matrix: np.ndarray, names: list[str], models: ModuleType) -> Any:
    kept = models.KeyedVectors(matrix.shape[1])
    kept.add_vectors(names, matrix)
    kept.fill_norms()
    return lambda queries: _as_arrays([kept.most_similar([one], topn=K) for one in queries])


def _as_arrays(answers: list[list[tuple[str, float]]]) -> tuple[np.ndarray, np.ndarray]:
    rows = np.array([[int(word) for word, _ in found] for found in answers])
    return rows, np.array([[cosine for _, cosine in found] for found in answers])


def _contest(matrix: np.ndarray, size: int, searches: dict[str, Any]) -> Contest:
    rng = np.random.default_rng(size)
    queries = matrix[rng.choice(len(matrix), size)] + 0.1 * rng.standard_normal(
        (size, matrix.shape[1]), np.float32
    )
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    scores = queries[:JUDGED].astype(np.float64) @ matrix.T.astype(np.float64)
    wanted = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    cosines = np.take_along_axis(scores, wanted, axis=1)
    contenders: dict[str, Contender | str] = {}
    for name, search in searches.items():
        if name == "gensim" and size > 10:
            continue  # a loop over queries: of as many as one takes, times their number
        run = search if isinstance(search, str) else partial(search, queries)
        contenders[name] = (
            run if isinstance(run, str) else Contender(partial(check, run, wanted, cosines), run)
        )
    contenders["product alone"] = Contender(lambda: None, partial(_product, matrix, queries))
    one = size == 1
    work = float(matrix.nbytes if one else 2 * matrix.size * size)
    unit = "bytes" if one else "operations"
    return Contest(f"{size:,} quer{'y' if one else 'ies'}", work, unit, "embedlayer", contenders)


def check(run: Any, wanted: np.ndarray, cosines: np.ndarray) -> None:
    """Raise WrongResult unless all neighbours are found, with their cosines."""
    rows, found = (part[:JUDGED] for part in run())
    check_same(found, cosines, 1e-5)
    recall = float((rows[:, :, None] == wanted[:, None, :]).any(axis=2).mean())
    if recall < 1:  # made data: no two cosines are so close that float32 confuses them
        raise WrongResult(f"{recall:.4f} of the neighbours were found")


def _product(matrix: np.ndarray, queries: np.ndarray) -> None:
    """All scores, block by block, each written over the one before."""
    height = max(BLOCK, BLOCK * BLOCK // len(queries))
    scores = np.empty((len(queries), height), np.float32)
    for first in range(0, len(matrix), height):
        block = matrix[first : first + height]
        np.matmul(queries, block.T, out=scores[:, : len(block)])


if __name__ == "__main__":
    end(main)
