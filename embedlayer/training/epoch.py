"""One pass over the corpus: workers take its chunks until none is left."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager

from embedlayer.training.steps import Step

TICK_SECONDS = 0.2  # how often the caller hears of the progress


class Pass(ABC):
    """The chunks of an epoch that are left, trained by the workers of a pool.

    Args:
        first, chunks: the first chunk that is left, and the number of all.

    Attributes:
        taken: the chunks taken so far, those before ``first`` included; all are done when no
            worker is at work, if
        whole: no worker failed in a chunk.
    """

    def __init__(self, first: int, chunks: int) -> None:
        self.taken, self._chunks, self.whole = first, chunks, True
        self._stop = False

    def run(self, pool: ThreadPoolExecutor, workers: int, tick: Callable[[bool], None]) -> None:
        """Train all that is left; ``tick`` is told a few times per second whether it is done.

        An exception of ``tick``, or of a worker, lets every worker finish its chunk and is raised.
        """
        working: list[Future[None]] = []
        try:
            for _ in range(workers):
                working.append(pool.submit(self._work))
            waiting: Iterable[Future[None]] = working
            while waiting:
                finished, waiting = wait(waiting, TICK_SECONDS, FIRST_EXCEPTION)
                for worker in finished:
                    worker.result()
                tick(not waiting and self.taken == self._chunks)
        finally:
            self._stop = True
            if len(working) < workers:
                self._cannot_start()
            finish(working)

    def stop(self) -> None:
        """Let the workers finish their chunks and take no more: :meth:`run` then returns."""
        self._stop = True

    @abstractmethod
    def _cannot_start(self) -> None:
        """Not all workers began: those that wait for the others must not."""

    @abstractmethod
    def _work(self) -> None:
        """What one worker does, until nothing is left or it is to stop."""


class Epoch(Pass):
    """Workers on shared tables, each of which takes the next chunk until none is left.

    Args:
        first, chunks: as :class:`Pass` takes them.
        worker: the step of one worker, for as long as it works.
        train: trains one chunk with a worker's step.
    """

    def __init__(
        self,
        first: int,
        chunks: int,
        worker: Callable[[], AbstractContextManager[Step]],
        train: Callable[[int, Step], None],
    ) -> None:
        super().__init__(first, chunks)
        self._worker, self._train, self._taking = worker, train, threading.Lock()

    def _cannot_start(self) -> None:
        """Nobody waits for another."""

    def _work(self) -> None:
        try:
            with self._worker() as step:
                while (chunk := self._take()) is not None:
                    self._train(chunk, step)
        except BaseException:
            self.whole = False
            raise

    def _take(self) -> int | None:
        with self._taking:
            if self._stop or self.taken >= self._chunks:
                return None
            self.taken += 1
            return self.taken - 1


def finish(working: Iterable[Future[None]]) -> None:
    """Wait for work that may not be left half done: Ctrl-C is raised when it has ended."""
    try:
        wait(working)
    except KeyboardInterrupt:
        finish(working)
        raise
