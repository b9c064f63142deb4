"""What a run asks of inputs: which rows of W_in a context reads. The twin of outputs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, ClassVar, Protocol

from embedlayer.arrays import Array, Ids, Table
from embedlayer.device import Device
from embedlayer.kernels.arguments import Batch, Tables


class Reader(Protocol):
    """What a run asks of its inputs.

    Attributes:
        shared: whether the step reads a small table, made for the words of a piece of text. A run
            then gives :meth:`reading` a bounded piece at a time, and not a whole chunk.
        in_bags: whether all they do is to read the mean of each word's bag, and to add its change
            to every row of it: a step that can do this itself may.
        nbytes: of the arrays that they keep.
    """

    shared: bool
    in_bags: bool
    nbytes: int

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

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        """The same for a loss that is measured: nothing is learnt, nothing brought back."""
        ...

    def bags(self) -> tuple[Ids, Array]:
        """The rows of ``W_in`` that each word reads.

        Returns:
            ids and offsets, int64, (V + 1,): word i reads ``ids[offsets[i]:offsets[i + 1]]``.
        """
        ...

    def vectors(self, kernels: ModuleType, W_in: Table, words: int) -> Table:
        """The vector of each of the first so many words: float32, (words, columns)."""
        ...


class Inputs(Reader, Protocol):
    """How the ids of words become rows of the input table.

    The training step reads rows of one table by number, and knows no more. Inputs may give it a
    small table in place of ``W_in``, made for a batch (the means of bags of n-grams, one row for
    each distinct word), and afterwards bring what it learnt back to ``W_in``.

    Attributes:
        options: the options of a model that they take, by name.
        start: ``W_in`` starts uniform in ±start / √D.
    """

    options: ClassVar[tuple[str, ...]]
    start: ClassVar[float]

    def __init__(self, words: Sequence[str], device: Device, **options: Any) -> None:
        """Made once for a run, for the V words of a vocabulary in the order of their ids."""

    @staticmethod
    def table_rows(words: int, **options: Any) -> int:
        """The rows of ``W_in`` for a vocabulary of so many words."""
        ...
