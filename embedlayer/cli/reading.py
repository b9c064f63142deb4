"""The options of commands that read vectors, made of the declaration of what is read of a file."""

import sys
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, BinaryIO

from embedlayer.cli.options import declared
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.formats.contents import ReadingOptions

OPTIONS = {field.name: field for field in fields(ReadingOptions)}


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with what ``Vectors.load`` takes by name; it is given what the user gives."""

    @wraps(command)
    def handed_on(**arguments: Any) -> None:
        not_given = {name for name in OPTIONS if arguments[name] is None}
        command(**{name: one for name, one in arguments.items() if name not in not_given})

    for field in reversed(OPTIONS.values()):
        handed_on = declared(field)(handed_on)
    return handed_on


def words_input() -> BinaryIO:
    """Standard input, as bytes; EmbedlayerError where it is closed."""
    if sys.stdin is None:
        raise EmbedlayerError("standard input is closed: there are no words to read")
    return sys.stdin.buffer
