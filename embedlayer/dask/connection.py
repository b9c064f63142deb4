"""A replica's connection to the others of a cluster: rows change hands by mail.

Between processes of one host a bell says that rows are there: they lie in outboxes.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, Self

import numpy as np

from embedlayer.dask.group import Group, Process
from embedlayer.dask.outbox import Outbox
from embedlayer.training.collective import LostReplica, Rows


class Member:
    """A replica's :class:`~embedlayer.training.collective.Collective`; a context manager around
    all its work in an epoch.

    The first replica of a process sends and receives for all of them.

    Attributes:
        thread: its number in this process.
        outboxes: its own and those of near replicas, by their ranks.
    """

    def __init__(self, group: Group, thread: int) -> None:
        self._group, self.thread, self._calls = group, thread, 0
        self.rank, self.size = group.here.first + thread, group.size
        self._near: list[Process] = []  # that share memory with this one
        self._all_near = False  # all of them with all others
        self.outboxes: dict[int, Outbox] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, _: object) -> None:
        if kind is not None and not self._group.lost:
            self._group.fail(f"{self._group.here.address}: {error or kind.__name__}")

    def share(self, parts: Sequence[Rows], note: np.ndarray) -> None:
        """From now on hand such parts, or fewer rows, and what is gathered, of the shape of this
        note, to processes of this host without sending."""
        group, everybody = self._group, range(self.size)
        if not group.others or self.outboxes:
            return
        own = Outbox.made(parts, note)
        handles = self.gather(np.concatenate([own.handle, group.bells.ends]))
        outboxes = {self.rank: own}
        for process in group.others:
            for rank in process.ranks:
                if found := Outbox.opened(handles[rank][:3], note):
                    outboxes[rank] = found
            if self.thread == 0 and process.first in outboxes:
                number, ends = handles[process.first][0], handles[process.first][3:]
                if not group.bells.open(process.address, number, ends):
                    del outboxes[process.first]
        opened = self.gather(np.array([rank in outboxes for rank in everybody]))
        own.close()
        if self.thread == 0:
            group.bells.close_ends()
        seen = {  # (one, other): all of one have opened the outboxes of the other
            (one, other)
            for one, other in permutations(group.processes, 2)
            if all(opened[i][j] for i in one.ranks for j in other.ranks)
        }
        here = group.here
        self._near = [one for one in group.others if {(here, one), (one, here)} <= seen]
        self._all_near = seen == {*permutations(group.processes, 2)}
        near = [self.rank, *(rank for one in self._near for rank in one.ranks)]
        self.outboxes = {rank: outboxes[rank] for rank in near}

    def exchange(self, parts: Sequence[Rows]) -> list[Rows]:
        outbox = self._laid(self.rank, parts)
        for process in self._near:
            for rank in process.ranks:
                _write(outbox[rank], parts[rank])
        given = self._give(
            parts, lambda given, other: [parts[rank] for parts in given for rank in other.ranks]
        )
        found: list[Rows] = []
        for process in self._group.processes:
            if process is self._group.here:
                found += [parts[self.rank] for parts in given]
            elif process in self._near:
                found += [self._laid(rank, parts)[self.rank] for rank in process.ranks]
            else:
                found += self._group.received[process.address][self.thread :: len(given)]
        return found

    def give_back(self, merged: Rows, parts: Sequence[Rows]) -> None:
        self._give([merged], _for_all)  # behind it the rows of this process's replicas are written
        outbox = self._laid(self.rank, parts)
        for process in self._group.others:
            near = process in self._near
            for i, rank in enumerate(process.ranks):
                received = outbox[rank] if near else self._group.received[process.address][i]
                _write(parts[rank], received)

    def gather(self, array: np.ndarray) -> list[np.ndarray]:
        """Give an array to all; those of all, in the order of ranks. Rows are exchanged between two
        calls: by then all have read what the first gave them."""
        if self._all_near:
            self.outboxes[self.rank].note[...] = array
        given = self._give([[array]], _for_all, by_mail=not self._all_near)
        found: list[np.ndarray] = []
        for process in self._group.processes:
            if process is self._group.here:
                found += [parts[0][0] for parts in given]
            elif self._all_near:
                found += [self.outboxes[rank].note.copy() for rank in process.ranks]
            else:
                found += [rows[0] for rows in self._group.received[process.address]]
        return found

    def meet(self) -> None:
        """Wait for the replicas of this process."""
        try:
            self._group.meeting.wait()
        except threading.BrokenBarrierError:
            raise LostReplica(self._group.lost) from None

    def _laid(self, rank: int, parts: Sequence[Rows]) -> Sequence[Rows]:
        """Parts in the outbox of a replica, if it has any."""
        return self.outboxes[rank].laid(parts) if self._near else ()

    def _give(
        self,
        parts: Sequence[Rows],
        made_for: Callable[[list[Sequence[Rows]], Process], list[Rows]],
        by_mail: bool = False,
    ) -> list[Sequence[Rows]]:
        """Give parts away; what the replicas of this process gave. What is near has an outbox."""
        group, given = self._group, self._group.given[self._calls % 2]
        self._calls += 1
        given[self.thread] = parts
        self.meet()
        if self.thread == 0:
            near = [] if by_mail else self._near
            parcels: dict[str, list[Rows]] = {
                other.address: [
                    [np.ascontiguousarray(one) for one in rows] for rows in made_for(given, other)
                ]
                for other in group.others
                if other not in near
            }
            group.swap(near, parcels)
        self.meet()
        return given


def _for_all(given: list[Sequence[Rows]], other: Process) -> list[Rows]:
    """What each other process is given, where it is the same for all replicas."""
    return [parts[0] for parts in given]


def _write(arrays: Rows, values: Rows) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value
