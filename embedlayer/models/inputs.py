"""Inputs: which rows of W_in a context reads. The twin of outputs."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Protocol

from embedlayer.arrays import Array, Table
from embedlayer.backend import array_module
from embedlayer.device import Device
from embedlayer.kernels.arguments import Batch, Tables


class Reader(Protocol):
    """What a run asks of its inputs."""

    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> AbstractContextManager[tuple[Tables, Batch]]:
        """What the step is given: tables, and a batch whose contexts are rows of their first.

        At the end of the block, what the step learnt is in ``tables``. Several threads may be
        inside at once, each with a batch of its own. A small table is read once for a batch, so
        that threads add up changes which know nothing of each other: too many for one row, or too
        large ones, overshoot. Inputs that make small tables have to bound them.
        """
        ...

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        """The vector of each word: float32, (V, columns)."""
        ...


class Inputs(Reader, Protocol):
    """How the ids of words become rows of the input table.

    The training step reads rows of one table by number, and knows no more. Inputs may give it a
    small table in place of ``W_in``, made for a batch (the means of bags of n-grams, one row for
    each distinct word), and afterwards bring what it learnt back to ``W_in``.
    """

    def __init__(self, words: Sequence[str], device: Device) -> None:
        """Made once for a run, for the V words of a vocabulary in the order of their ids."""

    @staticmethod
    def table_rows(words: int) -> int:
        """The rows of ``W_in`` for a vocabulary of so many words."""
        ...


class Words:
    """Every word has a row of its own: the step reads ``W_in`` itself."""

    def __init__(self, words: Sequence[str], device: Device) -> None:
        pass

    @staticmethod
    def table_rows(words: int) -> int:
        return words

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        yield tables, batch

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        return W_in


class Held:
    """A reader of inputs of which some rows learn less than they would, or nothing.

    What a chunk has changed in such a row is scaled. A row of rate 0 is what it was at the start,
    whatever other threads do; between 0 and 1 what two threads change at once is scaled together.

    Args:
        inputs: what is read.
        W_in: the input table at the start.
        rates: float32, (rows of W_in,), 0 to 1: how much of its change a row takes.
    """

    def __init__(self, inputs: Reader, W_in: Table, rates: Array) -> None:
        self._inputs, self._start, self._rates = inputs, W_in.copy(), rates

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        W_in, xp = tables.W_in, array_module(tables.W_in)
        read = xp.zeros(len(W_in) + 1, bool)
        read[batch.contexts] = True  # −1, "no context", is the one row more
        rows = xp.flatnonzero(read[:-1] & (self._rates < 1))
        rates = self._rates[rows][:, None]
        before = xp.where(rates == 0, self._start[rows], W_in[rows])
        with self._inputs.reading(kernels, tables, batch) as given:
            yield given
        W_in[rows] = before + rates * (W_in[rows] - before)

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        return self._inputs.vectors(kernels, W_in)


INPUTS: dict[str, type[Inputs]] = {"words": Words}
