"""What the workers of a run send each other: handlers on each worker, as distributed's own shuffle.

There is no second port: what is sent goes through the workers' own connections, with their
encryption. A run is made of attempts; what an attempt that is over sends is dropped.
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin
from distributed.protocol import to_serialize

from embedlayer.training.collective import LostReplica
from embedlayer.training.state_files import write_slice

NAME = "embedlayer"
LOOK_SECONDS = 0.01


class Box:
    """What one attempt of a run has received on this worker; used in the worker's loop alone."""

    def __init__(self, attempt: int) -> None:
        self.attempt, self.lost = attempt, ""
        self._slots: dict[tuple[int, str], asyncio.Future[Any]] = {}

    def slot(self, step: int, sender: str) -> "asyncio.Future[Any]":
        """What a sender sends in a step, now or later; LostReplica when the attempt is lost."""
        key = step, sender
        if key not in self._slots:
            self._slots[key] = asyncio.get_running_loop().create_future()
            if self.lost:
                self._fail(self._slots[key])
        return self._slots[key]

    async def take(self, step: int, sender: str) -> Any:
        """Wait for what a sender sends in a step."""
        try:
            return await self.slot(step, sender)
        finally:
            self._slots.pop((step, sender), None)

    def lose(self, why: str) -> None:
        """The attempt is lost: all who wait hear of it."""
        self.lost = self.lost or why
        for slot in self._slots.values():
            if not slot.done():
                self._fail(slot)

    def _fail(self, slot: "asyncio.Future[Any]") -> None:
        slot.set_exception(LostReplica(self.lost))
        slot.exception()  # where nobody waits, nobody shall be told either


class Mail(WorkerPlugin):
    """The handlers, and what runs leave on a worker between their attempts.

    Attributes:
        kept: by run, what an attempt leaves for the next one.
        offered: by run, the attempt and the state that others may fetch.
        stopping: by run, the last attempt that is asked to stop.
    """

    idempotent = True
    name = NAME

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.offered: dict[str, tuple[int, Any]] = {}
        self.stopping: dict[str, float] = {}
        self._trained: set[str] = set()
        self._boxes: dict[str, Box] = {}

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The worker's, in which the handlers run."""
        return self.worker.loop.asyncio_loop  # type: ignore[attr-defined]

    def setup(self, worker: Worker) -> None:
        self.worker = worker
        offers = self.state, self.rows, self.slice
        for handler in (self.receive, self.lose, self.stop, self.finish, *offers):
            worker.handlers[f"{NAME}_{handler.__name__}"] = handler

    def teardown(self, worker: Worker) -> None:
        """The worker closes, as when the scheduler is gone: its threads shall end, too."""
        for run in {*self.kept, *self._boxes}:
            self.finish(run)
            self.stop(run, math.inf)

    @contextmanager
    def training(self, run: str) -> Iterator[None]:
        """Within the block a task here trains a run; what others left that nobody trains goes."""
        for other in {*self.kept, *self.stopping} - {*self._trained, run}:
            self.finish(other)
        self._trained.add(run)
        try:
            yield
        finally:
            self._trained.discard(run)

    def box(self, run: str, attempt: int) -> Box | None:
        """What an attempt has received; None if a later one has begun."""
        found = self._boxes.get(run)
        if found is None or found.attempt < attempt:
            if found is not None:
                found.lose("another attempt has begun")
            found = self._boxes[run] = Box(attempt)
        return found if found.attempt == attempt else None

    async def send(self, address: str, run: str, attempt: int, step: int, data: Any) -> None:
        """Send arrays to a worker; LostReplica where it cannot take them."""
        try:
            answer = await self.worker.rpc(address).embedlayer_receive(
                run=run,
                attempt=attempt,
                step=step,
                sender=self.worker.address,
                data=to_serialize(data),
            )
        except (OSError, AttributeError) as error:  # gone, or one that is just beginning
            raise LostReplica(f"{address} cannot be reached: {error}") from None
        if answer != "taken":
            raise LostReplica(f"{address} is at another attempt")

    async def receive(self, run: str, attempt: int, step: int, sender: str, data: Any) -> str:
        """Handler: arrays of another worker."""
        box = self.box(run, attempt)
        if box is None:
            return "stale"
        slot = box.slot(step, sender)
        if not slot.done():
            slot.set_result(data)
        return "taken"

    async def lose(self, run: str, attempt: int, why: str) -> None:
        """Handler: an attempt is lost."""
        if box := self.box(run, attempt):
            box.lose(why)

    def stop(self, run: str, attempt: float) -> None:
        """Handler: a run shall stop at the end of a round, if it is at this attempt."""
        self.stopping[run] = attempt

    def finish(self, run: str) -> None:
        """Handler: a run is over; nothing of it stays."""
        self.kept.pop(run, None)
        self.offered.pop(run, None)
        self.stopping.pop(run, None)
        if box := self._boxes.pop(run, None):
            box.lose("the run is over")

    def state(self, run: str, attempt: int) -> Any:
        """Handler: the state of a run but for its tables; None if it is not there yet."""
        at, state = self.offered.get(run, (-1, None))
        return to_serialize(replace(state, tables=())) if at == attempt else None

    def rows(self, run: str, attempt: int, table: int, start: int, stop: int) -> Any:
        """Handler: rows of one of its tables."""
        at, state = self.offered.get(run, (-1, None))
        return to_serialize(state.tables[table][start:stop]) if at == attempt else None

    async def slice(
        self, run: str, attempt: int, at: tuple[int, int], folder: str, part: int, parts: int
    ) -> Any:
        """Handler: write a part of the tables that a run has at a position; its name and checksum.

        It is waited for until they are there. Why it cannot be written; None if they never will be.
        """
        box, training = self._boxes.get(run), self.kept.get(run)
        if not (box and box.attempt == attempt and training):
            return None
        while training.position() < at and not box.lost:
            await asyncio.sleep(LOOK_SECONDS)
        if training.position() != at:
            return None
        try:
            tables = training.state.tables
            told = await asyncio.to_thread(write_slice, Path(folder), tables, part, parts)
        except OSError as error:
            return f"{error.filename or folder}: {error.strerror or error}"
        return told if self._boxes.get(run) is box else None  # else they may have gone on
