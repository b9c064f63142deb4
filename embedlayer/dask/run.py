"""A training run on a cluster, from the client's side: attempts, until one comes to the end."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedlayer.dask.attempt import Attempt, tell
from embedlayer.dask.cluster import Cluster, locked_workers
from embedlayer.dask.group import Process
from embedlayer.dask.mail import NAME, Mail
from embedlayer.dask.member import Order, topic_of, vectors_now
from embedlayer.dask.slices import check_folder, mark_folder
from embedlayer.dask.waves import LOOK_SECONDS, workers_of
from embedlayer.errors import EmbedlayerError
from embedlayer.training.checkpoint import checkpoints_in
from embedlayer.training.report import Callback, Progress, Report
from embedlayer.vectors.vectors import Vectors

MOST_IN_VAIN = 4  # attempts that are lost one after the other without a round done

_log = logging.getLogger("embedlayer")


class Attempts:
    """Attempts, each of which begins where the one before it came to.

    Args:
        cluster: the workers.
        order: of the first attempt, but for its processes.
        callbacks: are told the progress.
    """

    def __init__(self, cluster: Cluster, order: Order, callbacks: Sequence[Callback]) -> None:
        self._cluster, self._client, self.order = cluster, cluster.client, order
        self._callbacks = callbacks
        self._told: list[dict[str, Any]] = []
        self._known = set(workers_of(self._client))
        self._hanging: set[str] = set()
        self._last: Attempt | None = None
        self.position, self._in_vain = (0, 0), 0

    def run(self) -> tuple[Vectors, Report]:
        """Train to the end.

        Raises:
            EmbedlayerError: as ``Training``; a cluster whose workers or scheduler are gone.
        """
        with self._held():
            self._check_folder()
            while True:
                self.order = self._next()
                self._last = attempt = Attempt(self._client, self.order)
                attempt.run(self._look)
                self._hanging |= attempt.hanging
                if attempt.error is not None:
                    raise attempt.error
                for told in attempt.results.values():
                    if "vectors" in told:
                        self._tell("finish")
                        return told["vectors"], told["report"]
                _log.warning("%s: the round is trained again", attempt.lost)

    def reached(self) -> tuple[int, int]:
        """The position of the state that is kept of the last attempt."""
        results = self._last.results if self._last else {}
        return max((told["at"] for told in results.values() if told["at"]), default=self.position)

    def vectors(self, limit: int | None = None) -> Vectors:
        """The vectors as they are now; with a limit of so many words."""
        found = self._client.run(vectors_now, self.order.run, limit, workers=[self.order.leader])
        return found[self.order.leader]

    def _next(self) -> Order:
        """The order of the next attempt: who takes part, who leads, who has the leader's state."""
        last, order = self._last, self.order
        if last is None:
            processes = self._cluster.processes(self._cluster.addresses)
            return self._ordered(order.attempt, processes, {})
        at = {address: told["at"] for address, told in last.results.items() if told["at"]}
        processes = self._gathered(
            [one.address for one in order.processes], len(self._cluster.addresses)
        )
        at = {one.address: at[one.address] for one in processes if one.address in at}
        reached = max(at.values(), default=(0, 0))
        self._in_vain = 0 if reached > self.position else self._in_vain + 1
        if self._in_vain >= MOST_IN_VAIN:
            raise EmbedlayerError(
                f"{MOST_IN_VAIN} times in a row workers were lost before a round was done: "
                f"{last.lost}; look at the workers' logs, and at their memory (--memory-limit)"
            )
        self.position = reached
        return self._ordered(order.attempt + 1, processes, at)

    def _ordered(
        self, attempt: int, processes: tuple[Process, ...], at: dict[str, tuple[int, int]]
    ) -> Order:
        """The order of an attempt, if these are the positions of some of its processes."""
        if not processes:
            raise EmbedlayerError(
                "none of the workers is there any more: start workers, and go on from the last "
                "checkpoint (resume) if there is one"
            )
        folder = self.order.checkpoint
        resume = self.order.resume or bool(attempt and folder and checkpoints_in(Path(folder)))
        addresses = [one.address for one in processes]
        current = addresses
        if at:
            current = [address for address in at if at[address] == max(at.values())]
        elif resume:
            current = addresses[:1]
        return replace(
            self.order,
            attempt=attempt,
            processes=processes,
            resume=resume,
            leader=current[0],
            current=tuple(current),
            position=max(at.values(), default=None),
        )

    def _gathered(self, before: list[str], wanted: int) -> tuple[Process, ...]:
        """Those of the workers that are still there, and new ones in the place of the others."""
        begun = time.monotonic()
        while True:
            there = workers_of(self._client)
            chosen = [one for one in before if one in there and one not in self._hanging]
            new = [
                one
                for one, about in there.items()
                if one not in self._known | {*before} and self._cluster.has_room(about)
            ]
            chosen += new[: max(0, wanted - len(chosen))]
            patience = self._cluster.replacement if chosen else self._cluster.timeout
            if len(chosen) >= wanted or time.monotonic() - begun > patience:
                return self._cluster.processes(chosen)
            time.sleep(LOOK_SECONDS)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Within the block the workers are this run's, and tell it their progress."""
        client, topic = self._client, topic_of(self.order.run)
        client.register_plugin(Mail(), name=NAME)
        with locked_workers(client, [*self._cluster.addresses]):
            client.subscribe_topic(topic, lambda event: self._told.append(event[1]["progress"]))
            try:
                yield
            except EmbedlayerError:  # nobody goes on from here
                self._tell("finish")
                raise
            finally:
                with suppress(Exception):  # of a scheduler that is gone
                    client.unsubscribe_topic(topic)

    def _check_folder(self) -> None:
        """Raise EmbedlayerError unless all workers see the folder of checkpoints, if there is one.

        Those that come later look for themselves.
        """
        if self.order.checkpoint is None:
            return
        folder, addresses = Path(self.order.checkpoint), [*self._cluster.addresses]
        mark_folder(folder, self.order.run)
        told = self._client.run(
            check_folder, folder, self.order.run, workers=addresses, on_error="return"
        )
        for error in told.values():
            if isinstance(error, EmbedlayerError):
                raise error

    def _look(self) -> None:
        """Call the callbacks, in the thread that waits for the run."""
        told, self._told = self._told, []
        for about in told:
            progress = Progress(**about, vectors=self.vectors)
            for callback in self._callbacks:
                callback(progress)

    def _tell(self, what: str) -> None:
        with suppress(EmbedlayerError):
            there = [one for one in workers_of(self._client) if one not in self._hanging]
            tell(self._client, what, there, run=self.order.run)
