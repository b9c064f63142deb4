"""The arguments of the training step (tables, a batch of windows, a mode), and of its workers."""

from typing import NamedTuple

from embedlayer.arrays import Array


class Tables(NamedTuple):
    """The input and the output table: float32, C-contiguous, of the same number of columns."""

    W_in: Array
    W_out: Array


class Batch(NamedTuple):
    """B windows.

    Attributes:
        contexts: int32, flat: the input rows that each window reads.
        offsets: int64, (B + 1,): window b reads ``contexts[offsets[b]:offsets[b + 1]]``; a window
            without any is passed over.
        rows: int32, (B, R): the output rows that each window is scored against; −1 is "no row".
        labels: float32, (B, R), or (1, R) shared by every window: 1 for the rows to attract.
        measured: bool, (B,): the windows whose loss is summed.
    """

    contexts: Array
    offsets: Array
    rows: Array
    labels: Array
    measured: Array

    @property
    def windows(self) -> int:
        """B."""
        return len(self.rows)

    def part(self, first: int, last: int) -> "Batch":
        """The windows ``first`` … ``last`` − 1 alone."""
        offsets = self.offsets[first : last + 1]
        return Batch(
            contexts=self.contexts[int(offsets[0]) : int(offsets[-1])],
            offsets=offsets - offsets[0],
            rows=self.rows[first:last],
            labels=self.labels if len(self.labels) == 1 else self.labels[first:last],
            measured=self.measured[first:last],
        )

    def split(self, size: int) -> list["Batch"]:
        """The same windows, ``size`` at a time."""
        return [
            self.part(first, min(first + size, self.windows))
            for first in range(0, self.windows, size)
        ]


class Bags(NamedTuple):
    """The rows of W_in that each word reads: where contexts are words, and not rows.

    Attributes:
        ids: int32, flat.
        offsets: int64, (V + 1,): word i reads the mean of ``ids[offsets[i]:offsets[i + 1]]``.
        windows: so many at a time share the means of their words, and bring back what these learnt.
    """

    ids: Array
    offsets: Array
    windows: int


class Mode(NamedTuple):
    """How a window's hidden vectors are formed.

    Attributes:
        mean: False: every context is a hidden vector of its own (skip-gram). True: the mean of
            a window's contexts is its one hidden vector (CBOW).
        divide: with ``mean``: each context receives the hidden gradient divided by their number,
            the true gradient of a mean; False gives it whole to each, as word2vec.c does.
    """

    mean: bool = False
    divide: bool = False


class Share(NamedTuple):
    """What the workers of a run share, and each of them is told.

    Attributes:
        tokens: that all workers together train on in an epoch.
        workers: that train on the same tables.
        in_flight: on a GPU, how many windows are trained at once; None: a number that fits.
    """

    tokens: int
    workers: int = 1
    in_flight: int | None = None
