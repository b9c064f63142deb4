"""The command that chooses options by measurement: tune."""

import logging
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import click

from embedlayer.cli.command import Duration, find_texts
from embedlayer.cli.config import config_option, write_config
from embedlayer.cli.help import Documented, section
from embedlayer.cli.options import (
    arguments,
    check_meaning,
    flag,
    model_options,
    with_options,
)
from embedlayer.cli.output import json_option, log_shown, note, print_json, print_table
from embedlayer.cli.phrases import phrases_of, with_phrase_options
from embedlayer.cli.progress import ReadingProgress
from embedlayer.cli.signals import Stopped, Stopping
from embedlayer.errors import extra_library
from embedlayer.models.options import MODELS, SkipGram
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import check_place
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions
from embedlayer.training.options import TrainingOptions
from embedlayer.training.trials import BUCKETS, NO_SUBWORDS, Trial
from embedlayer.training.tuning import Tuned
from embedlayer.training.tuning import tune as search

DEFAULT_SECONDS = 600.0


@click.command(cls=Documented)
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True, type=click.Path())
@section(
    "Search",
    click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(),
        help="The options, for train --config.",
    ),
    click.option(
        "--evaluate",
        "benchmarks",
        metavar="FILE",
        type=click.Path(),
        multiple=True,
        help="Judge by this file, or the mean of several; else by the loss on text held out.",
    ),
    click.option(
        "--restrict-vocab",
        metavar="NUMBER",
        type=click.IntRange(1),
        help="--evaluate: look at so many words only.",
    ),
    click.option(
        "--time", "seconds", metavar="TIME", type=Duration(), help="30s, 5m, 1h.  [default: 10m]"
    ),
    click.option("--try-subwords", is_flag=True, help="Try n-grams, too, and which lengths."),
)
@with_options
@with_phrase_options
@config_option
@section(
    "Text",
    click.option("--no-cache", is_flag=True, help="Keep no encoded text, and use none."),
)
@click.option("--quiet", is_flag=True, help="Only errors on standard error.")
@json_option
def tune(
    texts: tuple[str, ...],
    output: str | None,
    benchmarks: tuple[str, ...],
    restrict_vocab: int | None,
    seconds: float | None,
    try_subwords: bool,
    no_cache: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Choose dim, window, negative, lr, epochs and sample by training with them.

    Runs on a part of the texts, as large as the time allows, are judged by evaluation files or by
    the loss on text that is held out. Options of train that are given are kept as they are. Ctrl-C
    ends the search with the best so far. Needs the extra "tune".

    Examples:
        embedlayer tune corpus.txt --time 10m -o best.toml
        embedlayer tune corpus.txt --evaluate wordsim353.tsv --dim 100 -o best.toml
        # then
        embedlayer train corpus.txt -o vectors.safetensors --config best.toml
    """
    given = {name: value for name, value in options.items() if value is not None}
    name = given.pop("model", SkipGram.name)
    check_meaning(name, given)
    of_model, of_run = model_options(name, given), arguments(TrainingOptions, given)
    MODELS[name](**of_model)  # mistakes are told before the texts are read
    TrainingOptions(**of_run)
    extra_library("optuna", "tune")
    files, phrases = find_texts(texts, *filter(None, [output])), phrases_of(given)
    if output is not None:
        check_place(expanded(output))

    chosen = arguments(CorpusOptions, given)
    with log_shown(logging.ERROR), Stopping() as stopping:

        def tell(trial: Trial) -> None:
            if not quiet:
                note(_line(trial))
            stopping.look()

        with nullcontext() if quiet else ReadingProgress() as reading:
            corpus = Corpus.from_files(
                files, cache=not no_cache, progress=reading, phrases=phrases,
                workers=given.get("workers"), **chosen,
            )  # fmt: skip
        stopping.look()
        found = search(
            corpus, name, benchmarks=benchmarks, restrict_vocab=restrict_vocab,
            seconds=seconds or DEFAULT_SECONDS, told=tell, callbacks=[stopping.look],
            min_count=chosen.get("min_count", CorpusOptions.min_count),
            try_subwords=try_subwords, **of_model, **of_run,
        )  # fmt: skip
        if output is not None:
            _write(output, {"model": name, **given}, found)
        _show(found, output, as_json)
        if found.interrupted and stopping.asked is not None:
            raise Stopped(stopping.asked)


def _line(trial: Trial) -> str:
    """A trial that has ended, in a line."""
    options = ", ".join(f"{name} {_text(value)}" for name, value in trial.options.items())
    scores = ", ".join(f"{score:.4f}" for score in trial.scores)
    return f"{scores}: {options} ({trial.seconds:.1f} s)"


def _show(found: Tuned, output: str | None, as_json: bool) -> None:
    """The best options beside the defaults, and what both were worth."""
    defaults, best = found.trials[0], found.best
    if as_json:
        about = asdict(found) | {"output": output, "best": asdict(best)}
        print_json(about)
        return
    rows: list[tuple[str, ...]] = [
        (flag(name).removeprefix("--"), _text(defaults.options[name]), _text(value))
        for name, value in best.options.items()
    ]
    rows += [
        (f"score, seed {number}", *(_score(trial, number) for trial in (defaults, best)))
        for number in range(1, 1 + max(len(defaults.scores), len(best.scores)))
    ]
    print_table(rows, ("", "default", "best"))
    share = 100 * found.tokens / found.of_tokens
    note(
        f"{len(found.trials)} runs on {found.tokens:,} tokens, {share:.0f} % of the text, judged "
        f"by {found.measure}" + (f"; wrote {output}" if output else "")
    )


def _write(output: str, given: dict[str, Any], found: Tuned) -> None:
    """Write what was given and the best options to a file."""
    options = given | found.best.options
    if options.get("subwords") == NO_SUBWORDS:
        del options["subwords"]
    elif "subwords" in found.best.options:
        options["buckets"] = BUCKETS
    head = f"embedlayer tune: {found.measure}, {found.tokens:,} of {found.of_tokens:,} tokens"
    write_config(output, options, head)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _score(trial: Trial, number: int) -> str:
    return f"{trial.scores[number - 1]:.4f}" if number <= len(trial.scores) else "-"
