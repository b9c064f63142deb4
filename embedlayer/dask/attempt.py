"""One attempt of a run: a task on each worker, watched until all have ended or are lost."""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import distributed

from embedlayer.dask.member import Order, take_part
from embedlayer.dask.waves import (
    LostResult,
    fetched,
    lost_scheduler,
    wait_for_one,
    workers_of,
)

WATCH_SECONDS = 0.2  # between two looks at the tasks, and calls of callbacks
ASK_SECONDS = 1.0  # between two questions to the scheduler, which takes milliseconds to answer
TELL_SECONDS = 10.0  # that a worker has to take a word


class Attempt:
    """The tasks of an attempt.

    Attributes:
        order: what the workers are told.
        results: by address, what the tasks told that came to their ends.
        lost: why the attempt is lost, or "".
        error: of a worker, which would come again: a user's mistake, or a fault of ours.
        hanging: the workers that said nothing more.
    """

    def __init__(self, client: distributed.Client, order: Order) -> None:
        self._client, self.order = client, order
        self.results: dict[str, dict[str, Any]] = {}
        self.error: BaseException | None = None
        self.hanging: set[str] = set()
        self.lost, self._until, self._ask = "", 0.0, 0.0
        self._futures: dict[str, distributed.Future] = {}

    def run(self, look: Callable[[], None]) -> None:
        """Do it; ``look`` is called some times a second, and may raise what stops the run.

        Raises:
            EmbedlayerError: the scheduler is gone.
        """
        name = f"embedlayer-train-{self.order.run}-{self.order.attempt}"
        for process in self.order.processes:
            self._futures[process.address] = self._client.submit(
                take_part,
                self.order,
                key=f"{name}-{process.first}",
                workers=[process.address],
                pure=False,
            )
        try:
            self._wait(look)
        except BaseException:
            about = {"run": self.order.run, "attempt": self.order.attempt}
            tell(self._client, "stop", [*self._futures], **about)
            self._lose("the run is stopped", told=True)
            self._wait(lambda: None)
            raise
        finally:
            self._client.cancel([*self._futures.values()], force=True)

    def _wait(self, look: Callable[[], None]) -> None:
        while self._futures:
            self._collect()
            look()
            wait_for_one(self._futures.values(), WATCH_SECONDS)

    def _collect(self) -> None:
        """Take the results that are there, and see who is lost."""
        for address in [one for one, future in self._futures.items() if future.done()]:
            self._take(address, self._futures.pop(address))
        now = time.monotonic()
        if now >= self._ask:
            self._ask, there = now + ASK_SECONDS, workers_of(self._client)
            for address in [one for one in self._futures if one not in there]:
                self._client.cancel(self._futures.pop(address), force=True)
                self._lose(f"the worker {address} is gone")
        if self._until and now > self._until:
            self.hanging |= self._futures.keys()
            self._client.cancel([*self._futures.values()], force=True)
            self._futures.clear()

    def _take(self, address: str, future: distributed.Future) -> None:
        try:
            self.results[address] = fetched(
                self._client, future, lambda: address in workers_of(self._client)
            )
        except (distributed.scheduler.KilledWorker, LostResult):
            self._lose(f"the worker {address} is gone")
        except CancelledError:
            raise lost_scheduler() from None
        except Exception as error:  # what is a user's mistake, and what is not, is raised
            self.error = self.error or error
            self._lose(f"{address}: {error}", told=True)  # by itself, as one that is lost
        else:
            if why := self.results[address].get("lost"):
                self._lose(why, told=True)
        future.release()

    def _lose(self, why: str, told: bool = False) -> None:
        """The attempt is lost: the others hear of it, and shall end in time."""
        if not self.lost:
            self.lost, self._until = why, time.monotonic() + self.order.timeout
            if not told:
                about = {"run": self.order.run, "attempt": self.order.attempt, "why": why}
                tell(self._client, "lose", [*self._futures], **about)


def tell(client: distributed.Client, what: str, workers: list[str], **about: Any) -> None:
    """Call a handler of workers; of those that are gone, or hang, nothing is expected."""
    if not workers:
        return
    with suppress(distributed.TimeoutError, OSError, CancelledError):
        client.sync(
            client.scheduler.broadcast,  # type: ignore[union-attr]
            msg={"op": f"embedlayer_{what}", **about},
            workers=workers,
            on_error="ignore",
            callback_timeout=TELL_SECONDS,
        )
