"""The command that makes vectors of texts: train."""

import os
from pathlib import Path
from typing import Any

import click

from embedlayer.cli.files import format_option
from embedlayer.cli.options import MODEL_OPTION, arguments, check_meaning, with_options
from embedlayer.cli.output import json_option, note, print_json
from embedlayer.cli.progress import ReadingProgress
from embedlayer.cli.run import run_training, summary
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import MODELS
from embedlayer.storage.reading import expanded
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions
from embedlayer.text.readers import find_files
from embedlayer.training.options import TrainingOptions
from embedlayer.vectors.files import check_writable


@click.command()
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    required=True,
    type=click.Path(),
    help="The file for the vectors; its suffix tells the format.",
)
@format_option
@MODEL_OPTION
@with_options
@click.option("--no-cache", is_flag=True, help="Keep no encoded text, and use none.")
@click.option("--quiet", is_flag=True, help="Only errors on standard error.")
@json_option
def train(
    texts: tuple[str, ...],
    output: str,
    format: str | None,
    model: str,
    no_cache: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train word vectors on texts.

    TEXT is a file (also .gz, .bz2, .xz, .zst), a folder, a glob, or - for standard input; a line
    is a sentence, and whitespace separates words.
    """
    given = {name: value for name, value in options.items() if value is not None}
    check_meaning(model, given)
    check_writable(output, format)
    files = _found(texts, output)

    def read(progress: ReadingProgress | None) -> Corpus:
        chosen = arguments(CorpusOptions, given)
        workers = given.get("workers")
        return Corpus.from_files(
            files, cache=not no_cache, workers=workers, progress=progress, **chosen
        )

    made = MODELS[model](**arguments(MODELS[model], given))
    training = arguments(TrainingOptions, given)
    _, report = run_training(read, made, output, format, quiet=quiet, **training)
    if as_json:
        print_json(report)
    elif not quiet:
        note(summary(report))


def _found(texts: tuple[str, ...], output: str) -> list[str]:
    """The files of the texts; EmbedlayerError if one is missing, or would be written over."""
    place = Path(expanded(output))
    files = find_files(texts)
    for file in files:
        if place.exists() and os.path.exists(file) and place.samefile(file):
            raise EmbedlayerError(f"{output} is one of the texts: choose another output")
    return files
