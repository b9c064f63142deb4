"""What two workers give: threads on one table, replicas, and processes that share nothing.

    python benchmarks/threads.py TEXT --runs 5

``apart`` is what the machine's cores can give side by side: as many processes, each with one worker
on its share of the text, at the same time. The others are one process on the whole text. All take
turns, and two things are measured before each round: the time that a cache line takes from core to
core, and how many times as fast as one the processes do arithmetic, which asks nothing of memory.
"""

import math
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import cache_line
from measure import Spread, WrongResult, ratios
from report import count, end, finish, note, parser, show, spread, start
from texts import planted_text, share_of

from embedlayer.models.options import MODELS
from embedlayer.storage.compiled import compiled
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training

MODEL_LOSSES = [(model, loss) for loss in ("negative", "hierarchical") for model in MODELS]
HEADER = ("", "one worker, M words/s", "on one table ÷ one", "replicas ÷ one", "apart ÷ one")
QUICK: dict[str, Any] = {"min_count": 1}
ADDITIONS = 300_000_000  # of each of four chains: half a second

_barrier: Any = None


def _meet_at(barrier: Any) -> None:
    """The start of a process: where all of them meet before they train apart."""
    global _barrier
    _barrier = barrier


def trained(
    path: str, reading: dict[str, Any], model: str, loss: str, part: int, parts: int, **options: Any
) -> tuple[float, float]:
    """Seconds in which a share of a text is trained, and the last loss; with others at once."""
    corpus = Corpus.from_files(path, **reading)
    corpus = share_of(corpus, part, parts) if parts > 1 else corpus
    training = Training(corpus, MODELS[model](loss=loss), **options)
    if parts > 1:
        _barrier.wait()
    training.run()
    return training.report.seconds["training"], training.report.loss[-1]


def adding(times: int, parts: int) -> float:
    """Seconds of so many additions in each of some processes; they begin together."""
    if parts > 1:
        _barrier.wait()
    started = perf_counter()
    _chains(times)
    return perf_counter() - started


@compiled
def _chains(times):
    """Four chains of products and sums in registers."""
    a = b = c = d = 1.0
    for _ in range(times):
        a, b, c, d = a * 0.999 + 0.5, b * 0.998 + 0.5, c * 0.997 + 0.5, d * 0.996 + 0.5
    return a + b + c + d


def main() -> None:
    """Let the ways take turns, show the table, write the JSON."""
    made = parser(__doc__, runs=5)
    made.add_argument("text", type=Path, nargs="?")
    made.add_argument("--workers", type=count, default=2)
    made.add_argument("--epochs", type=count, default=2)
    chosen = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMBEDLAYER_CACHE"] = str(Path(folder, "cache"))
        path, reading = chosen.text, {}
        if chosen.quick or path is None:
            path, reading = Path(folder, "text.txt"), QUICK
            planted_text(path, sentences=2000)
        report = start("threads")
        report["rounds"] = rounds(chosen, str(path), reading)
    show(
        f"{chosen.workers} workers: medians (smallest to largest) of ratios in a round",
        HEADER,
        [row(f"{model}, {loss}", report["rounds"], chosen.epochs) for model, loss in MODEL_LOSSES],
    )
    lines, cores = (
        Spread.of([one[name] for one in report["rounds"]]) for name in ("line_ns", "arithmetic")
    )
    print(f"\nA cache line from core to core: {spread(lines, 0)} ns.")
    print(f"Arithmetic in {chosen.workers} processes ÷ in one: {spread(cores)}.")
    finish(report, chosen.json)


def rounds(chosen: Any, path: str, reading: dict[str, Any]) -> list[dict[str, Any]]:
    """All rounds: the time of a line, and seconds by model and way."""
    tokens, found = len(Corpus.from_files(path, **reading).ids), []
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(chosen.workers)
    with ProcessPoolExecutor(chosen.workers, context, _meet_at, (barrier,)) as pool:
        for number in range(-1, chosen.runs):  # the first compiles
            one: dict[str, Any] = {"line_ns": cache_line.nanoseconds(), "tokens": tokens}
            one["arithmetic"] = cores_given(pool, chosen.workers, 10 if number < 0 else ADDITIONS)
            for model, loss in MODEL_LOSSES:
                about = (path, reading, model, loss)
                one[f"{model}, {loss}"] = ways(pool, chosen.workers, chosen.epochs, about)
            note(f"round {number + 1} of {chosen.runs}: a line takes {one['line_ns']:.0f} ns")
            if number >= 0:
                found.append(one)
    return found


def cores_given(pool: ProcessPoolExecutor, workers: int, times: int) -> float:
    """How many times as fast as one so many processes do arithmetic at the same time."""
    alone = pool.submit(adding, times, 1).result()
    together = [pool.submit(adding, times, workers) for _ in range(workers)]
    return workers * alone / max(one.result() for one in together)


def ways(pool: ProcessPoolExecutor, workers: int, epochs: int, about: Any) -> dict[str, float]:
    """Seconds of each way of training; WrongResult where one learns nothing."""
    alone = {
        "one": {"workers": 1},
        "threads": {"workers": workers},
        "replicas": {"workers": workers, "deterministic": True},
    }
    found = {
        name: [pool.submit(trained, *about, 0, 1, epochs=epochs, **options).result()]
        for name, options in alone.items()
    }
    parts = [
        pool.submit(trained, *about, part, workers, epochs=epochs, workers=1)
        for part in range(workers)
    ]
    found["apart"] = [one.result() for one in parts]
    for name, told in found.items():
        if max(loss for _, loss in told) > math.log(2):
            raise WrongResult(f"{name} of {about} learns nothing: {told}")
    return {name: max(seconds for seconds, _ in told) for name, told in found.items()}


def row(name: str, rounds: list[dict[str, Any]], epochs: int) -> tuple[str, ...]:
    """A line of the table: one worker's speed, and how many times as fast the others are."""
    seconds = {way: [one[name][way] for one in rounds] for way in rounds[0][name]}
    alone = seconds.pop("one")
    speed = Spread.of([epochs * rounds[0]["tokens"] / its / 1e6 for its in alone])
    return name, spread(speed), *(spread(ratios(alone, its)) for its in seconds.values())


if __name__ == "__main__":
    end(main)
