"""A training run: one loop over corpus × model, whatever backend, kernels and threads."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Unpack

from embedlayer.backend import get_backend, to_numpy
from embedlayer.device import DEVICES
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.kernels.arguments import Share
from embedlayer.models.options import Word2Vec
from embedlayer.models.tables import start_tables, table_shapes
from embedlayer.optim import linear_decay
from embedlayer.options import Whole
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import read_checkpoint
from embedlayer.training.checks import check_corpus, checked_callbacks, checked_model
from embedlayer.training.chunks import chunk_tokens
from embedlayer.training.epoch import Epoch, finish
from embedlayer.training.examples import Examples
from embedlayer.training.health import Diverged, check_learnt, check_loss, check_tables
from embedlayer.training.memory import MemoryWatch
from embedlayer.training.options import RunOptions, run_options
from embedlayer.training.plan import plan_run
from embedlayer.training.report import Progress, start_report
from embedlayer.training.saving import Saving, resumed
from embedlayer.training.state import Done, State, done_so_far
from embedlayer.training.steps import Step, make_steps
from embedlayer.vectors.vectors import Vectors


class Training:
    """A training run; :meth:`run` makes the vectors and :attr:`report` says what it took.

    Args:
        corpus: the text, counted and encoded.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        state: where to go on, of a run with the same corpus, model and options.
        options: those of :class:`TrainingOptions`, and ``callbacks``: functions that are called
            with a :class:`Progress` about five times per second and after each epoch;
            ``checkpoint``: a folder for checkpoints; ``checkpoint_every``: seconds, default 300.

    Attributes:
        options: the :class:`TrainingOptions`.
        lr, min_lr: the learning rates at the start and the end.
        plan: the memory that the run takes.
        report: what it did and took.
        state: where it stands. Its tables have zero columns up to a multiple of 16.
        notes: what its checkpoints tell besides, as JSON can hold it.

    Raises:
        EmbedlayerError: an option that is unknown or out of range, a corpus from which nothing
            can be learnt, a backend that cannot work here, too little free memory, or a folder
            with the checkpoints of another run.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec | None = None,
        *,
        state: State | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        self.options, rest = run_options({**options})
        self.callbacks = checked_callbacks(rest.get("callbacks", ()))
        self.corpus, self.model = corpus, checked_model(model)
        check_corpus(corpus, self.model)
        self.lr, self.min_lr = self.options.rates(self.model)
        name, kind = get_backend(self.options.backend), kernel_kind(self.options.kernels)
        self.device, self._kernels = DEVICES[name], load_kernels(name, kind)
        self.workers = self.device.workers(self.options.workers)
        share = Share(len(corpus.ids), self.workers, self.options.in_flight)
        self._steps = make_steps(self.options, self._kernels, share)
        fitting = chunk_tokens(corpus, self.options.epochs, self.device)
        self._chunk_tokens = (state.chunk_tokens if state else 0) or fitting
        sizes = {"chunk_tokens": self._chunk_tokens, "workers": self.workers}
        self.plan = plan_run(corpus, self.model, self._steps, **sizes).placed(self.device)
        self.report = start_report(
            corpus, name, kind, self.options.step, self.workers, self.options.seed
        )
        self._inputs = self.model.input_class(corpus.vocabulary.words, self.device)
        words = len(corpus.vocabulary)
        if state is None:
            self.state = State(start_tables(self.model, words, self.options.seed, self.device))
        else:
            self.state = state.checked(table_shapes(self.model, words)).copy(self.device)
        self.state.chunk_tokens = self._chunk_tokens
        self._steps.restore(self.state.optimizer)
        self.report.loss = self.state.loss
        self.notes: dict[str, Any] = {}
        chosen = replace(self.options, lr=self.lr, min_lr=self.min_lr, kernels=kind)
        self._saving = Saving(rest, corpus, self.model, chosen, self.plan.state)

    @classmethod
    def resume(
        cls, folder: str | Path, corpus: Corpus, **options: Unpack[RunOptions]
    ) -> "Training":
        """The run of the newest checkpoint in a folder, where it stood; it ends as it would have.

        Args:
            folder: as ``checkpoint`` named it. The next checkpoints are written there, too.
            corpus: the run's.
            options: those that may change: ``workers``, ``backend``, ``in_flight``,
                ``callbacks``, ``checkpoint_every``.

        Raises:
            EmbedlayerError: no checkpoint that is whole, another corpus, another option.
        """
        found = read_checkpoint(folder)
        model, made = resumed(found, corpus, {**options})
        training = cls(corpus, model, state=found.state, **made)
        training.notes = found.about["notes"]
        return training

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
        examples = Examples(
            self.corpus,
            self.model,
            self.options.seed,
            self._kernels,
            self.device,
            chunk_tokens=self._chunk_tokens,
            measure=self.options.measure,
            place=self.plan.corpus_is,
        )
        table = self.state.tables.W_in
        pool = ThreadPoolExecutor(self.workers, "embedlayer", self.device.begin_thread, (table,))
        with self._saving, MemoryWatch() as memory, pool:
            self._since = perf_counter()
            while self.state.epoch < last:
                self._run_part(examples, pool, memory)
            if self.state.epoch == epochs:
                check_learnt(self.state.tables)
            self._save(pool)
        self.report.end(self.state, len(self.corpus.ids), memory.peak())
        return self.vectors()

    def vectors(self) -> Vectors:
        """The vectors as they are now, with the words and how they were trained."""
        vocabulary = self.corpus.vocabulary
        metadata = {
            **self.model.options(),
            "epochs": self.options.epochs,
            "lr": self.lr,
            "min_lr": self.min_lr,
            **self.report.origin(),
            "tokens": len(self.corpus.ids),
        }
        table = self._inputs.vectors(self._kernels, self.state.tables.W_in)
        matrix = to_numpy(table)[:, : self.model.dim].copy()
        return Vectors(vocabulary.words, matrix, vocabulary.counts, metadata)

    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus: linear in the raw tokens done."""
        tokens = len(self.corpus.ids)
        done = (epoch * tokens + position) / (self.options.epochs * tokens)
        return linear_decay(self.lr, self.min_lr, done)

    def _run_part(self, examples: Examples, pool: ThreadPoolExecutor, memory: MemoryWatch) -> None:
        """Train to the end of the epoch, or until a checkpoint is due, which is then written."""
        state = self.state
        if state.sums is None:
            state.sums = self.device.xp.zeros((len(examples), 4))

        def train(chunk: int, step: Step) -> None:
            self._train(examples, chunk, step)

        def tick(epoch_done: bool) -> None:
            memory.look()
            done = done_so_far(state.sums)
            lr = self.learning_rate(state.epoch, done.tokens)
            check_loss(state.sums, epoch.taken, state.epoch, lr)
            self._tell(done, lr, epoch_done)
            if self._saving.is_due():
                epoch.stop()

        epoch = Epoch(state.chunk, len(examples), lambda: self._steps.worker(state.tables), train)
        try:
            epoch.run(pool, self.workers, tick)
        except BaseException as error:
            self._stand(epoch)
            if epoch.whole and not isinstance(error, Diverged):
                check_tables(state.tables, state.epoch, self.learning_rate(state.epoch, 0))
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

    def _stand(self, epoch: Epoch) -> None:
        """Note where the run stands when no worker is at work."""
        state, now = self.state, perf_counter()
        state.chunk, state.optimizer = epoch.taken, self._steps.state()
        state.seconds, self._since = state.seconds + now - self._since, now

    def _train(self, examples: Examples, chunk: int, step: Step) -> None:
        """Train on the examples of a chunk, and note its sums."""
        state, (start, end) = self.state, examples.chunks.starts[chunk : chunk + 2].tolist()
        batch, kept = examples.batch(state.epoch, chunk)
        lr = self.learning_rate(state.epoch, start)
        with self._inputs.reading(self._kernels, state.tables, batch) as (tables, read):
            loss, pairs = step(tables, read, lr, self.model.mode())
        row = state.sums[chunk]
        row[0], row[1], row[2], row[3] = loss, pairs, end - start, kept

    def _tell(self, done: Done, lr: float, epoch_done: bool) -> None:
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
            vectors=self.vectors,
        )
        for callback in self.callbacks:
            callback(progress)
