"""Rounds of the replicas of several processes, in each of which the run's state stays the same."""

from collections.abc import Sequence

import numpy as np

from embedlayer.dask.connection import Member
from embedlayer.dask.group import Group
from embedlayer.training.epoch import Pass
from embedlayer.training.replicas import Replica, even_share
from embedlayer.training.rounds import Work
from embedlayer.training.state import SUMS, State
from embedlayer.training.steps import Step

KEPT_EVERY = 4  # rounds


class ClusterRounds(Pass):
    """The chunks of an epoch that are left: this process's share, as ``Rounds`` in one process.

    A round is done when all replicas have its tables and its sums. Each process writes its own copy
    of the tables after ``KEPT_EVERY`` rounds, at the end and where the run is to stop, as copying
    takes a third of the time of merging all rows: so many rounds are void where a replica is lost.

    Args:
        state: of the run, here. ``train`` writes the sums of the chunks of this process.
        chunks: of the epoch.
        work: as ``Rounds`` takes it.
        group: of processes.
        members: the connections of this process's replicas.

    Raises:
        LostReplica: by ``run``: what was done since the state was written is void.
    """

    def __init__(
        self,
        state: State,
        chunks: int,
        work: Work,
        group: Group,
        members: Sequence[Member],
    ) -> None:
        super().__init__(state.chunk, chunks)
        self._replica, self._worker, self._train = work
        self._tables, self._sums = state.tables, state.sums
        self._members, self._group = iter(members), group

    def _cannot_start(self) -> None:
        self._group.fail(f"{self._group.here.address}: not all of its threads began")

    def _work(self) -> None:
        with next(self._members) as member:
            replica = self._replica(member)
            member.share(replica.parts(), _note(replica, member))
            with self._worker(replica.tables) as step:
                self._run_rounds(replica, member, step)

    def _run_rounds(self, replica: Replica, member: Member, step: Step) -> None:
        first, going, rounds = self.taken, self.taken < self._chunks, 0
        thread, threads = member.thread, self._group.here.threads
        while going:
            last = min(first + replica.round_chunks, self._chunks)
            replica.run_round(range(first, last), self._train, step)
            of_replicas = [slice(first + rank, last, member.size) for rank in range(member.size)]
            note, ours = _note(replica, member), self._sums[of_replicas[member.rank]]
            note[0], note[1 : 1 + len(ours)] = self._stop, ours
            told = member.gather(note)
            # All have the round's tables: from here on it is done, whoever is lost.
            if thread == 0:
                for share, sums in zip(of_replicas, told, strict=True):
                    self._sums[share] = sums[1 : 1 + len(self._sums[share])]
            first, rounds = last, rounds + 1
            going = last < self._chunks and not any(sums[0, 0] for sums in told)
            if not going or rounds % KEPT_EVERY == 0:
                for table, learnt in zip(self._tables, replica.tables, strict=True):
                    mine = even_share(range(len(table)), thread, threads)
                    table[mine] = learnt[mine]
                member.meet()
                self.taken = last


def _note(replica: Replica, member: Member) -> np.ndarray:
    """What a replica tells after a round: whether it is to stop, and the sums of its chunks."""
    return np.zeros((1 + replica.round_chunks // member.size, SUMS))
