"""How fast two source trees are, at the same moment: for changes that must cost nothing.

    python benchmarks/same_moment.py TEXT TREE

TREE is a checkout to compare this one with. One process of each tree does the same job at the same
time, each on a core of its own; then they change cores. A round's figure is the geometric mean of
both ratios, so that neither a busy minute nor a better core counts for one tree. Quotients of time,
this tree ÷ the other: below 1 is faster.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from machine import plain_environment
from measure import timed
from report import end, finish, mistake, note, parser, show, start

HERE = Path(__file__).resolve().parents[1]
LEAST = 0.3  # seconds, at least, of one job
READY = "ready"
WORKER = "import sys, same_moment; same_moment.work(*sys.argv[1:])"
HEADER = ("job", "median", "quarter below", "quarter above", "least", "most", "s")

Job = Callable[[], object]


def train(text: Path, model: str, **options: Any) -> Job:
    """Two epochs by one worker on a text that is encoded already."""
    import embedlayer

    corpus = embedlayer.Corpus.from_files(text)
    made = getattr(embedlayer, model)(**options)
    return lambda: embedlayer.train(corpus, made, epochs=2, workers=1)


def layer(words: int, *, sparse: bool = False, backward: bool = True) -> Job:
    """An Embedding of 100 dimensions: forward and backward, ids as frequent as words are."""
    import numpy as np

    from embedlayer.layers.embedding import Embedding

    rng = np.random.default_rng(1)
    made = Embedding(rng.random((50_000, 100), np.float32), sparse=sparse)
    ids = np.minimum(rng.zipf(1.2, words), 50_000) - 1
    dout = rng.random((words, 100), np.float32)

    def both() -> None:
        made.forward(ids)
        made.backward(dout)

    return both if backward else lambda: made.forward(ids)


def read(text: Path) -> Job:
    """A text counted and encoded, without the cache."""
    from embedlayer import Corpus

    return lambda: Corpus.from_files(text, cache=False)


def open_cached(text: Path) -> Job:
    """A text that the cache holds."""
    from embedlayer import Corpus

    return lambda: Corpus.from_files(text)


def import_package(module: str) -> Job:
    """A fresh Python that imports it."""
    return lambda: subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)


JOBS: dict[str, Callable[[Path], Job]] = {
    "skip-gram": lambda text: train(text, "SkipGram"),
    "CBOW": lambda text: train(text, "CBOW"),
    "skip-gram, hierarchical": lambda text: train(text, "SkipGram", loss="hierarchical"),
    "CBOW, hierarchical": lambda text: train(text, "CBOW", loss="hierarchical"),
    "Embedding, 100 ids, forward": lambda text: layer(100, backward=False),
    "Embedding, 100,000 ids": lambda text: layer(100_000),
    "Embedding, 100,000 ids, sparse": lambda text: layer(100_000, sparse=True),
    "read a text": read,
    "open a cached text": open_cached,
    "import embedlayer": lambda text: import_package("embedlayer"),
    "import the command line": lambda text: import_package("embedlayer.cli"),
}


def work(tree: str, text: str, name: str, least: str) -> None:
    """One tree's process: the job once, then again for each core that standard input names."""
    import embedlayer

    if Path(tree) not in Path(embedlayer.__file__).parents:
        raise ImportError(f"{tree} has no embedlayer: {embedlayer.__file__} was found")
    job = JOBS[name](Path(text))
    job()
    print(READY, flush=True)
    for core in sys.stdin:
        os.sched_setaffinity(0, {int(core)})
        print(timed(job, float(least)), flush=True)


def hold(
    text: Path, name: str, trees: tuple[Path, Path], rounds: int, least: float
) -> dict[str, Any]:
    """The ratios of a job's rounds, and the seconds of this tree."""
    with tempfile.TemporaryDirectory() as folder:
        workers = [_worker(tree, [text, name, least], folder) for tree in trees]
        if any(worker.stdout.readline().strip() != READY for worker in workers):
            mistake(f"{name!r} does not run in both trees")
        one, other = sorted(os.sched_getaffinity(0))[:2]
        ratios, seconds = [], []
        for _ in range(rounds):
            first, second = _both(workers, (one, other)), _both(workers, (other, one))
            ratios.append(sqrt(first[0] / first[1] * second[0] / second[1]))
            seconds += [first[0], second[0]]
        for worker in workers:
            worker.communicate()
    return {"job": name, "ratios": ratios, "seconds": median(seconds)}


def main() -> None:
    """Hold every job's rounds, show the table, write the JSON."""
    options = parser(__doc__, runs=15)
    options.add_argument("text", type=Path)
    options.add_argument("tree", type=Path, help="the checkout to compare this one with")
    options.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB")
    chosen = options.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        mistake("two cores are needed, one for each tree")
    rounds, least = (1, 0.0) if chosen.quick else (chosen.runs, LEAST)
    report = start("same_moment") | {"results": []}
    for name in chosen.jobs:
        note(name)
        trees = HERE, chosen.tree.resolve()
        report["results"].append(hold(chosen.text.resolve(), name, trees, rounds, least))
    show("Time of this tree ÷ the other's", HEADER, [_row(it) for it in report["results"]])
    finish(report, chosen.json)


def _worker(tree: Path, arguments: Sequence[object], folder: str) -> Any:
    environment = plain_environment() | {
        "PYTHONPATH": os.pathsep.join([str(tree), str(HERE / "benchmarks")]),
        "EMBEDLAYER_CACHE": tempfile.mkdtemp(dir=folder),
    }
    command = [sys.executable, "-P", "-c", WORKER, str(tree), *map(str, arguments)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, cwd=folder, **pipes)


def _both(workers: list[Any], cores: tuple[int, int]) -> list[float]:
    for worker, core in zip(workers, cores, strict=True):
        worker.stdin.write(f"{core}\n")
        worker.stdin.flush()
    return [float(worker.stdout.readline()) for worker in workers]


def _row(result: dict[str, Any]) -> list[str]:
    ratios = result["ratios"]
    quarters = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    figures = (median(ratios), quarters[0], quarters[2], min(ratios), max(ratios))
    return [result["job"], *(f"{it:.3f}" for it in figures), f"{result['seconds']:.4g}"]


if __name__ == "__main__":
    end(main)
