"""Ctrl-C, SIGTERM, and a terminal that closes: what they end, and what is kept."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from typing import Any, Self

BY_SIGNAL = 128  # and the signal's number: the exit code of what a signal ended
TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):  # Windows has none
    TOLD[signal.SIGHUP] = "hung up: its terminal was closed"


class Stopped(KeyboardInterrupt):
    """What :meth:`Stopping.look` raises.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Stopping:
    """Within ``with`` a signal waits for :meth:`look`; a second one ends the process at once.

    So no signal stops what may not be half done. One that the process was told to ignore, as of a
    run in the background, is ignored.

    Attributes:
        asked: the signal's number, once there is one.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if current_thread() is main_thread():
            for number in TOLD:
                if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def look(self, _: object = None) -> None:
        """Raise Stopped if a signal has come: a callback of a run, and wherever it may end."""
        if self.asked is not None:
            raise Stopped(self.asked)

    def _take(self, number: int, _: object) -> None:
        if self.asked is not None:
            _end(number)
        self.asked = number


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
