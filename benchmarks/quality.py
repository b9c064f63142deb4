"""How good the vectors of trainers are: the same settings, several seeds, several evaluation sets.

    python benchmarks/quality.py TEXT --runs 5 --json quality.json

Ends with 1 where the mean of ours falls more than two standard deviations below gensim's, with 2
where it cannot be judged. The standard deviation is of the runs, pooled over both trainers.
"""

from typing import Any

from report import NONE, data_folder, end, finish, mistake, show, start
from scores import SCORES, evaluation_folder, mean_and_deviation
from trainers import OURS
from trials import describe_trial, run_trials, settings_of, trial_parser, trial_text

JUDGE = "gensim corpus_file"
DEVIATIONS = 2.0
WORSE, NOT_JUDGED = 1, 2  # exit codes

Statistics = dict[str, tuple[float, float] | None]  # of a score: mean and standard deviation


def main() -> int:
    """Run the trainers in turns, show the scores and the verdict; the exit code."""
    chosen = trial_parser(__doc__, runs=5).parse_args()
    if evaluation_folder(data_folder(chosen.data)) is None:
        mistake("name a folder of data with evaluation sets in eval/: --data or EMBEDLAYER_DATA")
    settings = settings_of(chosen)
    with trial_text(chosen, settings) as text:
        report = start("quality")
        report |= run_trials(chosen, settings, text)
    statistics = {name: _statistics(runs) for name, runs in report["runs"].items()}
    judged = verdict(statistics)
    report |= {"statistics": statistics, "verdict": judged}
    print(describe_trial(report))
    rows = [(name, *map(_shown, found.values())) for name, found in statistics.items()]
    rows += [
        (name, f"absent: {reason}", *[NONE] * (len(SCORES) - 1))
        for name, reason in report["absent"].items()
    ]
    show("Means ± standard deviations over the seeds", ("trainer", *SCORES), rows)
    finish(report, chosen.json)
    return _tell(judged)


def verdict(statistics: dict[str, Statistics]) -> dict[str, dict[str, Any]]:
    """By score that both have: our mean, the least it may be beside gensim's, and if it is less."""
    ours, judge = statistics.get(OURS, {}), statistics.get(JUDGE, {})
    found = {}
    for what in SCORES:
        our, its = ours.get(what), judge.get(what)
        if our is not None and its is not None:
            pooled = ((our[1] ** 2 + its[1] ** 2) / 2) ** 0.5
            least = its[0] - DEVIATIONS * pooled
            found[what] = {"ours": our[0], "least": least, "worse": our[0] < least}
    return found


def _tell(judged: dict[str, dict[str, Any]]) -> int:
    """Show the verdict; the exit code."""
    if not judged:
        print(f"\nNot judged: {OURS} and {JUDGE} have no score in common.")
        return NOT_JUDGED
    worse = [what for what, found in judged.items() if found["worse"]]
    for what in worse:
        print(f"\nWORSE: {what} is {judged[what]['ours']:.3f}, below {judged[what]['least']:.3f}.")
    if not worse:
        print(f"\nNo score is more than {DEVIATIONS:g} standard deviations below gensim's.")
    return WORSE if worse else 0


def _statistics(runs: list[dict[str, Any]]) -> Statistics:
    return {what: mean_and_deviation([run["scores"][what] for run in runs]) for what in SCORES}


def _shown(found: tuple[float, float] | None) -> str:
    return NONE if found is None else f"{found[0]:.3f} ± {found[1]:.3f}"


if __name__ == "__main__":
    end(main)
