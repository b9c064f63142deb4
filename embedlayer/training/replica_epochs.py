"""Epochs by replicas: what each replica is made of, and who connects them."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from embedlayer.device import Device
from embedlayer.kernels.arguments import Tables
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.options import Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training.collective import Collective, Threads
from embedlayer.training.epoch import Pass
from embedlayer.training.examples import Examples
from embedlayer.training.replicas import Merging, Replica, Train
from embedlayer.training.rounds import Rounds
from embedlayer.training.state import State, copied_table
from embedlayer.training.steps import Steps
from embedlayer.training.touches import row_touches


class ReplicaEpochs(ABC):
    """The part of a run that trains an epoch by replicas.

    Attributes:
        turns: they work one after the other: a simulation.
        merged_apart: 1 where what they merge into is not the tables of the run, but a copy.
    """

    corpus: Corpus
    model: Word2Vec
    device: Device
    workers: int
    state: State
    turns: bool = False
    merged_apart: int = 0
    _steps: Steps
    _inputs: Reader
    _replicas: dict[int, Tables]  # the tables of each, by its rank

    @abstractmethod
    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus."""

    def _replica_epoch(self, examples: Examples, merging: Merging, train: Train) -> Pass:
        """What is left of the epoch."""
        state = self.state
        chunks = max(1, merging.tokens // state.chunk_tokens)
        touches = row_touches(
            self.model,
            self.corpus.vocabulary,
            self._inputs.bags(),
            examples.outputs,
            chunks * state.chunk_tokens,
        )
        merged = self._merged()

        def replica(collective: Collective) -> Replica:
            own = self._own_tables(collective.rank)
            return Replica(own, merged, touches, rate, merging, chunks, collective)

        def rate(chunk: int) -> float:
            return self.learning_rate(state.epoch, int(examples.chunks.starts[chunk]))

        return self._rounds(len(examples), replica, train)

    def _rounds(self, chunks: int, replica: Callable[[Collective], Replica], train: Train) -> Pass:
        """What is left of an epoch of so many chunks: here by the replicas of one process."""
        threads = Threads(self.workers, self.turns)
        return Rounds(self.state.chunk, chunks, replica, self._steps.worker, train, threads)

    def _merged(self) -> Tables:
        """What replicas merge into, as the tables of the run are now; here these."""
        return self.state.tables

    def _own_tables(self, rank: int) -> Tables:
        """A replica's tables, which are equal to those of the run between two rounds."""
        if rank not in self._replicas:
            tables = (copied_table(table, self.device) for table in self.state.tables)
            self._replicas[rank] = Tables(*tables)
        return self._replicas[rank]
