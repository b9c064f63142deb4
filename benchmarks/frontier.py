"""What vectors gain from more time: their scores against seconds, for many settings.

    python benchmarks/frontier.py TEXT --data FOLDER --json frontier.json --plot docs/frontier.png

A run for each point: our settings around the defaults, and gensim's and fastText's of the same
meaning. Points that the JSON file has already are not run again, so it can be made in sittings.

SimLex is told a second time without what both words' frequencies explain of cosines and of people's
scores: its rarer pairs were found more alike, which cosines tell without any meaning.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from report import NONE, data_folder, end, finish, mistake, note, show, start
from scores import PAIRS, evaluation_folder, score
from trainers import OURS, Settings, check_trainer, check_vectors, present, run_trainer
from trials import Text, settings_of, trial_parser, trial_text

from embedlayer.vectors.evaluation.files import pairs_of, read_benchmark
from embedlayer.vectors.vectors import Vectors

HELD = "SimLex, frequency held"
SHOWN = ("analogies", "WS-353", "SimLex", HELD)  # in the plot and the table
VARIED = ("model", "dim", "window", "negative", "epochs")
GRID = {"dim": (100, 200), "negative": (5, 10), "epochs": (3, 5, 10, 20)}
OTHERS: tuple[dict[str, Any], ...] = (  # beside the grid
    {"dim": 300, "epochs": 20},
    *({"window": window, "epochs": 20} for window in (2, 10)),
    *({"model": "cbow", "epochs": epochs} for epochs in (5, 10, 20)),
    {"model": "cbow", "dim": 200, "negative": 10, "epochs": 20},
)
THEIRS: dict[str, tuple[dict[str, Any], ...]] = {
    "gensim corpus_file": ({}, {"model": "cbow"}),
    "fastText": ({},),
}
MARKS = {OURS: "o", "gensim corpus_file": "s", "fastText": "^"}
HEADER = ("trainer", *VARIED, "s", *SHOWN)
FEWEST = 10  # pairs
QUICK: tuple[dict[str, Any], ...] = ({"epochs": 4}, {"epochs": 8})

Point = dict[str, Any]  # trainer, the varied settings, seconds, scores


def main() -> None:
    """Run the points that are missing, show the table, draw the plot."""
    options = trial_parser(__doc__, runs=1)
    options.add_argument("--plot", type=Path, metavar="FILE", help="draw the scores (matplotlib)")
    chosen = options.parse_args()
    folder = evaluation_folder(data_folder(chosen.data))
    if folder is None:
        mistake("name a folder of data with evaluation sets in eval/: --data or EMBEDLAYER_DATA")
    base, report = settings_of(chosen), start("frontier")
    report["points"] = _made(chosen.json)
    with trial_text(chosen, base) as text, tempfile.TemporaryDirectory() as place:
        for name in present(chosen.trainers)[0]:
            check_trainer(name, base, Path(place))
        for name, settings in _wanted(chosen, base):
            varied = {key: getattr(settings, key) for key in VARIED}
            if any(it["trainer"] == name and it["settings"] == varied for it in report["points"]):
                continue
            note(f"{name}, {varied}")
            point = {"trainer": name, "settings": varied} | _measured(name, settings, text, folder)
            report["points"].append(point)
            finish(report, chosen.json)
    points = sorted(report["points"], key=lambda point: point["whole_seconds"])
    show("By seconds of the whole command", HEADER, [_row(point) for point in points])
    if chosen.plot:
        _plot(points, chosen.plot)


def frequency_held(vectors: Vectors, path: Path) -> float | None:
    """Spearman's correlation of cosines with people's scores, both words' frequencies held fixed.

    (Partial rank correlation: Kendall, Biometrika 32, 1942.) None for fewer than ten pairs.
    """
    from scipy.stats import rankdata

    rank = {word: i + 1 for i, word in enumerate(vectors.words)}  # the commonest is first
    pairs = [it for it in pairs_of(read_benchmark(path)) if {it.left, it.right} <= rank.keys()]
    if len(pairs) < FEWEST:
        return None
    cosines = [vectors.similarity(pair.left, pair.right) for pair in pairs]
    known = np.sort([[rank[pair.left], rank[pair.right]] for pair in pairs], axis=1)
    known = np.column_stack([np.ones(len(pairs)), rankdata(known, axis=0)])
    both = np.column_stack([rankdata(cosines), rankdata([pair.score for pair in pairs])])
    left = both - known @ np.linalg.lstsq(known, both, rcond=None)[0]
    return float(np.corrcoef(left, rowvar=False)[0, 1])


def _made(path: Path | None) -> list[Point]:
    """The points that a file of an earlier sitting has."""
    if path is None or not path.exists():
        return []
    points: list[Point] = json.loads(path.read_text())["points"]
    return points


def _wanted(chosen: argparse.Namespace, base: Settings) -> Iterator[tuple[str, Settings]]:
    """Whose turn it is, with what settings: ours, then the other trainers' that are here."""
    grid = (dict(zip(GRID, values, strict=True)) for values in product(*GRID.values()))
    ours = QUICK if chosen.quick else (*grid, *OTHERS)
    for name in present(chosen.trainers)[0]:
        for changed in ours if name == OURS else THEIRS.get(name, ()):
            yield name, replace(base, **changed)


def _measured(name: str, settings: Settings, text: Text, folder: Path) -> Point:
    """Seconds and scores of a run."""
    run = run_trainer(name, text.path, settings)
    check_vectors(run.vectors, text.words, settings.dim)
    simlex = folder / PAIRS["SimLex"]
    held = frequency_held(run.vectors, simlex) if simlex.exists() else None
    scores = score(run.vectors, folder) | {HELD: held}
    return {"whole_seconds": run.whole, "training_seconds": run.training, "scores": scores}


def _row(point: Point) -> list[str]:
    scores = (point["scores"][what] for what in SHOWN)
    shown = (NONE if number is None else f"{number:.3f}" for number in scores)
    varied = map(str, point["settings"].values())
    return [point["trainer"], *varied, f"{point['whole_seconds']:.1f}", *shown]


def _plot(points: list[Point], path: Path) -> None:
    """A panel for each score: a point a run, ours of one model joined where nothing is better."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
    except ImportError:
        note("no plot: matplotlib is not installed")
        return
    figure = Figure(figsize=(4.2 * len(SHOWN), 4), layout="constrained")
    groups = dict.fromkeys((point["trainer"], point["settings"]["model"]) for point in points)
    for axes, what in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        for trainer, model in groups:
            run = [
                (it["whole_seconds"], it["scores"][what])
                for it in points
                if (it["trainer"], it["settings"]["model"]) == (trainer, model)
                and it["scores"][what] is not None
            ]
            (marks,) = axes.plot(
                *zip(*run, strict=True), MARKS[trainer], label=f"{trainer}, {model}"
            )
            if trainer == OURS:
                best = [
                    it for i, it in enumerate(run) if all(it[1] > other[1] for other in run[:i])
                ]
                axes.plot(*zip(*best, strict=True), color=marks.get_color())
        axes.set(xscale="log", xlabel="seconds of the whole command", title=what)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3, which="both")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(groups)
    )
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    end(main)
