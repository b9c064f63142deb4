"""The options of ``train``, made of the declarations of the dataclasses that take them."""

import re
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click
from click.core import ParameterSource

from embedlayer import options as kinds
from embedlayer.cli.choices import Choice
from embedlayer.cli.help import section
from embedlayer.models.options import CBOW, MODELS, SkipGram, Word2Vec
from embedlayer.models.outputs import LOSSES
from embedlayer.ngrams import Subwords
from embedlayer.text.options import CorpusOptions
from embedlayer.training.options import TrainingOptions

FLAGS = {
    "max_size": "--max-vocab",
    "phrase_passes": "--phrases",
}  # where the flag is not the option's name
NOT_OFFERED = (
    *("batch", "measure", "in_flight"),  # for those who write Python
    *("min_n", "max_n"),  # --subwords takes both
)
OF_SUBWORDS = ("buckets", "shared_windows")


def flag(name: str) -> str:
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def declared(field: Field[Any], prefix: str = "") -> Callable[[Any], Any]:
    """An option that becomes the argument of that name, behind a prefix, where it is given."""
    kind, name = field.metadata["kind"], prefix + field.name
    text = flag(name)
    takes: Any = float
    metavar: str | None = "NUMBER"
    if isinstance(kind, kinds.Group):
        takes, metavar = Lengths(), "MIN-MAX"
    elif isinstance(kind, kinds.Share):
        takes, metavar = Part(), "SHARE"
    elif isinstance(kind, kinds.Whole):
        takes = WholeNumber(kind.least, kind.most)
    elif isinstance(kind, kinds.Choice):
        takes, metavar = Choice(kind.names), None
    elif isinstance(kind, kinds.Flag):
        text, takes, metavar = f"{text}/--no-{text[2:]}", bool, None
    help = f"{field.metadata['help']}  [default: {field.metadata['shown']}]"
    return click.option(
        text, name, cls=_Declared, type=takes, default=None, metavar=metavar, help=help
    )


class _Declared(click.Option):
    """An option whose range is not told in the help: a sensible number is in it."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


class WholeNumber(click.IntRange):
    """A whole number in a range, called so where it is none."""

    name = "whole number"


class Lengths(click.ParamType):
    """Characters of the shortest and the longest n-gram: ``3-6``."""

    name = "lengths"

    def convert(self, value: Any, parameter: Any, context: Any) -> str:
        if re.fullmatch(r"\d{1,3}-\d{1,3}", str(value)) is None:
            text = f"{value!r} are no lengths: give the shortest and the longest n-gram, as in 3-6"
            self.fail(text, parameter, context)
        return str(value)


class Part(click.ParamType):
    """A part of something: ``0.001`` or ``0.1%``."""

    name = "share"

    def convert(self, value: Any, parameter: Any, context: Any) -> float:
        digits, percent, _ = str(value).replace(" ", "").partition("%")
        try:
            return float(digits) / (100 if percent else 1)
        except ValueError:
            self.fail(f"{value!r} is no share: give 0.001 or 0.1%", parameter, context)


# Of which section of the help the options of a dataclass are. CBOW has all of skip-gram's.
SECTIONS = {"Text": (CorpusOptions,), "Model": (CBOW, Subwords), "Training": (TrainingOptions,)}
OPTIONS = {
    section: [field for owner in owners for field in fields(owner) if field.name not in NOT_OFFERED]
    for section, owners in SECTIONS.items()
}
MODEL_OPTION = click.option(
    "--model", type=Choice(list(MODELS)), help=f"[default: {SkipGram.name}]"
)
# Options that would silently do nothing without a certain value of another one.
MEANT_FOR = {
    **{
        name: ("loss", [loss for loss in LOSSES if name in LOSSES[loss].options])
        for outputs in LOSSES.values()
        for name in outputs.options
    },
    "divide": ("model", [CBOW.name]),
    "optimizer": ("step", ["layered"]),
}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all options of model, corpus and run, in sections."""
    for name, found in reversed(OPTIONS.items()):
        before = [MODEL_OPTION] if name == "Model" else []
        command = section(name, *before, *map(declared, found))(command)
    return command


def check_meaning(model: str, given: dict[str, Any]) -> None:
    """Refuse an option that would change nothing."""
    for name in OF_SUBWORDS:
        if name in given and "subwords" not in given:
            raise click.UsageError(f"{_named(name)} has no effect without --subwords")
    chosen = {"model": model, "loss": SkipGram.loss, "step": TrainingOptions.step} | given
    for name, (other, values) in MEANT_FOR.items():
        if name in given and chosen[other] not in values:
            raise click.UsageError(f"{_named(name)} has no effect with --{other} {chosen[other]}")


def _named(name: str) -> str:
    """The flag of an option that was given, and where that is not seen on the command line."""
    context = click.get_current_context(silent=True)
    given_in = context and context.get_parameter_source(name)
    of_file = given_in is ParameterSource.DEFAULT_MAP
    return f"{flag(name)}{', in the file of --config,' if of_file else ''}"


def arguments(owner: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Those of the options given that are fields of a dataclass."""
    names = {field.name for field in fields(owner)}
    return {name: value for name, value in given.items() if name in names}


def model_options(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Those of the options given that the model of this name takes."""
    options = arguments(MODELS[name], given)
    if "subwords" in given:
        options["subwords"] = Subwords.of_lengths(given["subwords"], **arguments(Subwords, given))
    return options


def resolved(model: Word2Vec, given: dict[str, Any]) -> dict[str, Any]:
    """All options that shape the vectors, those that were not given as they are by default."""
    defaults = {
        field.name: field.default for found in OPTIONS.values() for field in found
    } | model.options()
    if defaults.pop("subwords") is None:
        defaults |= dict.fromkeys(OF_SUBWORDS)
    known = {name: value for name, value in defaults.items() if value is not None}
    known |= {name: value for name, value in given.items() if name != "no_cache"}
    return {
        name: value
        for name, value in known.items()
        if name not in MEANT_FOR or known[MEANT_FOR[name][0]] in MEANT_FOR[name][1]
    }
