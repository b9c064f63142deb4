"""The processes of a cluster that train together, each with some replicas: what they share."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from embedlayer.dask.bells import Bells
from embedlayer.dask.mail import Box, Mail
from embedlayer.training.collective import LostReplica, Rows


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
        self.meeting = threading.Barrier(self.here.threads)
        self.bells = Bells(address, [one.address for one in processes])
        self.lost, self._step, self._box = "", 0, Box(attempt)

    def swap(self, near: Sequence[Process], parcels: dict[str, list[Rows]]) -> None:
        """Swap parcels by mail with the processes of these addresses; ring, and hear, near ones."""
        bells = [one.address for one in near]
        try:
            self.bells.ring(bells)
            self._step += 1  # in all processes, whoever sends
            if parcels:
                work = self._swap(self._step, parcels)
                doing = asyncio.run_coroutine_threadsafe(work, self.mail.loop)
                self.received = doing.result(2 * self.timeout)  # a worker that closes has no loop
            self.bells.hear(bells, self._look, self.timeout)
        except (LostReplica, TimeoutError) as error:
            self.fail(str(error) or f"a worker has sent nothing for {self.timeout:.0f} s")
            raise LostReplica(self.lost) from None

    def fail(self, why: str) -> None:
        """This attempt is lost, here and everywhere."""
        self.lost = self.lost or why
        self.meeting.abort()
        asyncio.run_coroutine_threadsafe(self._tell(why), self.mail.loop)

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
