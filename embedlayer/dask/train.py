"""Training on a cluster: replicas on its workers, merged as those of one process are."""

import os
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed

from embedlayer.dask.cluster import Cluster, chosen_addresses
from embedlayer.dask.corpus import DaskCorpus
from embedlayer.dask.member import Order
from embedlayer.dask.merging import asked_of_merges
from embedlayer.dask.run import Attempts
from embedlayer.dask.waves import TIMEOUT, chosen_client
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.kernels.arguments import Share
from embedlayer.models.inputs.subwords import default_shared_windows
from embedlayer.models.options import Word2Vec
from embedlayer.options import Flag, Real, check_names
from embedlayer.storage.reading import expanded
from embedlayer.training.checkpoint import CheckpointFolder, checkpoints_in, read_checkpoint
from embedlayer.training.checks import checked_callbacks, checked_model
from embedlayer.training.chunks import chunk_tokens
from embedlayer.training.options import TrainingOptions
from embedlayer.training.plan import MemoryPlan, plan_run
from embedlayer.training.replicas import Merging
from embedlayer.training.report import Callback, Report
from embedlayer.training.saving import EVERY, resumed
from embedlayer.training.steps import make_steps
from embedlayer.vectors.vectors import Vectors

# Of the options of a run those that a cluster knows.
NAMES = (
    "epochs",
    "lr",
    "min_lr",
    "seed",
    "workers",
    "kernels",
    "measure",
    "held_out",
    "keep_output",
    "shared_windows",
)
REPLACEMENT = 30.0  # seconds
ALONE = 1  # replica, which nothing is merged with


def train(
    client: distributed.Client | None,
    corpus: DaskCorpus,
    model: Word2Vec | None = None,
    **options: Any,
) -> Vectors:
    """Train word vectors on the workers of a cluster; :class:`ClusterTraining` has the options."""
    return ClusterTraining(client, corpus, model, **options).run()


class ClusterTraining:
    """A training run on a cluster; :meth:`run` makes the vectors.

    Each thread of each worker is a replica, and N replicas give the bits of
    ``Training(..., workers=N, deterministic=True)``, wherever they are. Workers that are lost take
    no example with them: the rounds under way are trained again, by those left and by new ones.

    Args:
        client: of the cluster; None: the one in force.
        corpus: in a folder that all workers see.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        merge: the rule of a merge, a name in ``MERGES``, default 'damped'; or a ``Merging``.
        round_tokens: of a replica between two merges; default what ``Merging.fitting`` says.
        addresses: of the workers that take part; default all.
        checkpoint: a folder for checkpoints, which the client and all workers see.
        checkpoint_every: seconds between two of them.
        resume: go on from the newest of them; where there is none, begin.
        timeout: seconds that a cluster without workers, or a worker without a word, is waited for.
        replacement: seconds that a new worker is waited for in the place of one that is lost.
        callbacks: as ``Training`` takes them.
        options: epochs, lr, min_lr, seed, kernels, measure, held_out, keep_output of
            :class:`TrainingOptions`; ``workers``: replicas of a worker, default its threads.

    Attributes:
        options: the :class:`TrainingOptions`.
        plan: the memory that each worker takes.
        report: what the run did and took, when it is done; peaks of memory are of one worker.
        notes: what its checkpoints tell besides, as JSON can hold it.

    Raises:
        EmbedlayerError: as ``Training``; a worker that may not use as much memory as it needs.
    """

    report: Report

    def __init__(
        self,
        client: distributed.Client | None,
        corpus: DaskCorpus,
        model: Word2Vec | None = None,
        *,
        merge: str | Merging | None = None,
        round_tokens: int | None = None,
        addresses: Sequence[str] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = EVERY,
        resume: bool = False,
        timeout: float = TIMEOUT,
        replacement: float = REPLACEMENT,
        callbacks: Sequence[Callback] = (),
        **options: Any,
    ) -> None:
        if not isinstance(corpus, DaskCorpus):
            raise EmbedlayerError(f"corpus is {corpus!r:.60}: give a DaskCorpus")
        check_names(options, NAMES)
        self.corpus, self.model = corpus, checked_model(model)
        self.callbacks, self.notes = checked_callbacks(callbacks), dict[str, Any]()
        self.options = TrainingOptions(**options)
        self._asked = asked_of_merges(merge, round_tokens)
        self._merging: Merging | None = None
        self.options.rates(self.model)
        self._every = Real(0).checked("checkpoint_every", checkpoint_every)
        self._folder = None if checkpoint is None else Path(expanded(checkpoint)).absolute()
        self._resume = self._can_resume(Flag().checked("resume", resume))
        if self._resume:
            self._take_up(model, options)
        self._cluster = self._checked_cluster(client, addresses, timeout, replacement)
        self._attempts: Attempts | None = None

    def run(self) -> Vectors:
        """Train to the end; return the vectors.

        An exception of a callback, or Ctrl-C, lets the workers end their round and is raised; a
        checkpoint is written then, too, :meth:`vectors` makes vectors of what was learnt so far,
        and ``run`` goes on from there.
        """
        if self._attempts is None:
            self.corpus.check(self._cluster.client, self._cluster.timeout)
            self._attempts = Attempts(self._cluster, self._order(), self.callbacks)
        vectors, self.report = self._attempts.run()
        return vectors

    def vectors(self, limit: int | None = None) -> Vectors:
        """The vectors as they are now; with a limit of so many words, the most frequent."""
        if self._attempts is None:
            raise EmbedlayerError("nothing is learnt yet: run the training first")
        return self._attempts.vectors(limit)

    def position(self) -> tuple[int, int]:
        """Where the run stands: how many epochs are done, and chunks of the next."""
        return (0, 0) if self._attempts is None else self._attempts.reached()

    def _checked_cluster(
        self,
        client: distributed.Client | None,
        addresses: Sequence[str] | None,
        timeout: float,
        replacement: float,
    ) -> Cluster:
        """The workers, which have room for what the run takes."""
        client = chosen_client(client)
        cluster = Cluster(
            client,
            chosen_addresses(client, addresses),
            self.options.workers,
            Real(0).checked("timeout", timeout),
            Real(0).checked("replacement", replacement),
        )
        threads = [one.threads for one in cluster.processes(cluster.addresses)]
        replicas, epochs = sum(threads), self.options.epochs
        if replicas != ALONE and not self._resume:
            fitting = Merging.fitting(replicas, epochs, self.corpus.tokens)
            self._merging = replace(fitting, **self._asked)
        self.plan = self._plan(max(threads), len(threads))
        cluster.needed = self.plan.allocated
        cluster.check_memory(str(self.plan))
        return cluster

    def _order(self) -> Order:
        names = (name for name in NAMES if name != "workers")
        return Order(
            run=uuid.uuid4().hex[:12],
            attempt=0,
            processes=(),
            leader="",
            current=(),
            position=None,
            folder=str(self.corpus.folder),
            model=self.model,
            options={name: getattr(self.options, name) for name in names},
            merging=self._merging,
            checkpoint=None if self._folder is None else str(self._folder),
            every=self._every,
            resume=self._resume,
            notes=self.notes,
            timeout=self._cluster.timeout,
        )

    def _can_resume(self, wanted: bool) -> bool:
        """Whether there is a checkpoint to go on from; EmbedlayerError for one folder too few."""
        if self._folder is None:
            if wanted:
                raise EmbedlayerError("resume goes on from checkpoints: name their folder")
            return False
        found = wanted and bool(checkpoints_in(self._folder))
        if not found:
            CheckpointFolder(self._folder)
        return found

    def _take_up(self, model: Word2Vec | None, given: dict[str, Any]) -> None:
        """The model, the options and the merging of the run that goes on."""
        found = read_checkpoint(str(self._folder))
        merging = found.about["notes"].get("merging")
        if merging is None:
            raise EmbedlayerError(
                f"the run in {self._folder} was none of a cluster: go on with Training.resume"
            )
        self.model, options = resumed(found, self.corpus.corpus(), given)
        self.notes, chosen = found.about["notes"], {name: options[name] for name in NAMES}
        chosen["workers"] = given.get("workers")
        self.options = TrainingOptions(**chosen)
        self._merging = Merging(**merging)
        if (
            model not in (None, self.model)
            or replace(self._merging, **self._asked) != self._merging
        ):
            raise EmbedlayerError(
                f"the run in {self._folder} trains {self.model} and merges by {self._merging}: "
                "leave out model, merge and round_tokens to go on with it"
            )

    def _plan(self, threads: int, processes: int) -> MemoryPlan:
        """The memory of the worker with the most threads."""
        tables = 1 + (threads if processes == 1 else 2 * threads)  # besides the run's: given away
        device, kind = DEVICES["numpy"], kernel_kind(self.options.kernels)
        corpus, options = self.corpus.corpus(), self.options
        words = corpus.vocabulary.words
        return plan_run(
            corpus,
            self.model,
            make_steps(options, load_kernels("numpy", kind), Share(0, 1, None)),
            self.model.make_inputs(words, device),
            chunk_tokens=chunk_tokens(corpus, options.epochs, device),
            shared_windows=options.shared_windows or default_shared_windows(len(words), device),
            workers=threads,
            replicas=tables if self._merging else 0,
        )
