"""Names that a person types: one of a few, and which one was meant where it is none of them."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import click

LONG = 30  # letters of all names together, above which they are told in the help


class Choice(click.Choice[str]):
    """One of some names; an error tells the one that is nearest."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return "NAME" if self.listed() else super().get_metavar(param, ctx)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(value, self.choices)

    def listed(self) -> str:
        """The names, where there are so many that the help has to tell them."""
        names = ", ".join(self.choices)
        return names if len(names) > LONG else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question behind an error; nothing where no name is near."""
    by_letters = {other.lower(): other for other in names}
    near = get_close_matches(name.lower(), by_letters, 1)
    return f" Did you mean {by_letters[near[0]]!r}?" if near else ""
