"""One pass over the corpus by replicas: rounds at fixed chunks, after each of which all are one."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import NamedTuple

from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective, LostReplica, Member, Threads
from embedlayer.training.epoch import Pass
from embedlayer.training.replicas import Replica, Train
from embedlayer.training.steps import Step


class Work(NamedTuple):
    """What replicas are and do.

    Attributes:
        replica: makes the replica of a connection, with tables of its own.
        worker: the step of a replica's tables.
        train: trains one chunk.
    """

    replica: Callable[[Collective], Replica]
    worker: Callable[[Tables], AbstractContextManager[Step]]
    train: Train


class Rounds(Pass):
    """The chunks of an epoch that are left, trained by replicas, a thread each.

    A round that fails leaves the tables as they were before it, and ``taken`` too: who runs the
    rest again trains the same chunks again.

    Args:
        first, chunks: as :class:`Pass` takes them.
        work: of each replica.
        threads: the connections.

    Attributes:
        apart: what replicas merge is not the tables of the run, which are whole at any time.
    """

    apart = False

    def __init__(
        self,
        first: int,
        chunks: int,
        work: Work,
        threads: Threads,
    ) -> None:
        super().__init__(first, chunks)
        self._replica, self._worker, self._train = work
        self._ranks, self._threads = iter(range(threads.size)), threads

    def _cannot_start(self) -> None:
        self._threads.meeting.abort()

    def _work(self) -> None:
        with suppress(LostReplica), self._threads.member(next(self._ranks)) as member:
            replica = self._replica(member)
            try:
                with self._worker(replica.tables) as step:
                    self._run_rounds(replica, member, step)
            finally:
                self.whole &= replica.whole or self.apart

    def _run_rounds(self, replica: Replica, member: Member, step: Step) -> None:
        first, going = self.taken, self.taken < self._chunks
        while going:
            last = min(first + replica.round_chunks, self._chunks)
            replica.run_round(range(first, last), self._train, step)
            if member.rank == 0:
                self._going = not self._stop and last < self._chunks
            self._end_round(replica, member, range(first, last))
            first, going = last, self._going

    def _end_round(self, replica: Replica, member: Member, done: range) -> None:
        """Wait for all; then these chunks are done."""
        member.barrier()
        self.taken = done.stop
