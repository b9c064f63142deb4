"""Outputs: which rows of W_out a target is scored against, and with which labels."""

from types import ModuleType
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.device import Device


class OutputSizes(NamedTuple):
    """What outputs take.

    Attributes:
        table_rows: of the output table.
        width: R at the most, the output rows of a window.
        window_bytes: their ids and, where they are a window's own, their labels.
        bytes: of the arrays they draw or walk from.
    """

    table_rows: int
    width: int
    window_bytes: int
    bytes: int


class Outputs(Protocol):
    """How a target becomes rows of the output table and their labels.

    Attributes:
        options: the model's options that it takes, by name, besides counts and device.
    """

    options: ClassVar[tuple[str, ...]]

    def __init__(self, counts: np.ndarray, device: Device, **options: Any) -> None:
        """Made once for a run: ``counts``, int64, (V,), falling, are those of the words."""

    @staticmethod
    def sizes(words: int, tokens: int, **options: Any) -> OutputSizes:
        """What it takes for a vocabulary of so many words, of a text of so many tokens."""
        ...

    def rows(
        self, kernels: ModuleType, targets: Ids, positions: Array, key: np.uint64
    ) -> tuple[Ids, Array]:
        """The output rows of B windows, int32, (B, R), and their labels, float32.

        Args:
            kernels: the implementation in force.
            targets, positions: int32 and int64, (B,), as ``kernels.windows`` returns them.
            key: of the epoch's stream of random numbers.

        Returns:
            Rows, of which −1 is "no row", and labels: (B, R), or (1, R) that all windows share.
        """
        ...

    def scored(self, windows: np.ndarray) -> np.ndarray:
        """How often each output row is scored, expected: float64, (rows,).

        Args:
            windows: float64, (V,): how many have each word as their target.
        """
        ...
