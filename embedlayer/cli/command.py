"""What a training command asks for; of a run that goes on it is in the checkpoint."""

import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import click

from embedlayer.cli.options import flag
from embedlayer.cli.reporting import NAMES as REPORTING
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded
from embedlayer.storage.remote import is_url
from embedlayer.text.options import CorpusOptions
from embedlayer.text.readers import STDIN, find_files
from embedlayer.training.checkpoint import CheckpointFolder, read_checkpoint
from embedlayer.training.saving import FREE

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
PATHS = ("continue_from", "phrases_from", "folder", "report", "evaluate")
MAY_CHANGE = (*FREE, "no_cache", "scheduler", "folder", *REPORTING)


class Duration(click.ParamType):
    """Seconds; ``5m`` and ``1h`` are minutes and hours."""

    name = "duration"

    def convert(self, value: Any, parameter: Any, context: Any) -> float:
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is no time: give seconds, or 30s, 5m, 1h", parameter, context)
        return float(found[1]) * UNITS[found[2]]


class Command(NamedTuple):
    """The command that begins a run.

    Attributes:
        texts, output, format: as they were given.
        given: the options that were given, by name, the model among them.
    """

    texts: tuple[str, ...]
    output: str | None
    format: str | None
    given: dict[str, Any]

    def notes(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, with paths that hold in any folder."""
        return {
            "texts": [_anywhere(text) for text in self.texts],
            "output": _anywhere(self.output or ""),
            "format": self.format,
            "given": {
                name: _path_or_paths(value) if name in PATHS else value
                for name, value in self.given.items()
            },
        }

    def whole(self) -> tuple[tuple[str, ...], str, str | None, dict[str, Any]]:
        """Its parts; UsageError if it lacks one that it needs."""
        if not self.texts:
            raise click.UsageError("Missing argument 'TEXT...'.")
        if self.output is None:
            raise click.UsageError("Missing option '-o' / '--output'.")
        return self.texts, self.output, self.format, self.given


def resumed(folder: str, again: Command) -> Command:
    """The command of the run whose checkpoints a folder holds.

    Args:
        folder: of the checkpoints.
        again: what was given this time: other texts, where they lie elsewhere now, and options
            that may change; what else was given has to agree.

    Raises:
        EmbedlayerError: no checkpoint that is whole, something given that does not agree, or a run
            that is still under way.
    """
    path, about, *_ = read_checkpoint(folder)
    CheckpointFolder(folder, path)  # told now, and not when the text has been read
    notes = about["notes"]
    if "given" not in notes:
        raise EmbedlayerError(
            f"the run in {folder} was begun from Python: go on with Training.resume there"
        )
    known = asdict(CorpusOptions()) | about["options"] | about["model"] | notes["given"]
    for name, value in again.given.items():
        if name not in MAY_CHANGE and known.get(name) != value:
            raise EmbedlayerError(
                f"{flag(name)} {value} is not the run's, {known.get(name)}: leave it out to go on "
                "with that run, or begin another"
            )
    if again.output is not None and _anywhere(again.output) != notes["output"]:
        raise EmbedlayerError(f"-o {again.output} is not the run's output, {notes['output']}")
    if again.format not in (None, notes["format"]):
        known_format = notes["format"] or "which the suffix tells"
        raise EmbedlayerError(f"--format {again.format} is not the run's, {known_format}")
    if STDIN in notes["texts"] and not again.texts:
        raise EmbedlayerError(
            f"the run in {folder} read standard input: give its text again, as in "
            f"zcat text.gz | embedlayer train - --resume {folder}"
        )
    return Command(
        again.texts or tuple(notes["texts"]),
        notes["output"],
        notes["format"],
        notes["given"] | {name: again.given[name] for name in again.given if name in MAY_CHANGE},
    )


def find_texts(texts: tuple[str, ...], *outputs: str) -> list[str]:
    """The files of the texts; EmbedlayerError if one is missing, or would be written over."""
    files = find_files(texts)
    if len({_anywhere(output) for output in outputs}) < len(outputs):
        raise EmbedlayerError(f"{outputs[-1]} is named for two outputs: choose another")
    for output in outputs:
        place = Path(expanded(output))
        for file in files:
            if place.exists() and os.path.exists(file) and place.samefile(file):
                raise EmbedlayerError(f"{output} is one of the texts: choose another output")
    return files


def _path_or_paths(value: str | Sequence[str]) -> str | list[str]:
    return _anywhere(value) if isinstance(value, str) else [_anywhere(one) for one in value]


def _anywhere(path: str) -> str:
    """A path, or a URL, that says the same in every folder."""
    return path if path == STDIN or is_url(path) else os.path.abspath(expanded(path))
