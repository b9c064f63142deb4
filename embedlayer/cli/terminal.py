"""The terminal, if there is one: how wide it is, and whether it is for colors and for questions."""

import os
import shutil
import sys
from typing import TextIO


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def columns_of(stream: TextIO | None) -> int | None:
    """The columns of the terminal that a stream is; None where it is a file or a pipe."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else None


def asks() -> bool:
    """Whether a person sits there to be asked: standard input and output are a terminal."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def wants_color() -> bool | None:
    """What the environment says: NO_COLOR none, FORCE_COLOR always; None: on terminals alone."""
    if os.environ.get("NO_COLOR") or os.environ.get("FORCE_COLOR") == "0":
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return False if os.environ.get("TERM") == "dumb" else None
