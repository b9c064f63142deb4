"""What commands print: JSON or aligned tables on standard output, notes on standard error."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from embedlayer.cli.tables import table_lines
from embedlayer.cli.terminal import columns_of
from embedlayer.errors import EmbedlayerError


def tell(text: str) -> None:
    """What was asked for, on standard output.

    Raises:
        EmbedlayerError: it is closed, or is a file on a full disk.
        BrokenPipeError: its reader has seen enough.
    """
    _check_stdout()
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EmbedlayerError(f"cannot write to standard output: {error.strerror}") from None


def _check_stdout() -> None:
    if sys.stdout is None:
        raise EmbedlayerError("standard output is closed: there is no place for the answer")


def _asked(context: click.Context, option: click.Parameter, json: bool) -> bool:
    """Find before any work that JSON has no place."""
    if json:
        _check_stdout()
    return json


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_asked,
    help="Print one JSON object on standard output.",
)


def print_json(content: dict[str, Any]) -> None:
    """One object on one line; ASCII, which every terminal and pipe can hold."""
    tell(json.dumps(content, allow_nan=False))


def print_table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> None:
    """A table as wide as the terminal at most; in a file or a pipe a row is a line."""
    for line in table_lines(rows, head, columns_of(sys.stdout)):
        tell(line)


def note(text: str) -> None:
    """A line on standard error."""
    click.echo(text, err=True)


def show_bytes(size: float) -> str:
    """A size in megabytes: ``63.9 MB``."""
    return f"{size / 1e6:,.1f} MB"


def show_age(seconds: float) -> str:
    """How long ago something was, in its largest unit: ``3 days ago``."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // size)) > 0:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "now"


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(self.format(record))


@contextmanager
def log_shown(level: int) -> Iterator[None]:
    """Within the block, what embedlayer logs, of this level and above, goes to standard error."""
    log, handler = logging.getLogger("embedlayer"), _Notes(level)
    before, handed_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
        log.propagate = handed_on
