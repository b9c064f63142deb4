"""The standard streams as a command finds them: some closed, their readers gone, their disks full.

Standard error is for a person's eyes: whatever becomes of it, the work goes on.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


def settle_streams() -> None:
    """Make the process's streams such that nothing a command does can fail for standard error.

    A standard descriptor that is closed is opened on the null device, or the next file that is
    opened, the vectors' say, would take its number and what is written there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    stream = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = Lasting(stream)


class Lasting:
    """A stream to which writing never fails: after the first failure it is the null device."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._without_failure():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._without_failure():
            self._stream.flush()

    @contextmanager
    def _without_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())  # or what is unwritten would fail at the end
            os.close(null)
