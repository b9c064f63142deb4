"""What replicas say to each other: slices of rows change hands, and all wait for all."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, Self

from embedlayer.arrays import Table

Rows = Sequence[Table]  # rows of each table


class LostReplica(Exception):
    """Another replica failed: what all of them have done since the last whole merge is void."""


class Collective(Protocol):
    """One replica's connection to all of them; every replica makes the same calls in one order.

    Attributes:
        rank: its number, from 0.
        size: the number of replicas.

    Raises:
        LostReplica: by any call, where another replica failed.
    """

    rank: int
    size: int

    def exchange(self, parts: Sequence[Rows]) -> list[Rows]:
        """Give part k to replica k; what all of them gave to this one, in the order of ranks.

        This replica merges what it is given, and all of it becomes what it is merged to: where
        replicas share memory, it is the givers' own.
        """
        ...

    def give_back(self, merged: Rows, parts: Sequence[Rows]) -> None:
        """Give all replicas the rows that this one merged; the parts become what all merged.

        Args:
            merged: what is given.
            parts: those of :meth:`exchange`, now written.
        """
        ...


class Threads:
    """The replicas of one process, a thread each: parts change hands without being copied.

    Args:
        size: of replicas.
        turns: one thread works at a time, while the others wait: the same bits, one after the
            other.
    """

    def __init__(self, size: int, turns: bool = False) -> None:
        self.size = size
        self.given: list[Sequence[Rows]] = [()] * size
        self.meeting = threading.Barrier(size)
        self.turn: AbstractContextManager[object] = threading.Lock() if turns else nullcontext()

    def member(self, rank: int) -> "Member":
        """The connection of a replica: a context manager around all its work."""
        return Member(self, rank)


class Member:
    """A thread's :class:`Collective`. A block that ends by an exception is a replica lost."""

    def __init__(self, threads: Threads, rank: int) -> None:
        self._threads, self.rank, self.size = threads, rank, threads.size

    def __enter__(self) -> Self:
        self._threads.turn.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._threads.meeting.abort()
        self._threads.turn.__exit__(None, None, None)

    def exchange(self, parts: Sequence[Rows]) -> list[Rows]:
        self._threads.given[self.rank] = parts
        self.barrier()
        return [given[self.rank] for given in self._threads.given]

    def give_back(self, merged: Rows, parts: Sequence[Rows]) -> None:
        self.barrier()  # who merged the parts has written them

    def barrier(self) -> None:
        turn = self._threads.turn
        turn.__exit__(None, None, None)
        try:
            self._threads.meeting.wait()
        except threading.BrokenBarrierError:
            raise LostReplica from None
        finally:
            turn.__enter__()
