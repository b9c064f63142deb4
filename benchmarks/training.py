"""How fast trainers are: words per second of training, and seconds of the whole command.

    python benchmarks/training.py TEXT --json training.json

Each run is a fresh process that reads the text, trains and writes word2vec's binary format; ours
finds its cache of texts empty. Raw words per second are the text's tokens that are in the
vocabulary, times the epochs, over the seconds of training, for every trainer.
"""

from collections.abc import Sequence
from typing import Any

from measure import Spread, ratios
from report import NONE, end, finish, show, spread, start
from scores import SCORES, mean_and_deviation
from trainers import OURS
from trials import describe_trial, run_trials, settings_of, trial_parser, trial_text

HEADER = (
    "trainer",
    "M words/s",
    "ours ÷ its",
    "whole, s",
    "its ÷ ours",
    "reading, M tokens/s",
    "MB beyond tables",
)


def main() -> None:
    """Run the trainers in turns, show the tables, write the JSON."""
    chosen = trial_parser(__doc__, runs=3).parse_args()
    settings = settings_of(chosen)
    with trial_text(chosen, settings) as text:
        report = start("training")
        report |= run_trials(chosen, settings, text)
    report["ratios"] = {name: times_faster(name, report["runs"]) for name in report["runs"]}
    print(describe_trial(report))
    rows = [_row(name, runs, report["ratios"][name]) for name, runs in report["runs"].items()]
    rows += [
        (name, f"absent: {reason}", *[NONE] * (len(HEADER) - 2))
        for name, reason in report["absent"].items()
    ]
    show("Speed: medians (smallest to largest)", HEADER, rows)
    if any(runs[0]["scores"] for runs in report["runs"].values()):
        show("Quality: means over the runs", ("trainer", *SCORES), _quality(report["runs"]))
    finish(report, chosen.json)


def times_faster(name: str, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """How many times faster ours is, run by run; None for ours itself and what was not told."""
    if name == OURS or OURS not in runs:
        return {"words_per_second": None, "whole": None}
    theirs, ours = runs[name], runs[OURS]
    speed = _numbers(ours, "words_per_second"), _numbers(theirs, "words_per_second")
    whole = _numbers(theirs, "whole_seconds"), _numbers(ours, "whole_seconds")
    return {
        "words_per_second": ratios(*speed)._asdict() if all(speed) else None,
        "whole": ratios(*whole)._asdict(),
    }


def _row(name: str, runs: list[dict[str, Any]], ratio: dict[str, Any]) -> tuple[str, ...]:
    reading = _spread(runs, "reading_tokens_per_second", 1e-6)
    beyond = _spread(runs, "bytes_beyond_tables", 1e-6)
    return (
        name,
        spread(_spread(runs, "words_per_second", 1e-6)),
        spread(ratio["words_per_second"] and Spread(**ratio["words_per_second"])),
        spread(_spread(runs, "whole_seconds"), 1),
        spread(ratio["whole"] and Spread(**ratio["whole"])),
        NONE if reading is None else f"{reading.median:.1f}",
        NONE if beyond is None else f"{beyond.median:.0f}",
    )


def _spread(runs: list[dict[str, Any]], what: str, unit: float = 1.0) -> Spread | None:
    numbers = _numbers(runs, what)
    return Spread.of([number * unit for number in numbers]) if numbers else None


def _numbers(runs: list[dict[str, Any]], what: str) -> Sequence[float]:
    """The numbers of all runs; none at all if one is missing."""
    numbers = [run[what] for run in runs]
    return [] if None in numbers else numbers


def _quality(runs: dict[str, list[dict[str, Any]]]) -> list[tuple[str, ...]]:
    rows = []
    for name, results in runs.items():
        means = [mean_and_deviation([run["scores"][what] for run in results]) for what in SCORES]
        rows.append((name, *(NONE if mean is None else f"{mean[0]:.3f}" for mean in means)))
    return rows


if __name__ == "__main__":
    end(main)
