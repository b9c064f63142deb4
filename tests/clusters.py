"""A cluster on this machine for tests: worker processes under a nanny, each with one thread."""

import contextlib

import distributed


@contextlib.contextmanager
def running(workers=2, threads=1, **options):
    """A client of a new cluster of so many processes; a cluster's noise at its end is kept."""
    given = {"dashboard_address": None, "memory_limit": "2GiB", "silence_logs": 50}
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=threads, **(given | options)
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
