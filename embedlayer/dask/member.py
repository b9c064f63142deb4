"""What a worker does in a training run: its share of the replicas, in one task."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import distributed

from embedlayer.dask.connection import Member
from embedlayer.dask.corpus import DaskCorpus
from embedlayer.dask.fetch import fetched_state
from embedlayer.dask.group import Group, Process
from embedlayer.dask.mail import NAME, Mail
from embedlayer.dask.rounds import ClusterRounds
from embedlayer.dask.slices import check_folder, write_slices
from embedlayer.models.options import Word2Vec
from embedlayer.models.tables import table_shapes
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import checkpoints_in, read_checkpoint
from embedlayer.training.collective import LostReplica
from embedlayer.training.epoch import Pass
from embedlayer.training.replicas import Merging
from embedlayer.training.report import Progress
from embedlayer.training.rounds import Work
from embedlayer.training.run import Training
from embedlayer.training.saving import Saving
from embedlayer.training.state import State


@dataclass(frozen=True)
class Order:
    """What the client tells all workers of a run's attempt.

    Args:
        run, attempt: which.
        processes: of the attempt, in the order of ranks; the first ones tell and save.
        leader: the address of the process whose state counts.
        current: the addresses of those that have the leader's state, or begin as it does.
        position: of that state; None: they begin.
        folder: of the corpus.
        model, options: as ``Training`` takes them.
        merging: how replicas merge; None: there is one.
        checkpoint: their folder, or None; ``every`` seconds between two of them.
        resume: begin where the newest checkpoint stands.
        notes: what checkpoints tell besides.
        timeout: seconds without a word of another process.
    """

    run: str
    attempt: int
    processes: tuple[Process, ...]
    leader: str
    current: tuple[str, ...]
    position: tuple[int, int] | None
    folder: str
    model: Word2Vec
    options: dict[str, Any]
    merging: Merging | None
    checkpoint: str | None
    every: float
    resume: bool
    notes: dict[str, Any]
    timeout: float


def topic_of(run: str) -> str:
    """The name under which a run tells its progress."""
    return f"embedlayer-{run}"


class Stopping(Exception):
    """The client asks the run to stop."""


class MemberTraining(Training):
    """The run as one process has it: its replicas, and the state that all processes have."""

    group: Group
    merged_apart = True
    _members: Sequence[Member] = ()

    def __init__(
        self,
        corpus: Corpus,
        order: Order,
        group: Group,
        state: State | None,
    ) -> None:
        self._given, self.group = order.merging, group
        super().__init__(
            corpus,
            order.model,
            state=state,
            **order.options,
            deterministic=True,
            workers=group.here.threads,
            backend="numpy",
        )

    def _merging(self) -> Merging | None:
        return self._given

    def _rounds(self, chunks: int, work: Work) -> Pass:
        return ClusterRounds(self.state, chunks, work, self.group, self._members)

    def begin(self, order: Order, group: Group, tell: Callable[[Progress], None]) -> None:
        """Take part in an attempt; its leader has the checkpoints written."""
        self.group, self.callbacks = group, (tell,)
        self._members = [Member(group, thread) for thread in range(group.here.threads)]
        self.notes = order.notes | {"merging": asdict(order.merging) if order.merging else None}
        self.report.workers = self.report.options["workers"] = group.size
        given: dict[str, Any] = {"checkpoint_every": order.every}
        if order.checkpoint and order.leader == group.here.address:
            given["checkpoint"] = order.checkpoint
            if checkpoints_in(Path(order.checkpoint)) and (order.resume or order.attempt):
                given["checkpoint"] = read_checkpoint(order.checkpoint)
        options = replace(
            self.options, lr=self.lr, min_lr=self.min_lr, workers=group.size, backend=None
        )
        slices = partial(write_slices, group, self.position)
        self._saving = Saving(given, self.corpus, self.model, options, self.plan.state, slices)

    def end(self) -> None:
        """Give back the memory that this process shares with others, which may be long in use."""
        for member in self._members:
            member.outboxes.clear()


def take_part(order: Order) -> dict[str, Any]:
    """The task: train this worker's share of a run's attempt, to the end of the run.

    Returns:
        ``vectors`` and ``report`` of the leader at the end; or why the attempt is ``lost``, or that
        it was ``stopped``. ``at`` is the position of the state that stays here.
    """
    worker = distributed.get_worker()
    mail = cast(Mail, worker.plugins[NAME])
    group = Group(mail, order.run, order.attempt, order.processes, order.timeout)
    training: MemberTraining | None = None
    told: dict[str, Any] = {}
    with mail.training(order.run):
        try:
            training = _prepared(order, group, mail)
            mail.offered[order.run] = order.attempt, training.state
            vectors = training.run()
            if group.here.address == order.leader:
                told = {"vectors": vectors, "report": training.report}
        except LostReplica as lost:
            told = {"lost": str(lost)}
        except Stopping:
            group.fail("the run is stopped")
            told = {"stopped": True}
        except BaseException as error:
            group.fail(f"{worker.address}: {error}")
            raise
        finally:
            if training is not None:
                training.end()
    if _cancelled(worker, worker.get_current_task()):  # nobody takes what is told
        mail.finish(order.run)
    return told | {"at": training and training.position()}


def vectors_now(run: str, limit: int | None, dask_worker: distributed.Worker) -> Any:
    """The vectors of a run as they are on a worker."""
    return cast(Mail, dask_worker.plugins[NAME]).kept[run].vectors(limit)


def _prepared(order: Order, group: Group, mail: Mail) -> MemberTraining:
    """The run as the leader has it, about to take part in an attempt."""
    worker, here = mail.worker, group.here.address
    if order.checkpoint:
        check_folder(Path(order.checkpoint), order.run, worker)
    training = mail.kept.get(order.run)
    if here not in order.current or order.position is None:
        mail.kept.pop(order.run, None)
        corpus = DaskCorpus(order.folder).corpus()
        state = None
        if here not in order.current:
            shapes = table_shapes(order.model, len(corpus.vocabulary))
            where = order.leader, order.run, order.attempt
            state = fetched_state(mail, *where, shapes, order.timeout)
        elif order.resume and order.checkpoint:
            state = read_checkpoint(order.checkpoint).state
        training = MemberTraining(corpus, order, group, state)
        mail.kept[order.run] = training
    elif training is None or training.position() != order.position:
        mail.kept.pop(order.run, None)
        raise LostReplica(f"{here} has lost the state of the run")
    key = worker.get_current_task()
    training.begin(order, group, lambda progress: _look(mail, order, key, progress))
    return training


def _cancelled(worker: distributed.Worker, key: Any) -> bool:
    """Whether the client has given up a task, or is gone."""
    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled"


def _look(mail: Mail, order: Order, key: Any, progress: Progress) -> None:
    """Tell the client of the progress; Stopping if it wants no more of it, or is gone."""
    worker = mail.worker
    if order.attempt <= mail.stopping.get(order.run, -1) or _cancelled(worker, key):
        raise Stopping
    if worker.address == order.leader:
        names = (one.name for one in fields(progress) if one.name != "vectors")
        about = {name: getattr(progress, name) for name in names}
        worker.loop.add_callback(worker.log_event, topic_of(order.run), {"progress": about})
