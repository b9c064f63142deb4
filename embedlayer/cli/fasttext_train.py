"""fastText's two commands that train word vectors, with its options and its defaults."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import Documented
from embedlayer.cli.output import note
from embedlayer.cli.run import run_training, summary
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import find_files
from embedlayer.training.further import Learnt
from embedlayer.training.run import Training
from embedlayer.vectors.files import check_writable
from embedlayer.vectors.vectors import Vectors

LOSSES = {"ns": "negative", "hs": "hierarchical"}
NOISE_POWER = 0.5  # fastText draws noise by the root of counts
# What is trained with, by fastText's names: the kind, the default and what it is.
OPTIONS: dict[str, tuple[Any, Any, str]] = {
    "lr": (float, 0.05, "Learning rate at the start; it falls to 0."),
    "dim": (int, 100, "Dimensions of a vector."),
    "ws": (int, 5, "Largest number of context words on each side."),
    "epoch": (int, 5, "Passes over the text."),
    "minCount": (int, 5, "Words that occur less often are dropped."),
    "neg": (int, 5, "Noise words of a window."),
    "loss": (Choice([*LOSSES]), "ns", "Negative sampling, or hierarchical softmax."),
    "bucket": (int, 2_000_000, "Rows that n-grams share."),
    "minn": (int, 3, "Characters of the shortest n-gram."),
    "maxn": (int, 6, "Characters of the longest; 0: words alone."),
    "thread": (int, None, "Threads; default all cores."),
    "t": (float, 1e-4, "Words above this frequency are subsampled."),
    "seed": (int, 0, "Of all random choices."),
    "verbose": (int, 2, "0: only errors on standard error."),
    "pretrainedVectors": (click.Path(), None, "Vectors from which words begin."),
}
# What would mean something else here, or nothing.
VALUES = {
    "lrUpdateRate": (100, "the rate is a function of the place in the text"),
    "wordNgrams": (1, "n-grams of words are a classifier's"),
    "minCountLabel": (0, "labels are a classifier's"),
    "label": ("__label__", "labels are a classifier's"),
}
FLAGS = {
    "saveOutput": "embedlayer train --keep-output keeps the output table in a native file; the "
    ".bin has it in any case",
    **dict.fromkeys(("retrain", "qnorm", "qout"), "embedlayer writes no .ftz files"),
}


def _one_value(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Take the value that changes nothing, and refuse any other."""
    name = (option.name or "").removeprefix("only_")
    usual, why = VALUES[name]
    if value is not None and value != str(usual):
        raise EmbedlayerError(f"fasttext -{name} {value}: only {usual} is honoured; {why}")


def _no_flag(context: click.Context, option: click.Parameter, value: bool) -> None:
    name = (option.name or "").removeprefix("only_")
    if value:
        raise EmbedlayerError(f"fasttext -{name}: {FLAGS[name]}")


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with fastText's options."""
    for name in FLAGS:
        takes: dict[str, Any] = {"is_flag": True, "callback": _no_flag}
        command = click.option(
            f"-{name}", f"only_{name}", hidden=True, expose_value=False, **takes
        )(command)
    for name in VALUES:
        command = click.option(
            f"-{name}", f"only_{name}", hidden=True, expose_value=False, callback=_one_value
        )(command)
    for name, (kind, default, help) in reversed(OPTIONS.items()):
        command = click.option(
            f"-{name}",
            name,
            type=kind,
            default=default,
            show_default=default is not None,
            help=help,
        )(command)
    command = click.option(
        "-output", "output", required=True, type=click.Path(), help="OUTPUT.bin, OUTPUT.vec."
    )(command)
    return click.option(
        "-input", "source", required=True, type=click.Path(), help="A text; a line is a sentence."
    )(command)


@click.command(cls=Documented)
@_with_options
def skipgram(**options: Any) -> None:
    """Train skip-gram, and write OUTPUT.bin and OUTPUT.vec.

    Examples:
        embedlayer fasttext skipgram -input corpus.txt -output model -dim 100
    """
    _train(SkipGram, **options)


@click.command(cls=Documented)
@_with_options
def cbow(**options: Any) -> None:
    """Train CBOW, and write OUTPUT.bin and OUTPUT.vec.

    Examples:
        embedlayer fasttext cbow -input corpus.txt -output model -dim 100
    """
    _train(CBOW, **options)


def _train(kind: type[SkipGram | CBOW], source: str, output: str, **options: Any) -> None:
    binary, text = f"{output}.bin", f"{output}.vec"
    check_writable(binary, "fasttext")
    check_writable(text)
    files, start = find_files((source,)), options["pretrainedVectors"]
    learnt = None if start is None else Learnt.of(start)
    reading: dict[str, Any] = {"min_count": options["minCount"], "workers": options["thread"]}
    if learnt is not None:
        reading["vocabulary"] = learnt.vocabulary
    _, report = run_training(
        lambda progress: Corpus.from_files(files, progress=progress, **reading),
        _model(kind, options),
        binary,
        "fasttext",
        quiet=options["verbose"] == 0,
        begin=Training if learnt is None else partial(Training.from_vectors, learnt, old_rates=1.0),
        epochs=options["epoch"],
        lr=options["lr"],
        min_lr=0.0,
        seed=options["seed"],
        workers=options["thread"],
        keep_output=True,
    )
    Vectors.load(binary).save(text)
    if options["verbose"]:
        note(summary(report))


def _model(kind: type[SkipGram | CBOW], options: dict[str, Any]) -> SkipGram | CBOW:
    given: dict[str, Any] = {"loss": LOSSES[options["loss"]]}
    if options["loss"] == "ns":
        given |= {"negative": options["neg"], "noise_power": NOISE_POWER}
    if options["maxn"] >= max(options["minn"], 1):
        given["subwords"] = Subwords(max(options["minn"], 1), options["maxn"], options["bucket"])
    return kind(dim=options["dim"], window=options["ws"], sample=options["t"], **given)
