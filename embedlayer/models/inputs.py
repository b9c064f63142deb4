"""Inputs: which rows of W_in a context reads. The twin of outputs."""

from types import ModuleType
from typing import Protocol

from embedlayer.arrays import Table
from embedlayer.device import Device
from embedlayer.kernels.arguments import Batch, Tables


class Inputs(Protocol):
    """How the ids of words become rows of the input table.

    The training step reads rows of one table by number, and knows no more. Inputs may give it a
    small table in place of ``W_in``, made for a batch (the means of bags of n-grams, one row for
    each distinct word), and afterwards bring what it learnt back to ``W_in``.
    """

    def __init__(self, words: tuple[str, ...] | list[str], device: Device) -> None:
        """Made once for a run, for the V words of a vocabulary in the order of their ids."""

    @staticmethod
    def table_rows(words: int) -> int:
        """The rows of ``W_in`` for a vocabulary of so many words."""
        ...

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        """What the step is given: tables, and a batch whose contexts are rows of their first."""
        ...

    def write(self, kernels: ModuleType, tables: Tables, read: Tables, batch: Batch) -> None:
        """Bring what was learnt on ``read``'s first table back to ``tables.W_in``.

        Args:
            kernels, tables, batch: as given to :meth:`read`.
            read: the tables that :meth:`read` gave, as the step left them.
        """

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        """float32, (V, columns): the vector of each word."""
        ...


class Words:
    """Every word has a row of its own: the step reads ``W_in`` itself."""

    def __init__(self, words: tuple[str, ...] | list[str], device: Device) -> None:
        pass

    @staticmethod
    def table_rows(words: int) -> int:
        return words

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        return tables, batch

    def write(self, kernels: ModuleType, tables: Tables, read: Tables, batch: Batch) -> None:
        pass

    def vectors(self, kernels: ModuleType, W_in: Table) -> Table:
        return W_in


INPUTS: dict[str, type[Inputs]] = {"words": Words}
