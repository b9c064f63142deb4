"""Ctrl-C and SIGTERM: what they end, and what is kept."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from typing import Any, Self

BY_SIGNAL = 128  # and the signal's number: the exit code of what a signal ended
TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Stopped(KeyboardInterrupt):
    """The first Ctrl-C or SIGTERM within :class:`Stopping`.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Stopping:
    """Within ``with`` a signal raises :class:`Stopped`; a second one ends the process at once.

    A signal that the process was told to ignore, as of a run in the background, is ignored.
    """

    def __init__(self) -> None:
        self._asked: int | None = None
        self._held = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        ours = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        if current_thread() is main_thread():
            for number, default in ours.items():
                if signal.getsignal(number) is default:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block the first signal only waits: what is under way is done first."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked is not None:
            raise Stopped(self._asked)

    def _take(self, number: int, _: object) -> None:
        if self._asked is not None:
            _end(number)
        self._asked = number
        if not self._held:
            raise Stopped(number)


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """Within the block Ctrl-C ends the process at once: threads that compile cannot be stopped.

    Only for work of which nothing need be kept or tidied up.
    """
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or before is not signal.default_int_handler:
        yield  # no signals here, or they were told to go elsewhere
        return

    signal.signal(signal.SIGINT, lambda number, _: _end(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int) -> None:
    with suppress(OSError):
        os.write(2, f"embedlayer: {TOLD[signal.Signals(number)]}\n".encode())
    os._exit(BY_SIGNAL + number)
