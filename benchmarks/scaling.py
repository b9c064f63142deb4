"""What a token costs as the text, the vocabulary and the dimensions grow, with 1 and 2 workers.

    python benchmarks/scaling.py --plot docs/scaling.png --json scaling.json

The texts are independent words by Zipf's law, made here, every word at least once; one epoch of
skip-gram on a cold cache each time. One thing grows at a time, the others stay at the base.
"""

import math
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from measure import Spread, WrongResult, turns
from report import NONE, end, finish, note, parser, show, spread, start
from texts import zipf_text
from trainers import OURS, Run, Settings, check_trainer, run_trainer

EVEN = math.log(2)  # the loss per pair before anything is learnt
HEADER = (
    "grows",
    "tokens",
    "words",
    "dim",
    "workers",
    "ns a token",
    "reading, ns a token",
    "MB beyond tables",
)

Sizes = dict[str, tuple[int, ...]]


class Point(NamedTuple):
    """One place in the plot: what grows there, and all sizes."""

    grows: str
    tokens: int
    words: int
    dim: int
    workers: int

    def __str__(self) -> str:
        return (
            f"{self.grows}: {self.tokens:,} tokens, {self.words:,} words, {self.dim} dimensions, "
            f"{self.workers} workers"
        )


BASE = Point("", tokens=10_000_000, words=70_000, dim=100, workers=1)
GROWTH: Sizes = {
    "tokens": (1_000_000, 3_000_000, 10_000_000, 30_000_000, 70_000_000),
    "words": (10_000, 70_000, 400_000, 2_000_000),
    "dim": (25, 50, 100, 200, 300, 500, 1000),
}
QUICK_BASE = Point("", tokens=20_000, words=500, dim=20, workers=1)
QUICK_GROWTH: Sizes = {
    "tokens": (10_000, 20_000),
    "words": (100,),
    "dim": (10,),
}
WORKERS = (1, 2)
AXES = {"tokens": "tokens of the text", "words": "words of the vocabulary", "dim": "dimensions"}


def main() -> None:
    """Measure every point in turns, show the table, draw the plot, write the JSON."""
    options = parser(__doc__, runs=3)
    options.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves (matplotlib)")
    chosen = options.parse_args()
    points = growth(*(QUICK_BASE, QUICK_GROWTH) if chosen.quick else (BASE, GROWTH))
    report = start("scaling")
    runs: dict[Point, list[dict[str, Any]]] = {point: [] for point in points}
    with tempfile.TemporaryDirectory() as folder:
        check_trainer(OURS, Settings(), Path(folder))
        for _, point in turns(points, 1 if chosen.quick else chosen.runs):
            note(str(point))
            runs[point].append(_measured(point, _text(point, Path(folder))))
    report["points"] = [point._asdict() | {"runs": results} for point, results in runs.items()]
    rows = [_row(point, results) for point, results in runs.items()]
    show("Cost of a token: medians (smallest to largest)", HEADER, rows)
    if chosen.plot:
        _plot(runs, chosen.plot)
    finish(report, chosen.json)


def growth(base: Point, sizes: Sizes) -> list[Point]:
    """The points: from the base, one size at a time takes its values, with 1 and 2 workers."""
    cores = len(os.sched_getaffinity(0))
    return [
        Point(**base._asdict() | {"grows": grows, grows: size, "workers": workers})
        for grows, values in sizes.items()
        for size in values
        for workers in WORKERS
        if workers <= cores
    ]


def check_run(run: Run, point: Point) -> None:
    """Raise WrongResult unless there is a vector for every word, and something was learnt."""
    shape, loss = run.vectors.matrix.shape, run.told["loss"][-1]
    if shape != (point.words, point.dim):
        raise WrongResult(f"{point}: vectors of shape {shape}")
    if not loss < EVEN:
        raise WrongResult(f"{point}: a loss of {loss:.4f} after one epoch, {EVEN:.4f} before it")


def _text(point: Point, folder: Path) -> Path:
    """The text of a point; points that ask for the same share it."""
    path = folder / f"{point.tokens}-{point.words}.txt"
    if not path.exists():
        zipf_text(path, point.tokens, point.words)
    return path


def _measured(point: Point, text: Path) -> dict[str, Any]:
    settings = Settings(dim=point.dim, workers=point.workers, epochs=1, min_count=1)
    run = run_trainer(OURS, text, settings)
    check_run(run, point)
    seconds = run.told["seconds"]
    return {
        "training_ns_a_token": 1e9 * seconds["training"] / point.tokens,
        "reading_ns_a_token": 1e9 * (seconds["vocabulary"] + seconds["encoding"]) / point.tokens,
        "whole_seconds": run.whole,
        "bytes_beyond_tables": run.beyond_tables,
    }


def _row(point: Point, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    beyond = [run["bytes_beyond_tables"] for run in runs]
    return (
        point.grows,
        *(f"{size:,}" for size in point[1:]),
        spread(Spread.of([run["training_ns_a_token"] for run in runs]), 0),
        spread(Spread.of([run["reading_ns_a_token"] for run in runs]), 0),
        NONE if None in beyond else f"{Spread.of(beyond).median / 1e6:.0f}",
    )


def _plot(runs: dict[Point, list[dict[str, Any]]], path: Path) -> None:
    """A panel for each thing that grows, a line for each number of workers."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        note("no plot: matplotlib is not installed")
        return
    grown = list(dict.fromkeys(point.grows for point in runs))
    figure = Figure(figsize=(4 * len(grown), 3.6), layout="constrained")
    for axes, grows in zip(figure.subplots(1, len(grown)), grown, strict=True):
        for workers in WORKERS:
            points = [it for it in runs if (it.grows, it.workers) == (grows, workers)]
            costs = [Spread.of([r["training_ns_a_token"] for r in runs[it]]) for it in points]
            axes.errorbar(
                [getattr(point, grows) for point in points],
                [cost.median for cost in costs],
                yerr=[
                    [cost.median - cost.low for cost in costs],
                    [cost.high - cost.median for cost in costs],
                ],
                marker="o",
                capsize=3,
                label=f"{workers} worker{'s' * (workers > 1)}",
            )
        axes.set(xscale="log", xlabel=AXES[grows], ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("training, ns a token")
    figure.axes[0].legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    end(main)
