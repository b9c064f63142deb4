"""Training: one loop over corpus × model, whatever the backend, the kernels and the threads."""

import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import count
from time import perf_counter
from typing import Any

import numpy as np

from embedlayer import backend as backends
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.layered import LayeredStep
from embedlayer.memory import MemoryWatch
from embedlayer.models import Batch, Examples, SkipGram, Word2Vec
from embedlayer.optim import linear_decay
from embedlayer.text.corpus import Corpus
from embedlayer.threads import available_cores
from embedlayer.vectors.vectors import Vectors

STEPS = ("fused", "layered")
TICK_SECONDS = 0.2  # how often callbacks hear of the progress
CHUNK_TOKENS = 50_000  # a chunk's small integer arrays then fit the caches of a core
LEAST_CHUNKS = 100  # in all epochs: so often, at least, the learning rate falls
BATCH_WINDOWS = 128  # windows a step where all see the tables as they were before it
LR_FALL = 250  # the learning rate ends at lr / 250


@dataclass
class Progress:
    """Where a training run is; callbacks receive one, in the calling thread.

    Attributes:
        epoch, epochs: the epoch under way, from 0, and their number.
        epoch_done: this is the last word on the epoch.
        tokens, tokens_total: raw tokens done and to do, in all epochs.
        seconds: since training began.
        lr: the learning rate now.
        loss: the mean loss a (hidden, output) pair of this epoch so far; NaN before the first.
        vectors: makes a copy of the vectors as they are now.
    """

    epoch: int
    epochs: int
    epoch_done: bool
    tokens: int
    tokens_total: int
    seconds: float
    lr: float
    loss: float
    vectors: Callable[[], Vectors]

    @property
    def words_per_second(self) -> float:
        """Raw tokens a second since training began."""
        return self.tokens / self.seconds if self.seconds else 0.0


Callback = Callable[[Progress], object]


@dataclass
class Report:
    """What a training run did and took.

    Attributes:
        tokens_read: tokens of the text (each counted once, whatever the epochs).
        tokens_out_of_vocabulary: of these, the ones the vocabulary lacks.
        tokens_subsampled, tokens_trained: dropped by subsampling and kept, over all epochs.
        vocabulary: words.
        seconds: for 'vocabulary', 'encoding' and 'training'.
        words_per_second: raw tokens in the vocabulary, over all epochs, a second of training.
        loss: of each epoch: mean a (hidden, output) pair, on the measured share of the windows.
        peak_memory, peak_anonymous_memory: bytes of this process; the second without the pages
            of mapped files, and None where the system does not tell.
    """

    tokens_read: int
    tokens_out_of_vocabulary: int
    vocabulary: int
    backend: str
    kernels: str
    step: str
    workers: int
    seed: int
    corpus_from_cache: bool
    seconds: dict[str, float]
    tokens_subsampled: int = 0
    tokens_trained: int = 0
    words_per_second: float = 0.0
    loss: list[float] = field(default_factory=list)
    peak_memory: int = 0
    peak_anonymous_memory: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it: a loss that was not measured is None."""
        return asdict(self) | {"loss": _as_json(self.loss)}


class Training:
    """A training run; :meth:`run` makes the vectors and :attr:`report` says what it took.

    Args:
        corpus: the text, counted and encoded.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        epochs: passes over the corpus.
        lr: the learning rate at the start; default the model's (0.025 skip-gram, 0.05 CBOW).
        min_lr: the learning rate at the end, to which it falls linearly; default lr / 250.
        seed: of all random choices.
        workers: threads, each on its own chunks, on shared tables without locks (Hogwild: Recht
            et al., NIPS 2011); default all cores. With one, a run on the CPU is repeatable to
            the bit; with any number the examples are the same.
        backend: 'numpy', 'cupy' or 'auto'; default the backend in force.
        kernels: 'fused' or 'reference'; default ``EMBEDLAYER_KERNELS``, else 'fused'.
        step: 'fused', the kernel ``sgd_step``, or 'layered': the layers of ``embedlayer.layers``
            and an optimizer do the same, slowly and in the open.
        optimizer: of the layered step, a name in ``embedlayer.optim.OPTIMIZERS``.
        batch: windows a step where all of them see the tables as they were before it: the
            reference kernels and the layered step.
        measure: the loss is measured on 1 in ``measure`` windows, chosen by position; 1 is all.
        callbacks: called with a :class:`Progress` about five times a second and after each epoch.

    Raises:
        EmbedlayerError: an option out of range, or a backend that cannot work here.
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
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.corpus, self.model = corpus, model or SkipGram()
        self.epochs, self.seed, self.measure = epochs, seed, measure
        self.lr = self.model.default_lr if lr is None else lr
        self.min_lr = self.lr / LR_FALL if min_lr is None else min_lr
        self.workers = available_cores() if workers is None else workers
        self.callbacks = tuple(callbacks)
        self._check(epochs=epochs, workers=self.workers, batch=batch, measure=measure)
        if not 0 <= self.min_lr <= self.lr < math.inf or self.lr == 0:
            raise EmbedlayerError(f"lr {self.lr}, min_lr {self.min_lr}: 0 ≤ min_lr ≤ lr, 0 < lr")
        if step not in STEPS:
            raise EmbedlayerError(f"step {step!r}: choose {' or '.join(STEPS)}")

        name, kind = backends.get_backend(backend), kernel_kind(kernels)
        self._kernels, self._xp = load_kernels(name, kind), backends.array_library(name)
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
        self.W_in, self.W_out = self.model.tables(corpus.vocabulary, seed, self._xp)
        layered = step == "layered"
        self._step = LayeredStep(optimizer) if layered else self._kernels.sgd_step
        self._batch = batch if layered or kind == "reference" else None

    def run(self) -> Vectors:
        """Train for all epochs and return the vectors.

        An exception of a callback, or Ctrl-C, stops the threads and is raised; the tables then
        hold what was learnt so far, and :meth:`vectors` makes vectors of it.
        """
        started = perf_counter()
        tokens = len(self.corpus.ids)
        chunk_tokens = min(CHUNK_TOKENS, max(1, tokens * self.epochs // LEAST_CHUNKS))
        examples = Examples(
            self.corpus,
            self.model,
            self.seed,
            self._kernels,
            self._xp,
            chunk_tokens=chunk_tokens,
            measure=self.measure,
        )
        with MemoryWatch() as memory, ThreadPoolExecutor(self.workers) as pool:
            for epoch in range(self.epochs):
                done = _Epoch(self, examples, epoch, started)
                done.run(pool, memory.look)
                self.report.loss.append(done.loss)
                self.report.tokens_trained += sum(map(int, done.kept))
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
            "loss_per_epoch": _as_json(self.report.loss),
            "tokens": len(self.corpus.ids),
        }
        matrix = np.ascontiguousarray(backends.to_numpy(self.W_in[:, : self.model.dim]))
        return Vectors(vocabulary.words, matrix, vocabulary.counts, metadata)

    def learning_rate(self, epoch: int, position: int) -> float:
        """The learning rate at a position of the corpus: linear in the raw tokens done."""
        tokens = len(self.corpus.ids)
        done = (epoch * tokens + position) / (self.epochs * tokens)
        return linear_decay(self.lr, self.min_lr, done)

    def step(self, batch: Batch, lr: float) -> tuple[float, int]:
        """Train on the examples of a chunk; the summed loss and its pairs."""
        mean, divide = self.model.step_mode()
        loss, pairs = 0.0, 0
        for part in batch.split(self._batch or max(1, len(batch))):
            more = self._step(
                self.W_in,
                self.W_out,
                part.contexts,
                part.offsets,
                part.rows,
                part.labels,
                lr,
                mean,
                divide,
                part.measured,
            )
            loss, pairs = loss + more[0], pairs + more[1]
        return loss, pairs

    @staticmethod
    def _check(**options: int) -> None:
        for name, value in options.items():
            if value < 1:
                raise EmbedlayerError(f"{name} is {value}: it must be at least 1")


class _Epoch:
    """One pass over the corpus: the workers take chunk after chunk until none is left."""

    def __init__(self, training: Training, examples: Examples, epoch: int, started: float) -> None:
        self.training, self.examples, self.epoch = training, examples, epoch
        self.started = started
        self.losses = [0.0] * len(examples)
        self.pairs = [0] * len(examples)
        self.kept: list[Any] = [0] * len(examples)
        self.tokens_done = 0
        self.next_chunk = count()
        self.stop = threading.Event()

    @property
    def loss(self) -> float:
        """The mean loss a pair, of the chunks done; summed in their order, so repeatable."""
        pairs = sum(map(int, self.pairs))
        return math.fsum(map(float, self.losses)) / pairs if pairs else math.nan

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

    def _work(self) -> None:
        training, examples = self.training, self.examples
        while not self.stop.is_set() and (chunk := next(self.next_chunk)) < len(examples):
            batch, kept = examples.batch(self.epoch, chunk)
            start, end = examples.starts[chunk], examples.starts[chunk + 1]
            lr = training.learning_rate(self.epoch, int(start))
            self.losses[chunk], self.pairs[chunk] = training.step(batch, lr)
            self.kept[chunk] = kept
            self.tokens_done += int(end - start)

    def _tell(self, *, epoch_done: bool) -> None:
        training = self.training
        if not training.callbacks:
            return
        tokens = len(training.corpus.ids)
        progress = Progress(
            epoch=self.epoch,
            epochs=training.epochs,
            epoch_done=epoch_done,
            tokens=self.epoch * tokens + self.tokens_done,
            tokens_total=training.epochs * tokens,
            seconds=perf_counter() - self.started,
            lr=training.learning_rate(self.epoch, self.tokens_done),
            loss=self.loss,
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


def _as_json(losses: list[float]) -> list[float | None]:
    """JSON has no NaN, the loss of an epoch in which none was measured."""
    return [None if math.isnan(loss) else round(loss, 6) for loss in losses]
