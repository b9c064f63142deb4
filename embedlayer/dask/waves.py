"""Waves of tasks: the same work on many items, whose results come in the order of the items."""

import concurrent.futures
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import distributed

from embedlayer.errors import EmbedlayerError

LOOK_SECONDS, POLL_SECONDS = 0.5, 0.05
TIMEOUT = 300.0  # seconds without any worker, or without a word of one


def chosen_client(client: Any) -> distributed.Client:
    """The client, or the one in force for None.

    Raises:
        EmbedlayerError: there is none, or it is not one that waits for what it asks.
    """
    if client is None:
        try:
            client = distributed.get_client()
        except ValueError:
            raise EmbedlayerError(
                "there is no client of Dask: give one, distributed.Client('tcp://…')"
            ) from None
    if not isinstance(client, distributed.Client) or client.asynchronous:
        raise EmbedlayerError(f"client is {client!r:.60}: give a distributed.Client, not async")
    return client


def workers_of(client: distributed.Client) -> dict[str, dict[str, Any]]:
    """What the scheduler knows of its workers, by address; all of them, not the first five.

    ``client.scheduler_info`` may have none: what it asked for is written over twice a second.

    Raises:
        EmbedlayerError: the client has given the scheduler up.
    """
    while client.status in ("running", "connecting") and client.scheduler is not None:
        try:
            return client.sync(client.scheduler.identity, n_workers=-1)["workers"]
        except CancelledError:
            break
        except OSError:
            time.sleep(LOOK_SECONDS)
    raise lost_scheduler()


def lost_scheduler() -> EmbedlayerError:
    return EmbedlayerError(
        "the scheduler is gone: start another cluster; what is in "
        "the folders of the corpus and of checkpoints is used again"
    )


def wait_for_one(futures: Iterable[distributed.Future], seconds: float) -> None:
    """Wait until one of some futures is done, but no longer than so many seconds.

    ``distributed.wait`` and ``Future.result`` with a timeout fail where the result comes as time is
    up: asyncio then cancels the task that has it, and ``distributed.sync`` has nothing to return.
    """
    until, futures = time.monotonic() + seconds, [*futures]
    while not any(one.done() for one in futures) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


class LostResult(Exception):
    """What a task gave is lost with its worker."""


def fetched(
    client: distributed.Client, future: distributed.Future, is_there: Callable[[], bool]
) -> Any:
    """The result of a task that is done.

    ``Future.result`` by itself waits for ever where the worker dies that has the result, and no
    other may do the task again.

    Args:
        is_there: looks now and then whether there is a worker that has the result, or may have it.

    Raises:
        LostResult: there is none.
    """
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(future.result)
        while concurrent.futures.wait([fetching], LOOK_SECONDS).not_done:
            if not is_there():
                client.cancel([future], force=True)  # which ends the fetching, too
                raise LostResult
        return fetching.result()


def wave(
    client: distributed.Client,
    name: str,
    work: Callable[..., Any],
    items: Sequence[tuple[Any, ...]],
    timeout: float,
) -> Iterator[Any]:
    """Do the work on each item, somewhere; the results in order, as soon as they are there.

    A task whose worker dies is done again elsewhere, so it has to be pure. The first error, in the
    order of the items, ends the wave.

    Args:
        client: of the cluster.
        name: of the tasks, as the dashboard shows it.
        work: called with an item's values, on a worker.
        items: of each task its arguments.
        timeout: seconds that a cluster without workers is waited for.

    Raises:
        EmbedlayerError: as the work does; workers that die, a scheduler that is gone.
    """
    wave_id = uuid.uuid4().hex[:8]
    futures = [
        client.submit(work, *item, key=f"embedlayer-{name}-{wave_id}-{i}", pure=False)
        for i, item in enumerate(items)
    ]
    try:
        for future in futures:
            yield _result(client, future, name, timeout)
            future.release()
    finally:
        client.cancel([future for future in futures if not future.done()], force=True)


def _result(
    client: distributed.Client, future: distributed.Future, name: str, timeout: float
) -> Any:
    last = time.monotonic()

    def is_there() -> bool:
        nonlocal last
        last = time.monotonic() if workers_of(client) else last
        return time.monotonic() - last <= timeout

    try:
        while not future.done():
            wait_for_one([future], LOOK_SECONDS)
            if not is_there():
                raise LostResult
        return fetched(client, future, is_there)
    except LostResult:
        raise EmbedlayerError(
            f"{name}: the cluster has had no worker for {timeout:.0f} s: start workers, "
            "dask worker SCHEDULER"
        ) from None
    except distributed.scheduler.KilledWorker as error:
        raise EmbedlayerError(
            f"{name}: four workers died of one task: look at their logs, and at their memory "
            "(--memory-limit)"
        ) from error
    except CancelledError as error:
        raise lost_scheduler() from error
    except OSError as error:
        where = f" {error.filename}:" if error.filename else ""
        raise EmbedlayerError(
            f"{name}:{where} {error.strerror or error}; all workers have to see the texts and "
            "the folder, under the same names"
        ) from error
