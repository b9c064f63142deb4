"""The command that makes vectors of texts: train."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from embedlayer.backend import get_backend
from embedlayer.cli.command import Command, Duration, resumed
from embedlayer.cli.files import format_option
from embedlayer.cli.options import MODEL_OPTION, arguments, check_meaning, with_options
from embedlayer.cli.output import json_option, note, print_json
from embedlayer.cli.progress import ReadingProgress
from embedlayer.cli.run import run_training, summary
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import MODELS, SkipGram
from embedlayer.storage.reading import expanded
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions
from embedlayer.text.readers import find_files
from embedlayer.training.checkpoint import CheckpointFolder
from embedlayer.training.options import TrainingOptions
from embedlayer.training.plan import check_largest
from embedlayer.vectors.files import check_writable


@click.command()
@click.argument("texts", metavar="TEXT...", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(),
    help="The file for the vectors; its suffix tells the format.",
)
@format_option
@MODEL_OPTION
@with_options
@click.option(
    "--checkpoint",
    metavar="FOLDER",
    type=click.Path(),
    help="Keep checkpoints there, from which the run can go on.",
)
@click.option(
    "--checkpoint-every",
    metavar="TIME",
    type=Duration(),
    help="Between two of them: 30s, 5m, 1h.  [default: 5m]",
)
@click.option(
    "--resume",
    metavar="FOLDER",
    type=click.Path(),
    help="Go on with the run of these checkpoints; its texts and options are known.",
)
@click.option("--no-cache", is_flag=True, help="Keep no encoded text, and use none.")
@click.option("--quiet", is_flag=True, help="Only errors on standard error.")
@json_option
def train(
    texts: tuple[str, ...],
    output: str | None,
    format: str | None,
    checkpoint: str | None,
    checkpoint_every: float | None,
    resume: str | None,
    no_cache: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train word vectors on texts.

    TEXT is a file (also .gz, .bz2, .xz, .zst), a folder, a glob, or - for standard input; a line
    is a sentence, and whitespace separates words.
    """
    options |= {"no_cache": no_cache or None}
    given = {name: value for name, value in options.items() if value is not None}
    command = Command(texts, output, format, given)
    if resume is not None:
        command = resumed(resume, command)
    texts, output, format, given = command.whole()
    model = given.get("model", SkipGram.name)
    check_meaning(model, given)
    check_writable(output, format)
    made, files = MODELS[model](**arguments(MODELS[model], given)), _found(texts, output)
    check_largest(made, given.get("max_size"), DEVICES[get_backend(given.get("backend"))])
    saving = _saving(checkpoint, checkpoint_every, resume)
    _, report = run_training(
        partial(_read, files, given),
        made,
        output,
        format,
        quiet=quiet,
        resume=resume,
        notes=command._replace(texts=tuple(files)).notes(),
        **arguments(TrainingOptions, given) | saving,
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


def _read(files: list[str], given: dict[str, Any], progress: ReadingProgress | None) -> Corpus:
    return Corpus.from_files(
        files,
        cache="no_cache" not in given,
        workers=given.get("workers"),
        progress=progress,
        **arguments(CorpusOptions, given),
    )


def _found(texts: tuple[str, ...], output: str) -> list[str]:
    """The files of the texts; EmbedlayerError if one is missing, or would be written over."""
    place = Path(expanded(output))
    files = find_files(texts)
    for file in files:
        if place.exists() and os.path.exists(file) and place.samefile(file):
            raise EmbedlayerError(f"{output} is one of the texts: choose another output")
    return files
