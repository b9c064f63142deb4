"""Options: what each may be, and what is said if it is not; checked once, before any work.

A frozen dataclass declares its options with :func:`option`, and calls :func:`check_options` when it
is made. The command line takes types, ranges, defaults and help from the same declarations.
"""

import math
import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from embedlayer.errors import EmbedlayerError, shown


@dataclass(frozen=True)
class Whole:
    """A whole number in a range: an int, or NumPy's."""

    least: int = 1
    most: int = 2**31 - 1

    def checked(self, name: str, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            number = None
        if number is None or isinstance(value, bool):
            raise EmbedlayerError(f"{name} is {shown(value)}: it must be a whole number")
        return _in_range(name, number, self.least, self.most)


@dataclass(frozen=True)
class Real:
    """A finite number in a range: a float, an int, or NumPy's."""

    least: float = -math.inf
    most: float = math.inf

    def checked(self, name: str, value: Any) -> float:
        try:
            number = math.nan if isinstance(value, str | bytes | bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise EmbedlayerError(f"{name} is {shown(value)}: it must be a finite number")
        return _in_range(name, number, self.least, self.most)


@dataclass(frozen=True)
class Share:
    """A part of something, 0 to a most: a number, which the command line takes as 0.1%, too."""

    most: float = 1.0

    def checked(self, name: str, value: Any) -> float:
        return Real(0, self.most).checked(name, value)


@dataclass(frozen=True)
class Choice:
    """One of some names: the keys of a table, and what stands for one of them."""

    table: Collection[str]
    also: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [*self.also, *self.table]

    def checked(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise EmbedlayerError(f"{name} {shown(value)}: choose {' or '.join(self.names)}")
        return value


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def checked(self, name: str, value: Any) -> bool:
        if str(value) not in ("True", "False"):  # NumPy's too
            raise EmbedlayerError(f"{name} is {shown(value)}: it must be True or False")
        return bool(value)


@dataclass(frozen=True)
class Group:
    """Options that belong together: an object of a dataclass, or its options by name."""

    made: type[Any]

    def checked(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):  # as JSON holds it
            check_names(value, [one.name for one in fields(self.made)])
            return self.made(**value)
        if not isinstance(value, self.made):
            raise EmbedlayerError(f"{name} is {shown(value)}: give {self.made.__name__}(...)")
        return value


Kind = Whole | Real | Share | Choice | Flag | Group


def option(default: Any, kind: Kind, help: str, shown: str = "") -> Any:
    """A field of a dataclass that is an option.

    Args:
        default: its value where none is given; None stands for a default that depends on others.
        kind: what it may be; None is allowed where it is the default.
        help: what it is, for the command line.
        shown: the default as the command line tells it; default ``str(default)``.
    """
    return field(
        default=default, metadata={"kind": kind, "help": help, "shown": shown or str(default)}
    )


def check_options(options: Any) -> None:
    """Check every option of a dataclass, and make NumPy's scalars Python's.

    Raises:
        EmbedlayerError: a value that an option cannot have, by the option's name.
    """
    for one in fields(options):
        value = getattr(options, one.name)
        if "kind" in one.metadata and (value is not None or one.default is not None):
            checked = one.metadata["kind"].checked(one.name, value)
            object.__setattr__(options, one.name, checked)


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """Raise EmbedlayerError for a name that is not known, with the nearest one that is."""
    from difflib import get_close_matches

    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            cure = f"did you mean {near[0]}?" if near else f"choose among {', '.join(known)}"
            raise EmbedlayerError(f"there is no option {name}: {cure}")


def check_function(name: str, value: Any) -> None:
    """Raise EmbedlayerError for what cannot be called."""
    if not callable(value):
        raise EmbedlayerError(f"{name} is {shown(value)}: it must be a function")


def _in_range(name: str, value: Any, least: float, most: float) -> Any:
    if value < least:
        raise EmbedlayerError(f"{name} is {value}: it must be at least {least}")
    if value > most:
        raise EmbedlayerError(f"{name} is {value}: it must be at most {most}")
    return value
