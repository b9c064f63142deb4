"""Options of train in a file: TOML, read by --config, written by --save-config and tune."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from embedlayer.cli.choices import did_you_mean
from embedlayer.cli.options import flag
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import expanded
from embedlayer.storage.writing import told_where

MOST_BYTES = 1 << 20
NOT_IN_FILES = ("preset", "config", "save_config", "resume", "help", "as_json")
ALONE = (
    "text",
    "texts",
    "preset",
    "config",
    "save-config",
    "resume",
    "help",
    "json",
)  # as they are spelt
TEXTS = (click.Path, click.types.StringParamType)  # of which no number is one


def _take(context: click.Context, _: click.Parameter, path: str | None) -> str | None:
    """Make what the file says the defaults of the command, so that its options override it."""
    if path is not None:
        context.default_map = {**(context.default_map or {}), **_read(context, path)}
    return path


config_option = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(),
    is_eager=True,
    expose_value=False,
    callback=_take,
    help="Take options from there (TOML, their names as here); options that are given override it.",
)


def write_config(path: str | os.PathLike[str], options: Mapping[str, Any], head: str) -> None:
    """Write options by their names, whole or not at all.

    Args:
        path: of the file.
        options: numbers, texts, True and False.
        head: what a first line says, as a comment.

    Raises:
        EmbedlayerError: a folder or a disk that does not take it.
    """
    lines = [f"# {' '.join(head.split())}"]
    for name, value in options.items():  # a JSON string is one of TOML, but for a DEL
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"{flag(name).removeprefix('--')} = {text}")
    with told_where(path) as unfinished:
        unfinished.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _read(context: click.Context, path: str) -> dict[str, Any]:
    """The options of a file, by parameter; EmbedlayerError for what is none, with its name."""
    known = {
        name: parameter
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and parameter.name not in NOT_IN_FILES
        for name in (one.removeprefix("--") for one in parameter.opts if one.startswith("--"))
    }
    found: dict[str, Any] = {}
    for written, value in _table(path).items():
        try:
            option = known.get(written.replace("_", "-"))
            if option is None:
                raise EmbedlayerError(_not_there(context, written, known))
            if option.name in found:
                raise EmbedlayerError(f"{written} is there twice, with - and with _")
            typed = _as_typed(value, option)
            option.type_cast_value(context, typed)
        except click.BadParameter as error:
            raise EmbedlayerError(f"{path}: {written} = {value!r:.60}: {error.message}") from None
        except EmbedlayerError as error:
            raise EmbedlayerError(f"{path}: {error}") from None
        found[str(option.name)] = typed
    return found


def _not_there(context: click.Context, written: str, known: Mapping[str, Any]) -> str:
    """What is said of a name that is no option's, or of an option that no file may have."""
    name = written.replace("_", "-")
    if name in ALONE:
        return f"{written} is for the command line alone"
    near = did_you_mean(name.removeprefix("--").removeprefix("no-"), known)
    cure = near or f" {context.command_path} --help tells them"
    return f"there is no option {written}.{cure}"


def _as_typed(value: Any, option: click.Option) -> str | list[str]:
    """A value, or several, as typed on a command line, so that 2.5 is no whole number."""
    if option.multiple:
        return [_typed(one, option) for one in (value if isinstance(value, list) else [value])]
    return _typed(value, option)


def _typed(value: Any, option: click.Option) -> str:
    if isinstance(option.type, TEXTS) and not isinstance(value, str):
        raise EmbedlayerError(f"{flag(str(option.name))[2:]} = {value!r:.60}: it has to be a text")
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float | str):
        raise EmbedlayerError(f"{value!r:.60} is no value of an option: a number, a text, or true")
    return str(value)


def _table(path: str) -> dict[str, Any]:
    place = Path(expanded(path))
    try:
        if not place.is_file():  # a pipe could make us wait for ever
            raise EmbedlayerError(f"no such file: {path}")
        with place.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise EmbedlayerError(f"{path} holds more than {MOST_BYTES} bytes: no options")
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise EmbedlayerError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, EmbedlayerError):
            raise
        raise EmbedlayerError(f"{path} is no TOML: {str(error).splitlines()[0]}") from None
