"""``train --scheduler``: the same command, done by the workers of a Dask cluster."""

import logging
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import click

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import section
from embedlayer.cli.options import arguments, flag
from embedlayer.cli.progress import ReadingProgress
from embedlayer.errors import EmbedlayerError, extra_library
from embedlayer.text.options import CorpusOptions
from embedlayer.threads import available_cores
from embedlayer.training.merge import MERGES
from embedlayer.training.replicas import Merging

LOCAL = "local"
CONNECT_SECONDS = 30
ALONE = ("folder", "merge", "round_tokens")  # that mean nothing without a cluster
REFUSED = (  # that a cluster does not know
    *("continue_from", "no_new_words", "old_rate", "freeze", "no_cache"),
    *("deterministic", "gpus", "backend", "step", "optimizer"),
)


cluster_options = section(
    "Cluster",
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Train on a cluster of Dask, tcp://…; local: on processes of this machine.",
    ),
    click.option(
        "--folder",
        type=click.Path(),
        metavar="FOLDER",
        help="--scheduler: for the encoded text; all workers see it.",
    ),
    click.option(
        "--merge",
        type=Choice(list(MERGES)),
        help=f"--scheduler: how replicas are merged.  [default: {Merging.rule}]",
    ),
    click.option(
        "--round-tokens",
        type=click.IntRange(1),
        metavar="NUMBER",
        help="--scheduler: tokens between two merges.  [default: fits]",
    ),
)


class OnCluster(NamedTuple):
    """What ``run_training`` is given in the place of one process's own."""

    read: Callable[[ReadingProgress | None], Any]
    begin: Callable[..., Any]


@contextmanager
def on_cluster(
    files: list[str], given: dict[str, Any], resume: str | None
) -> Iterator[OnCluster | None]:
    """How a text is read, and a run begun, on the cluster that is asked for; None for none.

    Args:
        files: of the text.
        given: the options that were given.
        resume: the folder of the checkpoints of a run that goes on.

    Raises:
        EmbedlayerError: no cluster there.
        UsageError: options that mean nothing.
    """
    address = given.get("scheduler")
    phrases = [name for name in given if name.startswith("phrase")]
    for name in ALONE if address is None else (*REFUSED, *phrases):
        if name in given:
            how = "without" if address is None else "with"
            raise click.UsageError(f"{flag(name)} has no effect {how} --scheduler")
    if address is None:
        yield None
        return
    extra_library("distributed", "dask")
    from embedlayer.dask import ClusterTraining, DaskCorpus

    if address != LOCAL and "folder" not in given:
        raise click.UsageError("--scheduler needs --folder, a folder that all workers see")
    threads = {} if address == LOCAL or "workers" not in given else {"workers": given["workers"]}
    with ExitStack() as stack:
        client = stack.enter_context(_connected(address, given.get("workers")))
        folder = given.get("folder") or stack.enter_context(
            tempfile.TemporaryDirectory(prefix="embedlayer-")
        )

        def read(progress: ReadingProgress | None) -> Any:
            options = arguments(CorpusOptions, given)
            return DaskCorpus.from_files(client, files, folder=folder, progress=progress, **options)

        def begin(corpus: Any, model: Any, **options: Any) -> Any:
            options.pop("workers", None)
            if resume is not None:
                options |= {"checkpoint": resume, "resume": True}
            merging = {name: given[name] for name in ("merge", "round_tokens") if name in given}
            return ClusterTraining(client, corpus, model, **options, **merging, **threads)

        yield OnCluster(read, begin)


@contextmanager
def _connected(address: str, processes: int | None) -> Iterator[Any]:
    """A client of a cluster that is there, or of one that ends with the block."""
    import distributed

    with ExitStack() as stack:
        where: Any = address
        if address == LOCAL:
            where = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=processes or available_cores(),
                    threads_per_worker=1,
                    dashboard_address=":0",
                    silence_logs=logging.ERROR,
                )
            )
        try:
            client = stack.enter_context(distributed.Client(where, timeout=CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise EmbedlayerError(
                f"no scheduler at {address}: {error}; start one, dask scheduler, and workers"
            ) from error
        if address == LOCAL:
            client.register_plugin(_deaf(distributed.WorkerPlugin))
        yield client


def _deaf(plugin: Any) -> Any:
    """Workers of this terminal, whose Ctrl-C is for the client: it ends them in good order."""

    class Deaf(plugin):
        def setup(self, worker: Any) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    return Deaf()
