"""Rounds of the replicas of several processes, in each of which the run's state stays the same."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from embedlayer.arrays import Array
from embedlayer.dask.group import Group, Member
from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective
from embedlayer.training.epoch import Pass
from embedlayer.training.replicas import Replica, Train
from embedlayer.training.steps import Step


class ClusterRounds(Pass):
    """The chunks of an epoch that are left: this process's share, as ``Rounds`` in one process.

    A round is done when all replicas have its tables and its sums, of which each process then
    writes its own copy. So the states of two processes differ by one round at most.

    Args:
        first, chunks: as :class:`Pass` takes them.
        tables: of the run, here; they are written when a round is done.
        replica, worker, train: as ``Rounds`` takes them.
        group: the connections.
        sums: of the run, here, a row for each chunk: ``train`` writes those of this process.

    Raises:
        LostReplica: by ``run``: the round under way is void, in all processes.
    """

    def __init__(
        self,
        first: int,
        chunks: int,
        tables: Tables,
        replica: Callable[[Collective], Replica],
        worker: Callable[[Tables], AbstractContextManager[Step]],
        train: Train,
        group: Group,
        sums: Array,
    ) -> None:
        super().__init__(first, chunks)
        self._tables, self._replica, self._worker, self._train = tables, replica, worker, train
        self._threads, self._group, self._sums = iter(range(group.here.threads)), group, sums

    def _cannot_start(self) -> None:
        self._group.fail(f"{self._group.here.address}: not all of its threads began")

    def _work(self) -> None:
        with self._group.member(next(self._threads)) as member:
            replica = self._replica(member)
            with self._worker(replica.tables) as step:
                self._run_rounds(replica, member, step)

    def _run_rounds(self, replica: Replica, member: Member, step: Step) -> None:
        first, going = self.taken, self.taken < self._chunks
        mine = slice(member.thread, None, self._group.here.threads)
        while going:
            last = min(first + replica.round_chunks, self._chunks)
            replica.run_round(range(first, last), self._train, step)
            of_replicas = [slice(first + rank, last, member.size) for rank in range(member.size)]
            stop = np.full((1, 4), self._stop, np.float64)
            told = member.gather(np.concatenate([self._sums[of_replicas[member.rank]], stop]))
            # All have the round's tables: from here on it is done, whoever is lost.
            for table, learnt in zip(self._tables, replica.tables, strict=True):
                table[mine] = learnt[mine]
            if member.thread == 0:
                for share, sums in zip(of_replicas, told, strict=True):
                    self._sums[share] = sums[:-1]
            member.meet()
            self.taken = first = last
            going = last < self._chunks and not any(sums[-1, 0] for sums in told)
