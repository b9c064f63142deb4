"""Bells: how processes of one host tell each other that they are there.

A message of distributed takes two milliseconds, a byte in a pipe a twentieth of one, and a pipe
tells at once that its other side is gone. Others find its end through /proc, as they find outboxes.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import numpy as np

from embedlayer.training.collective import LostReplica

LOOK_SECONDS = 0.05
RUNG = b"!"


class Bells:
    """Those of one process in a group: one that each other rings, and one of each that it rings.

    Args:
        here: the address of this process.
        addresses: of all processes of the group.

    Attributes:
        ends: int64, (addresses,): this process's numbers of the files by which the others ring.
    """

    def __init__(self, here: str, addresses: Sequence[str]) -> None:
        pipes = [Pipe(duplex=False) for _ in addresses]
        self._heard = {one: heard for one, (heard, _) in zip(addresses, pipes, strict=True)}
        self._ends = [end for _, end in pipes]
        self._rung: dict[str, Connection] = {}
        self._place = addresses.index(here)
        self.ends = np.array([end.fileno() for end in self._ends])

    def open(self, other: str, process: int, ends: np.ndarray) -> bool:
        """Open the bell that this process rings at another; whether it is there.

        Args:
            other: the address of that process.
            process: its number on this system.
            ends: as that process has them.
        """
        try:
            file = os.open(f"/proc/{process}/fd/{ends[self._place]}", os.O_WRONLY)
        except OSError:
            return False
        self._rung[other] = Connection(file, readable=False)
        return True

    def close_ends(self) -> None:
        """All who ring have opened theirs: from now on a bell is lost with who rings it."""
        for end in self._ends:
            end.close()

    def ring(self, others: Iterable[str]) -> None:
        """Tell others that this process is there.

        Raises:
            LostReplica: one of them is gone.
        """
        for other in others:
            try:
                self._rung[other].send_bytes(RUNG)
            except OSError:
                raise LostReplica(f"the worker {other} is gone") from None

    def hear(self, others: Iterable[str], look: Callable[[], None], timeout: float) -> None:
        """Wait until each of the others has rung as often as this was called.

        Args:
            others: their addresses.
            look: called now and then; may raise what ends the waiting.
            timeout: seconds until who did not ring counts as lost.

        Raises:
            LostReplica: one of them is gone. TimeoutError: one is too late.
        """
        silent: dict[Any, str] = {self._heard[other]: other for other in others}
        until = time.monotonic() + timeout
        while silent:
            for bell in wait([*silent], LOOK_SECONDS):
                other = silent.pop(bell)
                try:
                    self._heard[other].recv_bytes()
                except (EOFError, OSError):
                    look()
                    raise LostReplica(f"the worker {other} is gone") from None
            look()
            if silent and time.monotonic() > until:
                raise TimeoutError
