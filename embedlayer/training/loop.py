"""The loop of a training run over corpus × model, whatever backend, kernels and threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from types import ModuleType
from typing import Any

from embedlayer.arrays import Array
from embedlayer.backend import to_numpy
from embedlayer.kernels.arguments import Bags, Batch, Tables
from embedlayer.optim import linear_decay
from embedlayer.options import Whole
from embedlayer.training.epoch import Epoch, Pass, finish
from embedlayer.training.examples import Examples
from embedlayer.training.health import Diverged, check_learnt, check_loss, check_tables
from embedlayer.training.history import History
from embedlayer.training.memory import MemoryWatch
from embedlayer.training.options import TrainingOptions
from embedlayer.training.plan import MemoryPlan
from embedlayer.training.replica_epochs import ReplicaEpochs
from embedlayer.training.replicas import Merging
from embedlayer.training.report import Progress, Report
from embedlayer.training.saving import Saving
from embedlayer.training.snapshots import Snapshots
from embedlayer.training.state import SUMS, Done, done_so_far
from embedlayer.training.steps import Step, summed
from embedlayer.vectors.vectors import Vectors


class Loop(ReplicaEpochs, Snapshots):
    """What a run does with its parts, which :class:`Training` makes and describes."""

    options: TrainingOptions
    lr: float
    min_lr: float
    shared_windows: int
    merging: Merging | None
    plan: MemoryPlan
    report: Report
    notes: dict[str, Any]
    callbacks: tuple[Callable[[Progress], object], ...]
    _kernels: ModuleType
    _saving: Saving
    _since: float

    def run(self, until: int | None = None) -> Vectors:
        """Train what is left of all epochs, or of the first ``until``; return the vectors.

        An exception of a callback, or Ctrl-C, lets the threads finish their chunks and is raised;
        the state then holds what was learnt so far, :meth:`vectors` makes vectors of it, and
        ``run`` goes on from there. A checkpoint is written then, too, and at the end.

        Raises:
            Diverged: the loss is no number or far above that of chance. No checkpoint is written.
        """
        epochs = self.options.epochs
        last = epochs if until is None else min(epochs, Whole(0).checked("until", until))
        examples = self._make_examples()
        table = self.state.tables.W_in
        pool = ThreadPoolExecutor(self.workers, "embedlayer", self.device.begin_thread, (table,))
        memory = MemoryWatch()
        try:
            with self._saving, memory, pool:
                self._since = perf_counter()
                while self.state.epoch < last:
                    self._run_part(examples, pool, memory)
                if self.state.epoch == epochs:
                    check_learnt(self.state.tables)
                self._save(pool)
        finally:
            self._release()
            self.report.end(self.state, len(self.corpus.ids), memory.peak())
        return self.vectors()

    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus: linear in the raw tokens done."""
        tokens = len(self.corpus.ids)
        done = (epoch * tokens + position) / (self.options.epochs * tokens)
        return linear_decay(self.lr, self.min_lr, done)

    def _make_examples(self) -> Examples:
        return Examples(
            self.corpus,
            self.model,
            self.options.seed,
            self._kernels,
            self.device,
            chunk_tokens=self.state.chunk_tokens,
            measure=self.options.measure,
            held_out=self.options.held_out,
            place=self.plan.corpus_is,
        )

    def _run_part(self, examples: Examples, pool: ThreadPoolExecutor, memory: MemoryWatch) -> None:
        """Train to the end of the epoch, or until a checkpoint is due, which is then written."""
        state = self.state
        if state.sums is None:
            state.sums = self.device.xp.zeros((len(examples), SUMS))
        total = self.options.epochs * len(self.corpus.ids)
        # Nothing is done at the start of an epoch: no need to wait for a device to say so.
        before = done_so_far(state.sums) if state.chunk else Done()
        history = History(state.history, total, before)

        def tick(epoch_done: bool) -> None:
            memory.look()
            sums = to_numpy(state.sums)  # once: to read it is to wait for a device
            done = done_so_far(sums)
            lr = self.learning_rate(state.epoch, done.tokens)
            check_loss(sums, epoch.taken, state.epoch, lr)
            progress = self._note(history, done, lr, epoch_done)
            for callback in self.callbacks:
                callback(progress)
            if self._saving.is_due():
                epoch.stop()

        epoch = self._epoch(examples)
        try:
            epoch.run(pool, self.workers, tick)
        except BaseException as error:
            self._stand(epoch)
            if epoch.whole and not isinstance(error, Diverged):
                check_tables(state.tables, state.epoch, self.learning_rate(state.epoch, 0))
                done = done_so_far(state.sums)  # with the chunks that were under way
                self._note(history, done, self.learning_rate(state.epoch, done.tokens))
                self._save(pool)
            raise
        self._stand(epoch)
        check_tables(state.tables, state.epoch, self.learning_rate(state.epoch, 0))
        if state.chunk == len(examples):
            state.end_epoch()
        if self._saving.is_due():
            self._save(pool)

    def _save(self, pool: ThreadPoolExecutor) -> None:
        """Write a checkpoint, in a thread: no interrupt leaves it half written."""
        writing = pool.submit(self._saving.write, self.state, self.notes)
        finish([writing])
        writing.result()

    def _stand(self, epoch: Pass) -> None:
        """Note where the run stands when no worker is at work."""
        state, now = self.state, perf_counter()
        state.chunk, state.optimizer = epoch.taken, self._steps.state()
        state.sums[epoch.taken :] = 0  # of a round that is void
        state.seconds, self._since = state.seconds + now - self._since, now

    def _epoch(self, examples: Examples) -> Pass:
        """What is left of the epoch: by threads on shared tables, or by replicas."""
        state, merging, train = self.state, self.merging, partial(self._train, examples)
        if merging is None:
            step = partial(self._steps.worker, state.tables)
            return Epoch(state.chunk, len(examples), step, partial(train, state.tables))
        return self._replica_epoch(examples, merging, train)

    def _train(
        self, examples: Examples, tables: Tables, chunk: int, step: Step, sums: Array = None
    ) -> None:
        state, (start, end) = self.state, examples.chunks.starts[chunk : chunk + 2].tolist()
        batch, held_out, kept = examples.parts(state.epoch, chunk)
        row = (state.sums if sums is None else sums)[chunk]
        measured = None if held_out is None else self._loss(tables, held_out)
        lr = self.learning_rate(state.epoch, start)
        loss, pairs = self._step(tables, batch, step, lr)
        # Of a row that is half written a tick may tell: tokens first, or it is before all of them.
        row[2], row[0], row[1], row[3] = end - start, loss, pairs, kept
        if measured is not None:
            row[4], row[5] = measured

    def _step(self, tables: Tables, batch: Batch, step: Any, lr: float) -> tuple[Any, Any]:
        """Take the step on what the inputs read, for a bounded piece at a time where that is made;
        the summed loss and its pairs."""
        mode, windows = self.model.mode(), self.shared_windows
        if self._inputs.in_bags and self._steps.takes_bags:
            return step(tables, batch, lr, mode, bags=Bags(*self._inputs.bags(), windows))

        def take(piece: Batch) -> tuple[Any, Any]:
            with self._inputs.reading(self._kernels, tables, piece) as (given, read):
                return step(given, read, lr, mode)

        return summed(self._pieces(batch), take)

    def _loss(self, tables: Tables, batch: Batch) -> tuple[Any, Any]:
        """What :meth:`_step` returns, of windows from which nothing is learnt."""

        def measure(piece: Batch) -> tuple[Any, Any]:
            given, read = self._inputs.read(self._kernels, tables, piece)
            return self._steps.loss(given, read, self.model.mode())

        return summed(self._pieces(batch), measure)

    def _pieces(self, batch: Batch) -> list[Batch]:
        return batch.split(self.shared_windows) if self._inputs.shared else [batch]

    def _note(self, history: History, done: Done, lr: float, epoch_done: bool = False) -> Progress:
        """Add to the history where the run is; what callbacks are told of it."""
        state, tokens = self.state, len(self.corpus.ids)
        progress = Progress(
            epoch=state.epoch,
            epochs=self.options.epochs,
            epoch_done=epoch_done,
            tokens=state.epoch * tokens + done.tokens,
            tokens_total=self.options.epochs * tokens,
            seconds=state.seconds + perf_counter() - self._since,
            lr=lr,
            loss=done.loss,
            held_out_loss=done.held_out_loss,
            vectors=self.vectors,
        )
        history.add(progress.tokens, progress.seconds, lr, done)
        return progress
