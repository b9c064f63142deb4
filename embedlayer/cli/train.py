"""The command that makes vectors of texts: train."""

import os
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import click

from embedlayer.cli.files import format_option
from embedlayer.cli.output import json_option, note, print_json
from embedlayer.cli.run import run_training, summary
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import KINDS
from embedlayer.models import CBOW, LOSSES, MODELS, SkipGram
from embedlayer.optim import OPTIMIZERS
from embedlayer.progress import ReadingProgress
from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import find_files
from embedlayer.training import STEPS, Training
from embedlayer.vectors.formats import check_writable

COUNT = click.IntRange(min=1)
LEARNING_RATES = ", ".join(f"{model.default_lr} {name}" for name, model in MODELS.items())
# Options that would silently do nothing without a certain value of another one.
MEANT_FOR = {
    "negative": ("loss", "negative"),
    "noise_power": ("loss", "negative"),
    "divide": ("model", CBOW.name),
    "optimizer": ("step", "layered"),
}


def _option(
    flag: str, takes: Any, owner: Callable[..., Any], help: str, name: str = "", default: str = ""
) -> Callable[[Any], Any]:
    """An option that, where it is given, becomes the owner's argument of the same name."""
    name = name or flag.split("/")[0].removeprefix("--").replace("-", "_")
    default = default or str(signature(owner).parameters[name].default)
    metavar = "NUMBER" if takes in (COUNT, int, float) else None
    return click.option(
        flag, name, type=takes, default=None, metavar=metavar, help=f"{help}  [default: {default}]"
    )


MODEL_OPTIONS = (
    _option("--loss", click.Choice(list(LOSSES)), SkipGram, "How a target is learnt."),
    _option("--dim", COUNT, SkipGram, "Dimensions of a vector."),
    _option("--window", COUNT, SkipGram, "Most context words on each side."),
    _option("--negative", COUNT, SkipGram, "Noise words drawn for a window."),
    _option("--noise-power", float, SkipGram, "Noise words are drawn as counts to this power."),
    _option("--sample", float, SkipGram, "Words above this frequency are subsampled; 0: none."),
    _option(
        "--divide/--no-divide",
        bool,
        CBOW,
        "CBOW: divide the hidden gradient among the context words.",
        default="no-divide",
    ),
)
CORPUS_OPTIONS = (
    _option("--min-count", COUNT, Corpus.from_files, "Rarer words are left out."),
    _option("--max-vocab", COUNT, Corpus.from_files, "Most words.", "max_size", "all"),
    _option(
        "--max-sentence", COUNT, Corpus.from_files, "Longer lines are cut after so many words."
    ),
    _option(
        "--errors",
        click.Choice(["strict", "replace"]),
        Corpus.from_files,
        "What is not UTF-8 is an error, or replaced by U+FFFD.",
    ),
)
TRAINING_OPTIONS = (
    _option("--epochs", COUNT, Training, "Passes over the text."),
    _option("--lr", float, Training, "Learning rate at the start.", default=LEARNING_RATES),
    _option(
        "--min-lr", float, Training, "Learning rate at the end.", default="lr / 250, CBOW lr / 4"
    ),
    _option("--seed", int, Training, "Of all random choices."),
    _option("--workers", COUNT, Training, "Threads.", default="all cores"),
    _option(
        "--backend",
        click.Choice(["auto", *DEVICES]),
        Training,
        "Array library.",
        default="EMBEDLAYER_BACKEND, else auto",
    ),
    _option(
        "--kernels",
        click.Choice(KINDS),
        Training,
        "Compiled, or the readable definition.",
        default="EMBEDLAYER_KERNELS, else fused",
    ),
    _option("--step", click.Choice(STEPS), Training, "One kernel, or layers and an optimizer."),
    _option("--optimizer", click.Choice(list(OPTIMIZERS)), Training, "Of the layered step."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(MODEL_OPTIONS + CORPUS_OPTIONS + TRAINING_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    required=True,
    type=click.Path(path_type=Path),
    help="The file for the vectors; its suffix tells the format.",
)
@format_option
@click.option("--model", type=click.Choice(list(MODELS)), default=SkipGram.name, show_default=True)
@_with_options
@click.option("--no-cache", is_flag=True, help="Keep no encoded text, and use none.")
@click.option("--quiet", is_flag=True, help="Only errors on standard error.")
@json_option
def train(
    texts: tuple[str, ...],
    output: Path,
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
    _check_meaning(model, given)
    check_writable(output, format)
    _check_no_text_is(output, texts)

    def read(progress: ReadingProgress | None) -> Corpus:
        chosen = _arguments(Corpus.from_files, given)
        return Corpus.from_files(texts, cache=not no_cache, progress=progress, **chosen)

    made = MODELS[model](**_arguments(MODELS[model], given))
    training = _arguments(Training, given)
    _, report = run_training(read, made, output, format, quiet=quiet, **training)
    if as_json:
        print_json(report)
    elif not quiet:
        note(summary(report))


def _arguments(taker: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that are arguments of ``taker``."""
    known = signature(taker).parameters
    return {name: value for name, value in given.items() if name in known}


def _check_meaning(model: str, given: dict[str, Any]) -> None:
    """Refuse an option that would change nothing."""
    chosen = {"model": model, "loss": SkipGram.loss, "step": STEPS[0]} | given
    for name, (other, value) in MEANT_FOR.items():
        if name in given and chosen[other] != value:
            raise click.UsageError(
                f"--{name.replace('_', '-')} has no effect with --{other} {chosen[other]}"
            )


def _check_no_text_is(output: Path, texts: tuple[str, ...]) -> None:
    """Refuse to write over a text, and find now that one is missing."""
    for file in find_files(texts):
        if output.exists() and os.path.exists(file) and output.samefile(file):
            raise EmbedlayerError(f"{output} is one of the texts: choose another output")
