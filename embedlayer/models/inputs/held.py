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
        self.shared, self.in_bags, self.nbytes = inputs.shared, False, inputs.nbytes
        self._bags = inputs.bags()

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        W_in, xp = tables.W_in, array_module(tables.W_in)
        rows = self._held_rows(kernels, batch.contexts)
        rates = self._rates[rows][:, None]
        before = xp.where(rates == 0, self._start[rows], W_in[rows])
        with self._inputs.reading(kernels, tables, batch) as given:
            yield given
        W_in[rows] = before + rates * (W_in[rows] - before)

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        return self._inputs.read(kernels, tables, batch)

    def bags(self) -> tuple[Ids, Array]:
        return self._bags

    def vectors(self, kernels: ModuleType, W_in: Table, words: int) -> Table:
        return self._inputs.vectors(kernels, W_in, words)

    def _held_rows(self, kernels: ModuleType, contexts: Ids) -> Ids:
        """The rows, each once, that these contexts read and that are held."""
        ids, offsets = self._bags
        words, _ = kernels.distinct(contexts, len(offsets) - 1)
        entries, _ = entries_of(offsets, words)
        rows, _ = kernels.distinct(ids[entries], len(self._rates))
        return rows[self._rates[rows] < 1]
