"""A cluster on this machine for tests: worker processes under a nanny, each with one thread."""

import contextlib

import dask
import distributed


@contextlib.contextmanager
def running(workers=2, threads=1, **options):
    """A client of a new cluster of so many processes, each of which is started anew if it dies.

    15 s after a worker's end LocalCluster closes its nanny, if just then it has no other.
    """
    given = {"dashboard_address": ":0", "memory_limit": "2GiB", "silence_logs": 50}
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=threads, **(given | options)
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
