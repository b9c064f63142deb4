"""How workers take the training step: by one fused kernel, or by readable code, part by part."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any, Protocol

from embedlayer.kernels.arguments import Batch, Mode, Share, Tables
from embedlayer.models.tables import Shapes
from embedlayer.training.layered import LayeredStep
from embedlayer.training.options import TrainingOptions


class Step(Protocol):
    """``kernels.sgd_step``, or what does the same."""

    def __call__(self, tables: Tables, batch: Batch, lr: float, mode: Mode) -> tuple[Any, Any]:
        """Train the tables, in place, on a batch; the summed loss and its pairs."""
        ...


class Steps(Protocol):
    """The step for all workers of a run.

    Attributes:
        kept: the arrays that it keeps for each table, besides the table itself.
        takes_bags: whether it takes ``bags``, and makes the small tables itself.
    """

    kept: int
    takes_bags: bool

    def worker(self, tables: Tables) -> AbstractContextManager[Step]:
        """The step of one worker for an epoch, at whose end the tables have all it learnt."""
        ...

    def loss(self, tables: Tables, batch: Batch, mode: Mode) -> tuple[Any, Any]:
        """The summed loss of a batch from which nothing is learnt, and its pairs."""
        ...

    def bytes(self, shapes: Shapes, width: int, hidden: int) -> int:
        """What all workers take beside tables of these shapes.

        Args:
            shapes: of the tables.
            width: R, the most output rows of a window.
            hidden: the most hidden vectors of a window.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What the next step depends on besides the tables, by name."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` gave."""
        ...


class FusedSteps:
    """One kernel call per chunk, in the way of its implementation."""

    kept = 0

    def __init__(self, kernels: ModuleType, share: Share) -> None:
        self._kernels, self._share = kernels, share
        self.takes_bags = getattr(kernels, "TAKES_BAGS", False)

    def worker(self, tables: Tables) -> AbstractContextManager[Step]:
        return self._kernels.worker_step(tables, self._share)

    def loss(self, tables: Tables, batch: Batch, mode: Mode) -> tuple[Any, Any]:
        return self._kernels.batch_loss(tables, batch, mode)

    def bytes(self, shapes: Shapes, width: int, hidden: int) -> int:
        return self._kernels.worker_bytes(shapes, width, self._share)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


class BatchedSteps:
    """A step whose windows all see the tables as they were: it is given a few at a time.

    Args:
        step: the reference kernel, or the layered step.
        kernels: that have the loss without a step.
        windows: how many at a time.
        workers: that take it side by side.
    """

    takes_bags = False

    def __init__(self, step: Step, kernels: ModuleType, windows: int, workers: int) -> None:
        self._step, self._kernels = step, kernels
        self._windows, self._workers = windows, workers
        self._optimizer = getattr(step, "optimizer", None)
        self.kept = len(self._optimizer.kept) if self._optimizer else 0

    def __call__(self, tables: Tables, batch: Batch, lr: float, mode: Mode) -> tuple[Any, Any]:
        return summed(batch.split(self._windows), lambda one: self._step(tables, one, lr, mode))

    def loss(self, tables: Tables, batch: Batch, mode: Mode) -> tuple[Any, Any]:
        loss = self._kernels.batch_loss
        return summed(batch.split(self._windows), lambda one: loss(tables, one, mode))

    @contextmanager
    def worker(self, tables: Tables) -> Iterator[Step]:
        yield self

    def bytes(self, shapes: Shapes, width: int, hidden: int) -> int:
        """Three arrays of a number per hidden vector, output row and column at the peak."""
        (_, columns), _ = shapes
        return 3 * 4 * self._windows * hidden * width * columns * self._workers

    def state(self) -> dict[str, Any]:
        return self._optimizer.state() if self._optimizer else {}

    def restore(self, state: dict[str, Any]) -> None:
        if self._optimizer:
            self._optimizer.restore(state)


def summed(batches: Iterable[Batch], take: Callable[[Batch], tuple[Any, Any]]) -> tuple[Any, Any]:
    """The sums of the losses and of the pairs that ``take`` gives of batches, in their order."""
    loss, pairs = 0.0, 0
    for batch in batches:
        more = take(batch)
        loss, pairs = loss + more[0], pairs + more[1]
    return loss, pairs


def make_steps(options: TrainingOptions, kernels: ModuleType, share: Share) -> Steps:
    """The steps that the options ask for."""
    if options.step == "layered":
        return BatchedSteps(LayeredStep(options.optimizer), kernels, options.batch, share.workers)
    if not hasattr(kernels, "worker_step"):  # as the reference: all windows see the same tables
        return BatchedSteps(kernels.sgd_step, kernels, options.batch, share.workers)
    return FusedSteps(kernels, share)
