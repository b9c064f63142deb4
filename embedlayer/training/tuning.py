"""Options chosen by measurement: runs on a part of a text, in a time that is given."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from embedlayer.errors import EmbedlayerError, NothingToLearnError, extra_library
from embedlayer.models.options import MODELS
from embedlayer.models.outputs import LOSSES
from embedlayer.options import Choice, Real, Whole, check_names
from embedlayer.text.corpus import Corpus
from embedlayer.training.health import Diverged
from embedlayer.training.options import TRAINING_NAMES
from embedlayer.training.report import Callback
from embedlayer.training.trials import MOST_COST, NO_SUBWORDS, Bench, OutOfTime, Trial

# The least and the most that is tried of each option; lr is a factor of the model's own.
SPACE: dict[str, tuple[float, float]] = {
    "dim": (25, 300),
    "window": (1, 15),
    "negative": (2, 20),
    "lr": (0.2, 5.0),
    "epochs": (1, 40),
    "sample": (1e-6, 1e-2),
}
SUBWORDS = (NO_SUBWORDS, "2-4", "3-4", "3-6", "4-6")  # lengths of n-grams, where they are searched
SEARCHING = 0.75  # of the time; in the rest the best are run once more, with another seed
CONFIRMED = 3  # of the best, and the defaults
FIRST_TRIALS = 10  # are random
MOST_REFUSED = 30  # trials in a row that would take too long


@dataclass
class Tuned:
    """What :func:`tune` found.

    Attributes:
        trials: all that ended, with each seed that was tried, in their order; the first has the
            defaults.
        best: of those that were run with most seeds the one with the highest mean.
        measure: what scores are: the names of files, or 'sampled softmax loss', negative.
        tokens, of_tokens: of the part of the text, and of all of it.
        interrupted: it was ended before its time.
    """

    trials: list[Trial]
    measure: str
    tokens: int
    of_tokens: int
    interrupted: bool = False

    @property
    def best(self) -> Trial:
        seeds = max(len(trial.scores) for trial in self.trials)
        return max(
            (trial for trial in self.trials if len(trial.scores) == seeds),
            key=lambda trial: trial.score,
        )


def tune(
    corpus: Corpus,
    model: str = "skipgram",
    *,
    benchmarks: Sequence[str | os.PathLike[str]] = (),
    restrict_vocab: int | None = None,
    seconds: float = 600,
    min_count: int = 5,
    seed: int = 1,
    try_subwords: bool = False,
    callbacks: Sequence[Callback] = (),
    told: Callable[[Trial], object] = lambda trial: None,
    **fixed: Any,
) -> Tuned:
    """Choose options by training with them, on as large a part of a text as the time allows.

    The search is Optuna's (a tree-structured Parzen estimator; Bergstra et al., NIPS 2011), and
    begins with the defaults.

    Args:
        corpus: the text.
        model: 'skipgram' or 'cbow'.
        benchmarks: evaluation files, of whose scores the mean is made large; without any the loss
            on text that is held out is made small (:func:`sampled_softmax_loss`).
        restrict_vocab: of the evaluation.
        seconds: that it takes, nearly.
        min_count: words that are rarer in the part are left out.
        seed: of the part, the search and the first runs.
        try_subwords: whether n-grams are tried, too, and of which lengths.
        callbacks: of all runs; Ctrl-C, or what a callback raises as KeyboardInterrupt, ends the
            search with the best so far, if a run has ended.
        told: called with each trial that has ended.
        fixed: options of the model and of ``Training``, which are not searched.

    Raises:
        EmbedlayerError: an option that is none, a file that cannot be used, a time or a text that
            is too short. MissingLibraryError: Optuna is not installed.
    """
    named = tuple(MODELS[Choice(MODELS).checked("model", model)].__dataclass_fields__)
    check_names(fixed, named + TRAINING_NAMES)
    Real(1).checked("seconds", seconds)
    Whole().checked("min_count", min_count)
    optuna = extra_library("optuna", "tune")
    bench = Bench(corpus, model, benchmarks, restrict_vocab, min_count, seed, callbacks, fixed)
    searched = _searched(bench, try_subwords)
    too_short = EmbedlayerError(f"no run ended in {seconds:g} s: give more time (--time)")
    try:
        bench.begin(seconds)
    except OutOfTime:
        raise too_short from None
    found = Tuned([], bench.measure, len(bench.training.ids), len(corpus.ids))
    try:
        _search(optuna, bench, searched, SEARCHING * seconds, found, told)
        _confirm(bench, found, told)
    except KeyboardInterrupt:
        if not found.trials:
            raise
        found.interrupted = True
    if not found.trials:
        raise too_short
    return found


def _searched(bench: Bench, try_subwords: bool) -> list[str]:
    """The options that are not given, and mean something."""
    if try_subwords and bench.fixed.get("subwords") is not None:
        raise EmbedlayerError("subwords are given, and are to be chosen: leave one out")
    if "min_lr" in bench.fixed and "lr" not in bench.fixed:
        raise EmbedlayerError("min_lr bounds lr, which is to be chosen: give both, or none")
    names = [name for name in SPACE if name not in bench.fixed]
    if bench.defaults["loss"] != "negative":
        names = [name for name in names if name not in LOSSES["negative"].options]
    names += ["subwords"] if try_subwords else []
    if not names:
        raise EmbedlayerError(f"all of {', '.join(SPACE)} are given: there is nothing to choose")
    return names


def _space(optuna: Any, bench: Bench, searched: list[str]) -> dict[str, Any]:
    """What may be tried of each option."""
    whole, real = optuna.distributions.IntDistribution, optuna.distributions.FloatDistribution
    space = {}
    for name in searched:
        if name == "subwords":
            space[name] = optuna.distributions.CategoricalDistribution(SUBWORDS)
            continue
        least, most = SPACE[name]
        if name == "dim":
            space[name] = whole(least, most, step=25)
        elif name == "window":
            space[name] = whole(least, most)
        elif name in ("negative", "epochs"):
            space[name] = whole(least, most, log=True)
        else:
            unit = bench.kind.default_lr if name == "lr" else 1.0
            space[name] = real(least * unit, most * unit, log=True)
    return space


def _search(
    optuna: Any,
    bench: Bench,
    searched: list[str],
    seconds: float,
    found: Tuned,
    told: Callable[[Trial], object],
) -> None:
    """Try options until the time is over, the defaults first."""
    started, refused = perf_counter(), 0
    study = _study(optuna, bench.seed)
    study.enqueue_trial({name: bench.defaults[name] for name in searched})
    space, given_up = _space(optuna, bench, searched), optuna.trial.TrialState.PRUNED
    while perf_counter() - started < seconds and refused < MOST_REFUSED:
        asked = study.ask(space)
        trial = Trial({name: _tidy(value) for name, value in asked.params.items()})
        cost = bench.cost(trial.options)
        left = seconds - (perf_counter() - started)
        if found.trials and (cost > MOST_COST or cost * found.trials[0].seconds > left):
            study.tell(asked, state=given_up)
            refused += 1
            continue
        try:
            _run(bench, trial, bench.seed)
        except OutOfTime:
            return
        except (Diverged, NothingToLearnError):
            if not found.trials:  # the defaults
                raise
            study.tell(asked, state=given_up)
            continue
        study.tell(asked, trial.score)
        found.trials.append(trial)
        told(trial)
        refused = 0


def _confirm(bench: Bench, found: Tuned, told: Callable[[Trial], object]) -> None:
    """Run the best and the defaults once more, with another seed: the first may have had luck."""
    if not found.trials:
        return
    defaults, *others = found.trials
    best = sorted(others, key=lambda trial: -trial.score)[:CONFIRMED]
    for trial in [*best[:1], defaults, *best[1:]]:
        if perf_counter() + trial.seconds > bench.until:
            return
        try:
            _run(bench, trial, bench.seed + 1)
        except OutOfTime:
            return
        except (Diverged, NothingToLearnError):
            if trial is not defaults:  # options that only some seeds bear are not the best
                found.trials.remove(trial)
            continue
        told(trial)


def _run(bench: Bench, trial: Trial, seed: int) -> None:
    started = perf_counter()
    trial.scores.append(bench.score(trial.options, seed))
    trial.seconds = trial.seconds or perf_counter() - started


def _study(optuna: Any, seed: int) -> Any:
    """A search in memory, which says nothing of itself."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=FIRST_TRIALS)
        return optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(before)


def _tidy(value: float) -> float:
    """A fraction with two digits, that reads well in a file."""
    return float(f"{value:.2g}") if isinstance(value, float) else value
