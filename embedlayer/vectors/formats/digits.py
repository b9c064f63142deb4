"""What shows that a file is of rows in digits: a header, and numbers that are written out."""

import re

from embedlayer.errors import EmbedlayerError

HEADER = re.compile(rb"\s*(\d{1,15})\s+(\d{1,15})\s*")
NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)


def parse_header(line: bytes) -> tuple[int, int]:
    """V and D."""
    header = HEADER.fullmatch(line)
    if header is None:
        raise EmbedlayerError(
            'line 1: the number of words and of dimensions is expected, as in "71290 100"'
        )
    size, dim = int(header[1]), int(header[2])
    if size == 0 or dim == 0:
        raise EmbedlayerError(f"line 1 promises {size} words of {dim} dimensions: there are none")
    return size, dim


def in_digits(line: bytes, dim: int) -> bool:
    """Whether most of a row's ``dim`` numbers are written out, so that one bad one is no matter.

    Raw floats pass for one number in digits now and then, but not for many.
    """
    written = sum(NUMBER.fullmatch(field) is not None for field in line.split()[1:])
    return 2 * written > dim > 0
