"""Inputs of which some rows are held: those of words that vectors knew before."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from embedlayer.arrays import Array, Ids, Table, entries_of
from embedlayer.backend import array_module
from embedlayer.kernels.arguments import Batch, Tables
from embedlayer.models.inputs.protocol import Reader


class Held:
    """A reader of inputs of which some rows learn less than they would, or nothing.

    What a piece has changed in such a row is scaled. A row of rate 0 is what it was at the start,
    whatever other threads do; between 0 and 1 what two threads change at once is scaled together.

    Args:
        inputs: what is read.
        W_in: the input table at the start.
        rates: float32, (rows of W_in,), 0 to 1: how much of its change a row takes.
    """

    def __init__(self, inputs: Reader, W_in: Table, rates: Array) -> None:
        self._inputs, self._start, self._rates = inputs, W_in.copy(), rates
        self.shared, self.nbytes = inputs.shared, inputs.nbytes
        self._bags = inputs.bags()

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        W_in, xp = tables.W_in, array_module(tables.W_in)
        rows = self._held_rows(batch.contexts)
        rates = self._rates[rows][:, None]
        before = xp.where(rates == 0, self._start[rows], W_in[rows])
        with self._inputs.reading(kernels, tables, batch) as given:
            yield given
        W_in[rows] = before + rates * (W_in[rows] - before)

    def bags(self) -> tuple[Ids, Array]:
        return self._bags

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        return self._inputs.vectors(kernels, W_in)

    def _held_rows(self, contexts: Ids) -> Ids:
        """The rows, each once, that these contexts read and that are held."""
        ids, offsets = self._bags
        xp = array_module(contexts)
        words = xp.zeros(len(offsets), bool)
        words[contexts] = True  # −1, "no context", is the one more
        entries, _ = entries_of(offsets, xp.flatnonzero(words[:-1]))
        read = xp.zeros(len(self._rates), bool)
        read[ids[entries]] = True
        return xp.flatnonzero(read & (self._rates < 1))
