"""Epochs by replicas: what each replica is made of, and who connects them."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from embedlayer.arrays import Array
from embedlayer.device import Device
from embedlayer.kernels.arguments import Tables
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.options import Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training.collective import Collective, Threads
from embedlayer.training.epoch import Pass
from embedlayer.training.examples import Examples
from embedlayer.training.gpu_rounds import GpuRounds
from embedlayer.training.gpus import Gpus
from embedlayer.training.replicas import Merging, Replica, Tiers, Train, owned_rows
from embedlayer.training.rounds import Rounds, Work
from embedlayer.training.state import State, copied_table
from embedlayer.training.steps import Step, Steps
from embedlayer.training.touches import row_touches


class Own(NamedTuple):
    """What a replica has of its own: its tables, and the rows that it merges as they were last."""

    tables: Tables
    merged: Tiers


class ReplicaEpochs(ABC):
    """The part of a run that trains an epoch by replicas.

    Attributes:
        turns: they work one after the other: a simulation.
        gpus: the devices of the replicas; none where all are on one.
        merged_apart: what they merge into is not the tables of the run, but copies of its rows.
    """

    corpus: Corpus
    model: Word2Vec
    device: Device
    workers: int
    gpus: list[int]
    state: State
    turns: bool = False
    merged_apart: bool = False
    _steps: Steps
    _inputs: Reader
    _replicas: dict[int, Own]  # by its rank
    _examples: dict[int, Examples]  # on the device of each, where they have one
    _links: Gpus | None = None

    @abstractmethod
    def _make_examples(self) -> Examples:
        """The examples of the run, on the device in use."""

    @abstractmethod
    def _train(
        self, examples: Examples, tables: Tables, chunk: int, step: Step, sums: Array = None
    ) -> None:
        """Train the tables on the examples of a chunk, and note its sums; default the run's."""

    @abstractmethod
    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus."""

    def _replica_epoch(self, examples: Examples, merging: Merging, train: Train) -> Pass:
        """What is left of the epoch."""
        state = self.state
        chunks = max(1, round(merging.tokens / state.chunk_tokens))
        touches = row_touches(
            self.model,
            self.corpus.vocabulary,
            self._inputs.bags(),
            examples.outputs,
            chunks * state.chunk_tokens,
        )

        def replica(collective: Collective) -> Replica:
            own = self._own(collective.rank, collective.size, merging)
            counted = tuple(one.on(self.device) for one in touches)
            return Replica(*own, counted, rate, merging, chunks, collective)

        def rate(chunk: int) -> float:
            return self.learning_rate(state.epoch, int(examples.chunks.starts[chunk]))

        if not self.gpus:
            return self._rounds(len(examples), Work(replica, self._steps.worker, train))
        self._examples[0] = examples
        self._links = links = self._links or Gpus(self.gpus)
        worker = self._steps.worker
        return GpuRounds(state, len(examples), replica, worker, self._train_on, links)

    def _train_on(self, rank: int, sums: Array, tables: Tables, chunk: int, step: Step) -> None:
        if rank not in self._examples:
            self._examples[rank] = self._make_examples()
        self._train(self._examples[rank], tables, chunk, step, sums)

    def _release(self) -> None:
        """Give back what replicas have of their own; they are copies of the run's state."""
        self._replicas.clear()
        self._examples.clear()
        if self._links:
            self._links.close()
            self._links = None

    def _rounds(self, chunks: int, work: Work) -> Pass:
        """What is left of an epoch of so many chunks: here by the replicas of one process."""
        threads = Threads(self.workers, self.turns)
        return Rounds(self.state.chunk, chunks, work, threads)

    def _own(self, rank: int, size: int, merging: Merging) -> Own:
        """A replica's tables, which are equal to those of the run between two rounds, and rows."""
        if rank not in self._replicas:
            tables = self.state.tables
            if self.gpus:  # from device to device, once the first has made them
                tables.W_in.device.synchronize()
                own = Tables(*(table.copy() for table in tables))
            else:
                own = Tables(*(copied_table(one, self.device) for one in tables))
            apart = self.merged_apart or bool(self.gpus)
            merged = owned_rows(own if apart else tables, merging, rank, size)
            if apart:
                merged = [[tier.copy() for tier in tiers] for tiers in merged]
            self._replicas[rank] = Own(own, merged)
        return self._replicas[rank]
