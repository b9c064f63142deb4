"""Rounds of replicas on several GPUs: the state of the run changes when all have done a round."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from embedlayer.arrays import Array
from embedlayer.backend import array_library, to_numpy
from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective
from embedlayer.training.gpus import Gpus
from embedlayer.training.replicas import Replica
from embedlayer.training.rounds import Rounds, Work
from embedlayer.training.state import State
from embedlayer.training.steps import Step


class GpuRounds(Rounds):
    """As :class:`Rounds`. Examples are made on each device, and sums are kept there.

    Args:
        state: of the run, on the first device: its tables and sums are written at the end of a
            round, and are whole at any time. The sums are on the host from here on.
        chunks: as :class:`Rounds` takes it.
        replica, worker: as :class:`Work` has them.
        train: trains a replica of this rank one chunk, and notes its sums.
        gpus: the connections.
    """

    apart = True

    def __init__(
        self,
        state: State,
        chunks: int,
        replica: Callable[[Collective], Replica],
        worker: Callable[[Tables], AbstractContextManager[Step]],
        train: Callable[[int, Array, Tables, int, Step], None],
        gpus: Gpus,
    ) -> None:
        super().__init__(state.chunk, chunks, Work(replica, worker, self._train_here), gpus)
        self._state, self._on_device, self._here = state, train, threading.local()
        state.sums = to_numpy(state.sums)

    def _run_rounds(self, replica: Replica, member: Any, step: Step) -> None:
        self._here.rank = member.rank
        self._here.sums = array_library("cupy").zeros(self._state.sums.shape, np.float64)
        super()._run_rounds(replica, member, step)

    def _train_here(self, tables: Tables, chunk: int, step: Step) -> None:
        self._on_device(self._here.rank, self._here.sums, tables, chunk, step)

    def _end_round(self, replica: Replica, member: Any, done: range) -> None:
        mine = slice(done.start + member.rank, done.stop, member.size)
        member.wait_for_device()
        self._state.sums[mine] = to_numpy(self._here.sums[mine])
        member.barrier()
        if member.rank == 0:  # whose device has the tables of the run
            for table, learnt in zip(self._state.tables, replica.tables, strict=True):
                table[...] = learnt
            self.taken = done.stop
