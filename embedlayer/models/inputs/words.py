"""Words as inputs: every word has a row of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from embedlayer.arrays import Array, Ids, Table
from embedlayer.device import Device
from embedlayer.kernels.arguments import Batch, Tables


class Words:
    """Every word has a row of its own: the step reads ``W_in`` itself."""

    options = ()
    start = 0.2  # docs/design.md, section 5
    shared, in_bags, nbytes = False, False, 0

    def __init__(self, words: Sequence[str], device: Device) -> None:
        self._size, self._xp = len(words), device.xp

    @staticmethod
    def table_rows(words: int) -> int:
        return words

    @contextmanager
    def reading(
        self, kernels: ModuleType, tables: Tables, batch: Batch
    ) -> Iterator[tuple[Tables, Batch]]:
        yield self.read(kernels, tables, batch)

    def read(self, kernels: ModuleType, tables: Tables, batch: Batch) -> tuple[Tables, Batch]:
        return tables, batch

    def bags(self) -> tuple[Ids, Array]:
        offsets = self._xp.arange(self._size + 1, dtype=np.int64)
        return offsets[:-1].astype(np.int32), offsets

    def vectors(self, kernels: ModuleType, W_in: Table, words: int) -> Table:
        return W_in[:words]
