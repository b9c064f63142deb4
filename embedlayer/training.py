"""Training: one loop over corpus × model, whatever the backend, the kernels and the threads."""

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from embedlayer import backend as backends
from embedlayer.chunks import cut
from embedlayer.errors import EmbedlayerError
from embedlayer.examples import Examples
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.kernels.arguments import Batch, Share
from embedlayer.layered import LayeredStep
from embedlayer.memory import STREAMED, MemoryPlan, MemoryWatch, free_bytes, plan_memory
from embedlayer.models import SkipGram, Word2Vec
from embedlayer.optim import linear_decay
from embedlayer.report import Callback, Progress, Report
from embedlayer.text.corpus import Corpus
from embedlayer.threads import available_cores
from embedlayer.vectors.vectors import Vectors

Step = Callable[..., tuple[float, int]]  # ``kernels.sgd_step``, or what does the same

STEPS = ("fused", "layered")
TICK_SECONDS = 0.2  # how often callbacks hear of the progress
CHUNK_TOKENS = 50_000  # a chunk's small integer arrays then fit the caches of a core
DEVICE_CHUNK_TOKENS = 1_000_000  # the thirty launches of a chunk are then short beside their work
LEAST_CHUNKS = 100  # in all epochs: so often, at least, the learning rate falls
BATCH_WINDOWS = 128  # windows a step where all see the tables as they were before it


class Training:
    """A training run; :meth:`run` makes the vectors and :attr:`report` says what it took.

    Args:
        corpus: the text, counted and encoded.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        epochs: passes over the corpus.
        lr: the learning rate at the start; default the model's (0.025 skip-gram, 0.05 CBOW).
        min_lr: the learning rate at the end, to which it falls linearly; default lr / 250
            (skip-gram) or lr / 4 (CBOW).
        seed: of all random choices.
        workers: threads, each on its own chunks, on shared tables without locks (Hogwild: Recht
            et al., NIPS 2011); default all cores. With one, a run on the CPU is repeatable to
            the bit; with any number the examples are the same. On CuPy it is one, whatever is
            given: the windows side by side are the device's.
        backend: 'numpy', 'cupy' or 'auto'; default the backend in force.
        kernels: 'fused' or 'reference'; default ``EMBEDLAYER_KERNELS``, else 'fused'.
        step: 'fused', the kernel ``sgd_step``, or 'layered': the layers of ``embedlayer.layers``
            and an optimizer do the same, slowly and in the open.
        optimizer: of the layered step, a name in ``embedlayer.optim.OPTIMIZERS``.
        batch: windows a step where all of them see the tables as they were before it: the
            reference kernels and the layered step.
        measure: the loss is measured on 1 in ``measure`` windows, chosen by position; 1 is all.
        in_flight: of the CUDA kernels: how many windows are trained at once, none of which sees
            what the others learn; default one for every 32 words, at most 8192.
        callbacks: called with a :class:`Progress` about five times a second and after each epoch.

    Attributes:
        plan: the memory that the run takes, an optimizer's state aside.
        report: what it did and took.
        tables: W_in and W_out, float32, with zero columns up to a multiple of 16.

    Raises:
        EmbedlayerError: an option out of range, a backend that cannot work here, or a device
            whose free memory is too small.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec | None = None,
        *,
        epochs: int = 5,
        lr: float | None = None,
        min_lr: float | None = None,
        seed: int = 1,
        workers: int | None = None,
        backend: str | None = None,
        kernels: str | None = None,
        step: str = "fused",
        optimizer: str = "sgd",
        batch: int = BATCH_WINDOWS,
        measure: int = 16,
        in_flight: int | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.corpus, self.model = corpus, model or SkipGram()
        self.epochs, self.seed, self.measure = epochs, seed, measure
        self.lr = self.model.default_lr if lr is None else lr
        self.min_lr = self.lr / self.model.lr_fall if min_lr is None else min_lr
        self.callbacks = tuple(callbacks)
        _check(epochs=epochs, workers=workers, batch=batch, measure=measure, in_flight=in_flight)
        if not 0 <= self.min_lr <= self.lr < math.inf or self.lr == 0:
            raise EmbedlayerError(f"lr {self.lr}, min_lr {self.min_lr}: 0 ≤ min_lr ≤ lr, 0 < lr")
        if step not in STEPS:
            raise EmbedlayerError(f"step {step!r}: choose {' or '.join(STEPS)}")

        name, kind = backends.get_backend(backend), kernel_kind(kernels)
        self._kernels, self._xp = load_kernels(name, kind), backends.array_library(name)
        self.workers = 1 if name == "cupy" else workers or available_cores()
        self.report = Report(
            tokens_read=corpus.tokens_read,
            tokens_out_of_vocabulary=corpus.tokens_out_of_vocabulary,
            vocabulary=len(corpus.vocabulary),
            backend=name,
            kernels=kind,
            step=step,
            workers=self.workers,
            seed=seed,
            corpus_from_cache=corpus.from_cache,
            seconds=dict(corpus.seconds),
        )
        cuda = (name, kind) == ("cupy", "fused")
        chunk_tokens = DEVICE_CHUNK_TOKENS if cuda else CHUNK_TOKENS
        self._chunk_tokens = min(chunk_tokens, max(1, len(corpus.ids) * epochs // LEAST_CHUNKS))
        self._step = self._kernels.sgd_step
        if step == "layered":
            self._step = LayeredStep(optimizer)
        self._fused = step == kind == "fused"
        self._share = Share(len(corpus.ids), self.workers, in_flight)
        self._batch = batch if step == "layered" or kind == "reference" else None
        self.plan = self._plan()
        self.tables = self.model.tables(corpus.vocabulary, seed, self._xp)

    def run(self) -> Vectors:
        """Train for all epochs and return the vectors.

        An exception of a callback, or Ctrl-C, stops the threads and is raised; the tables then
        hold what was learnt so far, and :meth:`vectors` makes vectors of it.
        """
        started = perf_counter()
        tokens = len(self.corpus.ids)
        examples = Examples(
            self.corpus,
            self.model,
            self.seed,
            self._kernels,
            self._xp,
            chunk_tokens=self._chunk_tokens,
            measure=self.measure,
            streamed=self.plan.corpus_is == STREAMED,
        )
        pool = ThreadPoolExecutor(self.workers, initializer=self._begin_thread)
        with MemoryWatch() as memory, pool:
            for epoch in range(self.epochs):
                under_way = _Epoch(self, examples, epoch, started)
                under_way.run(pool, memory.look)
                done = under_way.done()
                self.report.loss.append(done.loss)
                self.report.tokens_trained += done.tokens_kept
        self.report.tokens_subsampled = tokens * self.epochs - self.report.tokens_trained
        self.report.seconds["training"] = perf_counter() - started
        self.report.words_per_second = tokens * self.epochs / self.report.seconds["training"]
        self.report.peak_memory, self.report.peak_anonymous_memory = memory.peak()
        return self.vectors()

    def vectors(self) -> Vectors:
        """The input table as it is now, with the words and how it was trained."""
        vocabulary = self.corpus.vocabulary
        metadata = {
            **self.model.options(),
            "epochs": self.epochs,
            "lr": self.lr,
            "min_lr": self.min_lr,
            "seed": self.seed,
            "backend": self.report.backend,
            "kernels": self.report.kernels,
            "step": self.report.step,
            "loss_per_epoch": self.report.loss_as_json(),
            "tokens": len(self.corpus.ids),
        }
        matrix = backends.to_numpy(self.tables.W_in)[:, : self.model.dim].copy()
        return Vectors(vocabulary.words, matrix, vocabulary.counts, metadata)

    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus: linear in the raw tokens done."""
        tokens = len(self.corpus.ids)
        done = (epoch * tokens + position) / (self.epochs * tokens)
        return linear_decay(self.lr, self.min_lr, done)

    @contextmanager
    def worker_step(self) -> Iterator[Step]:
        """The step of one worker, for an epoch: of several on the CPU, each keeps rows."""
        if self._fused:
            with self._kernels.worker_step(self.tables, self._share) as step:
                yield step
        else:
            yield self._step

    def train_on(self, batch: Batch, lr: float, step: Step) -> tuple[float, int]:
        """Train on the examples of a chunk; the summed loss and its pairs."""
        loss, pairs = 0.0, 0
        for part in batch.split(self._batch) if self._batch else [batch]:
            more = step(self.tables, part, lr, self.model.mode())
            loss, pairs = loss + more[0], pairs + more[1]
        return loss, pairs

    def _plan(self) -> MemoryPlan:
        """The memory that the run will take; EmbedlayerError where a device has too little."""
        corpus, words, scratch = self.corpus, len(self.corpus.vocabulary), 0
        if self._fused:
            width = self.model.loss_sizes(words, len(corpus.ids)).width
            shapes = self.model.table_shapes(words)
            scratch = self._kernels.worker_bytes(shapes, width, self._share)
        starts = corpus.offsets[cut(corpus, self._chunk_tokens)]
        plan = plan_memory(
            self.model,
            words=words,
            tokens=len(corpus.ids),
            sentences=len(corpus),
            chunk_tokens=int(np.diff(starts).max()),
            chunks=self.workers,
            scratch=scratch,
        )
        return plan if self._xp is np else plan.on_device(free_bytes(self._xp))

    def _begin_thread(self) -> None:
        """Use the device of the tables: a new thread begins on CuPy's first."""
        if self._xp is not np:
            self.tables.W_in.device.use()


class _Done(NamedTuple):
    """What an epoch's chunks have come to, so far."""

    loss: float
    tokens: int
    tokens_kept: int


class _Epoch:
    """One pass over the corpus: the workers take chunk after chunk until none is left."""

    def __init__(self, training: Training, examples: Examples, epoch: int, started: float) -> None:
        self.training, self.examples, self.epoch = training, examples, epoch
        self.started = started
        # Of each chunk: summed loss, pairs, tokens, tokens kept. Where the tables are, so that
        # nothing waits for a device until :meth:`done` asks.
        self.chunks = training._xp.zeros((len(examples), 4))
        self.next_chunk = count()
        self.stop = threading.Event()

    def run(self, pool: ThreadPoolExecutor, tick: Callable[[], None]) -> None:
        workers = [pool.submit(self._work) for _ in range(self.training.workers)]
        try:
            waiting: Iterable[Future[None]] = workers
            while waiting:
                done, waiting = wait(waiting, TICK_SECONDS, FIRST_EXCEPTION)
                for worker in done:
                    worker.result()
                tick()
                self._tell(epoch_done=not waiting)
        finally:
            self.stop.set()
            wait(workers)

    def done(self) -> _Done:
        """The sums, in the order of the chunks, so repeatable; the mean loss is that a pair."""
        losses, pairs, tokens, kept = backends.to_numpy(self.chunks).T.tolist()
        measured = sum(pairs)
        loss = math.fsum(losses) / measured if measured else math.nan
        return _Done(loss, int(sum(tokens)), int(sum(kept)))

    def _work(self) -> None:
        with self.training.worker_step() as step:
            while not self.stop.is_set() and (chunk := next(self.next_chunk)) < len(self.examples):
                self._train(chunk, step)

    def _train(self, chunk: int, step: Step) -> None:
        start, end = self.examples.chunks.starts[chunk : chunk + 2].tolist()
        batch, kept = self.examples.batch(self.epoch, chunk)
        lr = self.training.learning_rate(self.epoch, start)
        loss, pairs = self.training.train_on(batch, lr, step)
        row = self.chunks[chunk]
        row[0], row[1], row[2], row[3] = loss, pairs, end - start, kept

    def _tell(self, *, epoch_done: bool) -> None:
        training = self.training
        if not training.callbacks:
            return
        tokens, done = len(training.corpus.ids), self.done()
        progress = Progress(
            epoch=self.epoch,
            epochs=training.epochs,
            epoch_done=epoch_done,
            tokens=self.epoch * tokens + done.tokens,
            tokens_total=training.epochs * tokens,
            seconds=perf_counter() - self.started,
            lr=training.learning_rate(self.epoch, done.tokens),
            loss=done.loss,
            vectors=training.vectors,
        )
        for callback in training.callbacks:
            callback(progress)


def train(
    corpus: Corpus | str | os.PathLike[str] | Iterable[Sequence[str]],
    model: Word2Vec | None = None,
    **options: Any,
) -> Vectors:
    """Train word vectors: the whole way from a text in one call.

    Args:
        corpus: a :class:`Corpus`; or what makes one with its default options: a file's path, or
            an iterable of token lists.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        options: as :class:`Training` takes them: epochs, lr, seed, workers, backend, callbacks …

    Raises:
        EmbedlayerError: a text that cannot be used, or an option out of range.
    """
    if isinstance(corpus, (str, os.PathLike)):
        corpus = Corpus.from_files(corpus)
    elif not isinstance(corpus, Corpus):
        corpus = Corpus.from_sentences(corpus)
    return Training(corpus, model, **options).run()


def _check(**options: int | None) -> None:
    for name, value in options.items():
        if value is not None and value < 1:
            raise EmbedlayerError(f"{name} is {value}: it must be at least 1")
