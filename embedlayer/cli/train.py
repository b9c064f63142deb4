"""The command that makes vectors of texts: train."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from embedlayer.cli.cluster import cluster_options, on_cluster
from embedlayer.cli.command import Command, Duration, find_texts, resumed
from embedlayer.cli.config import config_option, write_config
from embedlayer.cli.files import format_option
from embedlayer.cli.help import Documented, section
from embedlayer.cli.options import (
    arguments,
    check_meaning,
    flag,
    model_options,
    resolved,
    with_options,
)
from embedlayer.cli.output import json_option, note, print_json
from embedlayer.cli.phrases import phrases_of, with_phrase_options
from embedlayer.cli.presets import preset_option
from embedlayer.cli.progress import ReadingProgress
from embedlayer.cli.reporting import report_options, reporting_of
from embedlayer.cli.run import run_training, summary
from embedlayer.models.options import MODELS, SkipGram, Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions, PhraseOptions
from embedlayer.text.phrases import Phrases
from embedlayer.training.checkpoint import CheckpointFolder
from embedlayer.training.further import OLD_RATE, Learnt
from embedlayer.training.options import TrainingOptions
from embedlayer.training.run import Training
from embedlayer.vectors.files import check_writable

SWITCHES = ("no_cache", "no_new_words", "freeze", "watch", "evaluate")


@click.command(cls=Documented)
@click.argument("texts", metavar="TEXT...", nargs=-1, type=click.Path())
@section(
    "Output",
    click.option(
        "-o",
        "--output",
        metavar="OUT",
        type=click.Path(),
        help="The file for the vectors; its suffix tells the format.",
    ),
    format_option,
    click.option("--quiet", is_flag=True, help="Only errors on standard error."),
    json_option,
)
@with_options
@with_phrase_options
@section(
    "Options by a name, or in files",
    preset_option,
    config_option,
    click.option(
        "--save-config",
        metavar="FILE",
        type=click.Path(),
        help="Keep the options there, for --config.",
    ),
)
@section(
    "Checkpoints",
    click.option(
        "--checkpoint",
        metavar="FOLDER",
        type=click.Path(),
        help="Keep checkpoints there, from which the run can go on.",
    ),
    click.option(
        "--checkpoint-every",
        metavar="TIME",
        type=Duration(),
        help="Between two of them: 30s, 5m, 1h.  [default: 5m]",
    ),
    click.option(
        "--resume",
        metavar="FOLDER",
        type=click.Path(),
        help="Go on with the run of these checkpoints; its texts and options are known.",
    ),
)
@section(
    "Vectors to begin with",
    click.option(
        "--continue-from",
        metavar="PATH",
        type=click.Path(),
        help="Begin with the words of these vectors, or of a folder of checkpoints.",
    ),
    click.option("--no-new-words", is_flag=True, help="--continue-from: add no words of TEXT."),
    click.option(
        "--old-rate",
        metavar="NUMBER",
        type=click.FloatRange(0, 1),
        help=f"--continue-from: how much of a change its vectors take.  [default: {OLD_RATE}]",
    ),
    click.option("--freeze", is_flag=True, help="--old-rate 0: its vectors stay as they are."),
)
@report_options
@cluster_options
@section(
    "Text",
    click.option("--no-cache", is_flag=True, help="Keep no encoded text, and use none."),
)
def train(
    texts: tuple[str, ...],
    output: str | None,
    format: str | None,
    checkpoint: str | None,
    checkpoint_every: float | None,
    resume: str | None,
    save_config: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train word vectors on texts.

    TEXT is a file (also .gz, .bz2, .xz, .zst), a folder, a glob, or - for standard input; a line
    is a sentence, and whitespace separates words.

    Examples:
        embedlayer train corpus.txt.gz -o vectors.safetensors
        # a small text wants more passes
        embedlayer train corpus.txt -o vectors.safetensors --dim 50 --epochs 20 --min-count 2
        # words that were never seen have vectors, too
        embedlayer train corpus.txt -o vectors.bin --format fasttext --subwords 3-6
        # a long run, which goes on after a crash with: embedlayer train --resume kept
        embedlayer train corpus.txt -o vectors.safetensors --checkpoint kept --config run.toml
    """
    given = {name: value for name, value in options.items() if value is not None}
    given = {name: given[name] for name in given if given[name] or name not in SWITCHES}
    command = Command(texts, output, format, given)
    if resume is not None:
        command = resumed(resume, command)
    texts, output, format, given = command.whole()
    check_writable(output, format)
    learnt = Learnt.of(given["continue_from"]) if "continue_from" in given else None
    written = filter(None, [save_config, given.get("report")])
    made, phrases = _model(given, learnt), phrases_of(given)
    files = find_texts(texts, output, *written)
    saving = _saving(checkpoint, checkpoint_every, resume)
    reporting = reporting_of(given, CorpusOptions(**arguments(CorpusOptions, given)))
    if save_config is not None:
        write_config(save_config, resolved(made, given), "embedlayer train --config")
    with on_cluster(files, given, resume) as cluster:
        _, report = run_training(
            cluster.read if cluster else partial(_read, files, given, learnt, phrases),
            made,
            output,
            format,
            quiet=quiet,
            most_words=given.get("max_size"),
            begin=cluster.begin if cluster else _beginning(resume, given, learnt),
            checkpoints=resume or checkpoint,
            notes=command._replace(texts=tuple(files)).notes(),
            reporting=reporting,
            **arguments(TrainingOptions, given) | saving | ({} if cluster else reporting.watched()),
        )
    if as_json:
        print_json(report)
    elif not quiet:
        note(summary(report))


def _saving(
    checkpoint: str | None, checkpoint_every: float | None, resume: str | None
) -> dict[str, Any]:
    """The options for checkpoints; EmbedlayerError for a folder of another run's."""
    if resume is not None and checkpoint is not None:
        raise click.UsageError("--resume keeps its checkpoints where they are: no --checkpoint")
    if checkpoint_every is not None and (checkpoint or resume) is None:
        raise click.UsageError("--checkpoint-every has no effect without --checkpoint")
    if checkpoint is not None:
        CheckpointFolder(checkpoint)  # now, and not when the text has been read
    chosen = {"checkpoint": checkpoint, "checkpoint_every": checkpoint_every}
    return {name: value for name, value in chosen.items() if value is not None}


def _model(given: dict[str, Any], learnt: Learnt | None) -> Word2Vec:
    """The model that is asked for; of what is not said, that of what was learnt."""
    name = given.get("model", learnt.model.get("model") if learnt else None) or SkipGram.name
    check_meaning(name, given)
    options = model_options(name, given)
    return learnt.made_model(model=name, **options) if learnt else MODELS[name](**options)


def _beginning(
    resume: str | None, given: dict[str, Any], learnt: Learnt | None
) -> Callable[..., Training]:
    """What makes the run: a new one, one that goes on from vectors, or one of checkpoints."""
    if resume is not None:
        return lambda corpus, _, **options: Training.resume(resume, corpus, **options)
    if learnt is not None:
        if {"freeze", "old_rate"} <= given.keys():
            raise click.UsageError("--freeze is --old-rate 0: give one of them")
        rate = 0.0 if "freeze" in given else given.get("old_rate", OLD_RATE)
        return partial(Training.from_vectors, learnt, old_rates=rate)
    for name in ("no_new_words", "old_rate", "freeze"):
        if name in given:
            raise click.UsageError(f"{flag(name)} has no effect without --continue-from")
    return Training


def _read(
    files: list[str],
    given: dict[str, Any],
    learnt: Learnt | None,
    phrases: Phrases | PhraseOptions | None,
    progress: ReadingProgress | None,
) -> Corpus:
    options = arguments(CorpusOptions, given) | {"phrases": phrases}
    if learnt:
        options |= {"vocabulary": learnt.vocabulary}
        if "no_new_words" in given:
            options |= {"max_size": len(learnt.vocabulary)}
    return Corpus.from_files(
        files,
        cache="no_cache" not in given,
        workers=given.get("workers"),
        progress=progress,
        **options,
    )
