"""Inputs: which rows of W_in a context reads. The twin of outputs."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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

    def __init__(self, words: Sequence[str], device: Device) -> None:
        """Made once for a run, for the V words of a vocabulary in the order of their ids."""

    @staticmethod
    def table_rows(words: int) -> int:
        """The rows of ``W_in`` for a vocabulary of so many words."""
        ...

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


INPUTS: dict[str, type[Inputs]] = {"words": Words}
