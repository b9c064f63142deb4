"""The workers that a run is given: which, whether they have room, and that they are its own."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import distributed

from embedlayer.dask.group import Process
from embedlayer.dask.waves import workers_of
from embedlayer.errors import EmbedlayerError
from embedlayer.training.plan import megabytes

PAUSED = 0.8  # of a worker's memory limit: there Dask gives it no more tasks, and soon ends it
WAIT_SECONDS = 30.0
LOCKS = "embedlayer-locks"

_log = logging.getLogger("embedlayer")


@dataclass
class Cluster:
    """Where a run is trained.

    Attributes:
        client: of the cluster.
        addresses: of the workers to begin with.
        threads: replicas of each worker; None: its threads.
        timeout: seconds that a cluster without workers, or a worker without a word, is waited for.
        replacement: seconds that a new worker is waited for in the place of one that is lost.
        needed: bytes that a worker takes.
    """

    client: distributed.Client
    addresses: Sequence[str]
    threads: int | None
    timeout: float
    replacement: float
    needed: int = 0

    def processes(self, addresses: Sequence[str]) -> tuple[Process, ...]:
        """The processes of an attempt, each with its ranks; those that are gone are left out."""
        found, first, there = [], 0, workers_of(self.client)
        for address in addresses:
            if address in there:
                threads = self.threads or there[address]["nthreads"]
                found.append(Process(address, threads, first))
                first += threads
        return tuple(found)

    def check_memory(self, plan: str) -> None:
        """Raise EmbedlayerError if a worker may use less memory than the run's plan takes."""
        for address, about in workers_of(self.client).items():
            if address in self.addresses and not self.has_room(about):
                raise EmbedlayerError(
                    f"the worker {address} may use {megabytes(about['memory_limit'])}, of which "
                    f"Dask leaves it {PAUSED:.0%}, and its part of the run takes "
                    f"{megabytes(self.needed)} ({plan}): give workers more (--memory-limit) or "
                    "fewer threads, or lower dim or the words (min_count, max_size)"
                )

    def has_room(self, about: dict[str, Any]) -> bool:
        """Whether a worker, of which the scheduler tells this, may use what the run takes."""
        return not about["memory_limit"] or self.needed <= PAUSED * about["memory_limit"]


def chosen_addresses(client: distributed.Client, given: Sequence[str] | None) -> list[str]:
    """The addresses of workers, default all there are; EmbedlayerError for one that is none."""
    there = workers_of(client)
    chosen = list(there) if given is None else list(given)
    if not chosen:
        raise EmbedlayerError("the cluster has no workers: start some, dask worker SCHEDULER")
    for address in chosen:
        if address not in there:
            raise EmbedlayerError(
                f"addresses: {address!r} is no worker of the cluster, which has {', '.join(there)}"
            )
    return list(dict.fromkeys(chosen))


@contextmanager
def locked_workers(client: distributed.Client, addresses: list[str]) -> Iterator[None]:
    """Hold workers against other trainings, each of which would wait for the other's half.

    A client that was killed leaves its locks behind: they count as long as there are its tasks.
    Then the workers get new ones.
    """
    while not (lock := _lock(client, addresses)).acquire(timeout=WAIT_SECONDS):
        tasks = [key for keys in client.processing(addresses).values() for key in keys]
        if any(str(key).startswith("embedlayer-train") for key in tasks):
            _log.warning("another training has the workers: waiting for its end")
            continue
        _log.warning("the workers' locks are those of a client that is gone")
        for address in addresses:
            client.set_metadata([LOCKS, address], _made(client, address) + 1)
    try:
        yield
    finally:
        with suppress(Exception):  # of a scheduler that is gone
            lock.release()


def _lock(client: distributed.Client, addresses: list[str]) -> distributed.MultiLock:
    names = [f"{LOCKS}-{address}-{_made(client, address)}" for address in addresses]
    return distributed.MultiLock(names=names, client=client)


def _made(client: distributed.Client, address: str) -> int:
    """How often a worker has got a new lock, as the scheduler knows."""
    return client.get_metadata([LOCKS, address], 0)
