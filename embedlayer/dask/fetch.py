"""The state of a run, fetched from another worker: by one that is new, or behind."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import numpy as np

from embedlayer.dask.mail import NAME, Mail
from embedlayer.kernels.arguments import Tables
from embedlayer.models.tables import Shapes
from embedlayer.training.collective import LostReplica
from embedlayer.training.state import State

PIECE_BYTES = 1 << 26
AGAIN_SECONDS = 0.1


def fetched_state(
    mail: Mail, address: str, run: str, attempt: int, shapes: Shapes, timeout: float
) -> State:
    """The state that a worker offers in an attempt; it is waited for.

    Raises:
        LostReplica: the worker cannot be reached, or offers nothing in time; the attempt is lost.
    """
    which = {"run": run, "attempt": attempt}
    work = _unless_lost(mail, which, _fetch(mail.worker.rpc(address), which, shapes, timeout))
    try:
        return asyncio.run_coroutine_threadsafe(work, mail.loop).result()
    except (OSError, AttributeError, TimeoutError) as error:
        raise LostReplica(f"{address} does not give the run's state: {error}") from None


async def _unless_lost(mail: Mail, attempt: dict[str, Any], work: Coroutine[Any, Any, Any]) -> Any:
    """Do it, as long as the attempt is not lost: to connect to one that is gone takes long."""
    box = mail.box(**attempt)
    if box is None:
        work.close()
        raise LostReplica("another attempt has begun")
    doing, lost = asyncio.ensure_future(work), box.slot(0, NAME)  # nobody sends in step 0
    await asyncio.wait([doing, lost], return_when=asyncio.FIRST_COMPLETED)
    if not doing.done():
        doing.cancel()
        await lost
    return doing.result()


async def _fetch(worker: Any, which: dict[str, Any], shapes: Shapes, timeout: float) -> State:
    async with asyncio.timeout(timeout):
        while (state := await worker.embedlayer_state(**which)) is None:
            await asyncio.sleep(AGAIN_SECONDS)
    tables = []
    for table, (rows, columns) in enumerate(shapes):
        made = np.empty((rows, columns), np.float32)
        size = max(1, PIECE_BYTES // (4 * columns))
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            async with asyncio.timeout(timeout):
                made[start:stop] = await worker.embedlayer_rows(
                    **which, table=table, start=start, stop=stop
                )
        tables.append(made)
    return replace(state, tables=Tables(*tables))
