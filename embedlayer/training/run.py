"""A training run: one loop over corpus × model, whatever backend, kernels and threads."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, Unpack

from embedlayer.backend import get_backend, to_numpy
from embedlayer.device import DEVICES
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.kernels.arguments import Share
from embedlayer.models.options import Word2Vec
from embedlayer.models.tables import start_tables, table_shapes
from embedlayer.optim import linear_decay
from embedlayer.options import check_names
from embedlayer.text.corpus import Corpus
from embedlayer.training.checks import check_corpus, checked_callbacks, checked_model
from embedlayer.training.chunks import chunk_tokens, largest_chunk
from embedlayer.training.epoch import Epoch, done_so_far
from embedlayer.training.examples import Examples
from embedlayer.training.memory import MemoryWatch
from embedlayer.training.options import RUN_NAMES, RunOptions, TrainingOptions
from embedlayer.training.plan import TextSizes, plan_memory
from embedlayer.training.report import Progress, start_report
from embedlayer.training.state import State
from embedlayer.training.steps import Step, make_steps
from embedlayer.vectors.vectors import Vectors


class Training:
    """A training run; :meth:`run` makes the vectors and :attr:`report` says what it took.

    Args:
        corpus: the text, counted and encoded.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        state: where to go on, of a run with the same corpus, model and options.
        options: those of :class:`TrainingOptions`, and ``callbacks``: functions that are called
            with a :class:`Progress` about five times per second and after each epoch.

    Attributes:
        options: the :class:`TrainingOptions`.
        lr, min_lr: the learning rates at the start and the end.
        plan: the memory that the run takes, an optimizer's state aside.
        report: what it did and took.
        state: where it stands. Its tables have zero columns up to a multiple of 16.

    Raises:
        EmbedlayerError: an option that is unknown or out of range, a corpus from which nothing
            can be learnt, a backend that cannot work here, or too little free memory.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec | None = None,
        *,
        state: State | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        given: dict[str, Any] = {**options}
        check_names(given, RUN_NAMES)
        self.callbacks = checked_callbacks(given.pop("callbacks", ()))
        self.corpus, self.model = corpus, checked_model(model)
        self.options = TrainingOptions(**given)
        check_corpus(corpus, self.model)
        self.lr, self.min_lr = self.options.rates(self.model)
        name, kind = get_backend(self.options.backend), kernel_kind(self.options.kernels)
        self.device, self._kernels = DEVICES[name], load_kernels(name, kind)
        self.workers = self.device.workers(self.options.workers)
        share = Share(len(corpus.ids), self.workers, self.options.in_flight)
        self._steps = make_steps(self.options, self._kernels, share)
        self._chunk_tokens = chunk_tokens(corpus, self.options.epochs, self.device)
        words = len(corpus.vocabulary)
        shapes = table_shapes(self.model, words)
        width = self.model.output_sizes(words, len(corpus.ids)).width
        self.plan = plan_memory(
            self.model,
            TextSizes(words, len(corpus.ids), len(corpus)),
            chunk_tokens=largest_chunk(corpus, self._chunk_tokens),
            chunks=self.workers,
            scratch=self._steps.bytes(shapes, width, self.model.most_hidden),
        ).placed(self.device)
        self.report = start_report(
            corpus, name, kind, self.options.step, self.workers, self.options.seed
        )
        self._inputs = self.model.input_class(corpus.vocabulary.words, self.device)
        self.state = state.checked(shapes).copy(self.device) if state else self._start()
        self._steps.restore(self.state.optimizer)
        self.report.loss = self.state.loss

    def run(self) -> Vectors:
        """Train what is left of all epochs and return the vectors.

        An exception of a callback, or Ctrl-C, lets the threads finish their chunks and is raised;
        the state then holds what was learnt so far, :meth:`vectors` makes vectors of it, and
        ``run`` goes on from there.
        """
        started, done_before = perf_counter(), self._tokens_done()
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
        with MemoryWatch() as memory, pool:
            while self.state.epoch < self.options.epochs:
                self._run_epoch(examples, pool, memory, started)
        state, report, seconds = self.state, self.report, perf_counter() - started
        report.tokens_trained = state.tokens_trained
        report.tokens_subsampled = self._tokens_done() - state.tokens_trained
        report.seconds["training"] = seconds
        report.words_per_second = (self._tokens_done() - done_before) / seconds
        report.peak_memory, report.peak_anonymous_memory = memory.peak()
        return self.vectors()

    def vectors(self) -> Vectors:
        """The vectors as they are now, with the words and how they were trained."""
        vocabulary, options = self.corpus.vocabulary, self.options
        metadata = {
            **self.model.options(),
            "epochs": options.epochs,
            "lr": self.lr,
            "min_lr": self.min_lr,
            "seed": options.seed,
            "backend": self.report.backend,
            "kernels": self.report.kernels,
            "step": self.report.step,
            "loss_per_epoch": self.report.loss_as_json(),
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

    def _start(self) -> State:
        """The state of a run that has learnt nothing."""
        words, seed = len(self.corpus.vocabulary), self.options.seed
        return State(start_tables(self.model, words, seed, self.device))

    def _run_epoch(
        self, examples: Examples, pool: ThreadPoolExecutor, memory: MemoryWatch, started: float
    ) -> None:
        state = self.state
        if state.sums is None:
            state.sums = self.device.xp.zeros((len(examples), 4))

        def train(chunk: int, step: Step) -> None:
            self._train(examples, chunk, step)

        def tick(epoch_done: bool) -> None:
            memory.look()
            self._tell(epoch_done, perf_counter() - started)

        epoch = Epoch(state.chunk, len(examples), lambda: self._steps.worker(state.tables), train)
        try:
            epoch.run(pool, self.workers, tick)
        finally:
            state.chunk, state.optimizer = epoch.taken, self._steps.state()
        done = done_so_far(state.sums)
        state.loss.append(done.loss)
        state.tokens_trained += done.tokens_kept
        state.epoch, state.chunk, state.sums = state.epoch + 1, 0, None

    def _train(self, examples: Examples, chunk: int, step: Step) -> None:
        """Train on the examples of a chunk, and note its sums."""
        state, (start, end) = self.state, examples.chunks.starts[chunk : chunk + 2].tolist()
        batch, kept = examples.batch(state.epoch, chunk)
        lr = self.learning_rate(state.epoch, start)
        with self._inputs.reading(self._kernels, state.tables, batch) as (tables, read):
            loss, pairs = step(tables, read, lr, self.model.mode())
        row = state.sums[chunk]
        row[0], row[1], row[2], row[3] = loss, pairs, end - start, kept

    def _tokens_done(self) -> int:
        """Raw tokens, over all epochs."""
        state = self.state
        under_way = 0 if state.sums is None else done_so_far(state.sums).tokens
        return state.epoch * len(self.corpus.ids) + under_way

    def _tell(self, epoch_done: bool, seconds: float) -> None:
        if not self.callbacks:
            return
        state, tokens, done = self.state, len(self.corpus.ids), done_so_far(self.state.sums)
        progress = Progress(
            epoch=state.epoch,
            epochs=self.options.epochs,
            epoch_done=epoch_done,
            tokens=state.epoch * tokens + done.tokens,
            tokens_total=self.options.epochs * tokens,
            seconds=seconds,
            lr=self.learning_rate(state.epoch, done.tokens),
            loss=done.loss,
            vectors=self.vectors,
        )
        for callback in self.callbacks:
            callback(progress)
