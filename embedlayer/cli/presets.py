"""Options of train by one name: what benchmarks/frontier.py found to be worth its time."""

from typing import Any

import click

from embedlayer.cli.choices import Choice

# docs/performance.md, "The frontier", has the scores and the seconds.
PRESETS: dict[str, dict[str, Any]] = {
    "quality": {"dim": 200, "epochs": 10},
}


def _take(context: click.Context, _: click.Parameter, name: str | None) -> str | None:
    """Make them defaults of the command, which a file of options and the command line override."""
    if name is not None:
        context.default_map = {**PRESETS[name], **(context.default_map or {})}
    return name


def _told(name: str) -> str:
    return f"{name}: {' '.join(f'--{option} {value}' for option, value in PRESETS[name].items())}"


preset_option = click.option(
    "--preset",
    type=Choice(list(PRESETS)),
    is_eager=True,
    expose_value=False,
    callback=_take,
    help=f"Options at once, which others override: {'; '.join(map(_told, PRESETS))}.",
)
