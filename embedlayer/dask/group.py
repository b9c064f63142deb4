"""The replicas of a cluster: threads of several processes, whose parts change hands by mail.

Between processes of one host a bell says that parts are there: they lie in outboxes.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from embedlayer.dask.bells import Bells
from embedlayer.dask.mail import Box, Mail
from embedlayer.dask.outbox import Outbox
from embedlayer.training.collective import Idle, LostReplica, Meeting, Rows, nothing


class Process(NamedTuple):
    """A process of a group: its address, how many replicas it has, and the first one's rank."""

    address: str
    threads: int
    first: int

    @property
    def ranks(self) -> range:
        return range(self.first, self.first + self.threads)


class Group:
    """The connections of the replicas of this process to those of all; an attempt of a run.

    Args:
        mail: of this worker.
        run, attempt: which.
        processes: all of them, in the order of ranks; one is this.
        timeout: seconds without a word, after which another process counts as lost.
    """

    def __init__(
        self, mail: Mail, run: str, attempt: int, processes: Sequence[Process], timeout: float
    ) -> None:
        self.mail, self.run, self.attempt, self.timeout = mail, run, attempt, timeout
        self.processes, address = processes, mail.worker.address
        self.here = next(one for one in processes if one.address == address)
        self.others = [one for one in processes if one is not self.here]
        self.size = sum(one.threads for one in processes)
        # Of two calls, as a replica may begin the next one while another takes what this one gave.
        self.given: list[list[Sequence[Rows]]] = [[()] * self.here.threads for _ in range(2)]
        self.received: dict[str, list[Rows]] = {}  # in the last call, from each other process
        self.meeting = Meeting(self.here.threads)
        self.bells = Bells(address, [one.address for one in processes])
        self.lost, self._step, self._box = "", 0, Box(attempt)
        self.members = [Member(self, thread) for thread in range(self.here.threads)]

    def swap(self, near: Sequence[Process], parcels: dict[str, list[Rows]], idle: Idle) -> None:
        """Swap parcels by mail with the processes of these addresses; ring, and hear, near ones."""
        bells = [one.address for one in near]
        try:
            self.bells.ring(bells)
            if parcels:
                self._step += 1
                work = self._swap(self._step, parcels)
                doing = asyncio.run_coroutine_threadsafe(work, self.mail.loop)
                self.received = doing.result(2 * self.timeout)  # a worker that closes has no loop
            self.bells.hear(bells, self._look, self.timeout, idle)
        except (LostReplica, TimeoutError) as error:
            self.fail(str(error) or f"a worker has sent nothing for {self.timeout:.0f} s")
            raise LostReplica(self.lost) from None

    def fail(self, why: str) -> None:
        """This attempt is lost, here and everywhere."""
        self.lost = self.lost or why
        self.meeting.abort()
        asyncio.run_coroutine_threadsafe(self._tell(why), self.mail.loop)

    def close(self) -> None:
        """Give back the memory that this process shares with others, which may be long in use."""
        for member in self.members:
            member.outboxes.clear()

    def _look(self) -> None:
        if self._box.lost:
            raise LostReplica(self._box.lost)

    async def _swap(self, step: int, parcels: dict[str, list[Rows]]) -> dict[str, list[Rows]]:
        box = self.mail.box(self.run, self.attempt)
        if box is None:
            raise LostReplica("another attempt has begun")
        self._box = box
        sent = [
            self.mail.send(address, self.run, self.attempt, step, parcel)
            for address, parcel in parcels.items()
        ]
        taken = [box.take(step, address) for address in parcels]
        async with asyncio.timeout(self.timeout):
            done = await asyncio.gather(*taken, *sent)
        return {
            address: [
                [np.require(one, requirements=["C", "A", "W"]) for one in rows] for rows in received
            ]
            for address, received in zip(parcels, done, strict=False)
        }

    async def _tell(self, why: str) -> None:
        about: Any = {"run": self.run, "attempt": self.attempt, "why": why}
        await self.mail.lose(**about)
        told = [self.mail.worker.rpc(one.address).embedlayer_lose(**about) for one in self.others]
        await asyncio.wait_for(asyncio.gather(*told, return_exceptions=True), self.timeout)


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
        self.idle: Idle = nothing
        self._near: list[Process] = []  # that share memory with this one
        self.outboxes: dict[int, Outbox] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, _: object) -> None:
        if kind is not None and not self._group.lost:
            self._group.fail(f"{self._group.here.address}: {error or kind.__name__}")

    def share(self, parts: Sequence[Rows]) -> None:
        """From now on hand such parts, or fewer rows, to processes of this host without sending."""
        group, everybody = self._group, range(self.size)
        if not group.others or self.outboxes:
            return
        own = Outbox.made(parts)
        handles = self.gather(np.concatenate([own.handle, group.bells.ends]))
        outboxes = {self.rank: own}
        for process in group.others:
            for rank in process.ranks:
                if found := Outbox.opened(handles[rank][:3]):
                    outboxes[rank] = found
            if self.thread == 0 and process.first in outboxes:
                number, ends = handles[process.first][0], handles[process.first][3:]
                if not group.bells.open(process.address, number, ends):
                    del outboxes[process.first]
        opened = self.gather(np.array([rank in outboxes for rank in everybody]))
        own.close()
        if self.thread == 0:
            group.bells.close_ends()
        self._near = [
            one
            for one in group.others
            if all(opened[i][j] and opened[j][i] for i in group.here.ranks for j in one.ranks)
        ]
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
        """Give an array to all, by mail; those of all, in the order of ranks."""
        given = self._give([[array]], _for_all, by_mail=True)
        found: list[Rows] = []
        for process in self._group.processes:
            if process is self._group.here:
                found += [parts[0] for parts in given]
            else:
                found += self._group.received[process.address]
        return [one for (one,) in found]

    def barrier(self) -> None:
        self.gather(np.zeros(1))

    def meet(self) -> None:
        """Wait for the replicas of this process."""
        try:
            self._group.meeting.wait(self.idle)
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
            group.swap(near, parcels, self.idle)
        self.meet()
        return given


def _for_all(given: list[Sequence[Rows]], other: Process) -> list[Rows]:
    """What each other process is given, where it is the same for all replicas."""
    return [parts[0] for parts in given]


def _write(arrays: Rows, values: Rows) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value
