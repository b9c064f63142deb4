"""A training run, and the ways to begin one: anew, where another stood, with vectors that are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from embedlayer.backend import get_backend
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import kernel_kind, load_kernels
from embedlayer.kernels.arguments import Share
from embedlayer.models.inputs.held import Held
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.inputs.subwords import default_shared_windows
from embedlayer.models.options import Word2Vec
from embedlayer.models.tables import start_tables, table_shapes
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import read_checkpoint
from embedlayer.training.checks import (
    check_corpus,
    check_optimizer,
    checked_callbacks,
    checked_model,
)
from embedlayer.training.chunks import chunk_tokens
from embedlayer.training.further import OLD_RATE, Learnt, start_further
from embedlayer.training.gpus import COPIES, chosen_gpus
from embedlayer.training.loop import Loop
from embedlayer.training.options import RunOptions, TrainingOptions, run_options
from embedlayer.training.plan import MemoryPlan, plan_run
from embedlayer.training.replicas import Merging
from embedlayer.training.report import start_report
from embedlayer.training.saving import Saving, resumed
from embedlayer.training.state import State
from embedlayer.training.steps import make_steps
from embedlayer.training.watching import Watching, watched_words
from embedlayer.vectors.vectors import Vectors


class Training(Loop):
    """A training run; :meth:`run` makes the vectors and :attr:`report` says what it took.

    Args:
        corpus: the text, counted and encoded.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        state: where to go on, of a run with the same corpus, model and options.
        options: those of :class:`TrainingOptions`, and ``callbacks``: functions that are called
            with a :class:`Progress` about five times per second and after each epoch;
            ``checkpoint``: a folder for checkpoints; ``checkpoint_every``: seconds, default 300;
            ``watch``: words, or how many, whose neighbours the report tells.

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
        check_corpus(corpus, self.model, self.options.held_out)
        self.lr, self.min_lr = self.options.rates(self.model)
        name, kind = get_backend(self.options.backend), kernel_kind(self.options.kernels)
        self.device, self._kernels = DEVICES[name], load_kernels(name, kind)
        held = state is not None and state.rates is not None
        plain = self.model.subwords is None and not held
        self.gpus = chosen_gpus(self.options, self.device, plain)
        self.workers = len(self.gpus) or self.device.workers(self.options.workers)
        self.merging, self._replicas, self._examples = self._merging(), {}, {}
        self._inputs: Reader = self.model.make_inputs(corpus.vocabulary.words, self.device)
        fitting = default_shared_windows(len(corpus.vocabulary), self.device)
        self.shared_windows = self.options.shared_windows or fitting
        chunk = (state.chunk_tokens if state else 0) or self._chunk_tokens()
        self.plan = self._planned(chunk, held)
        check_optimizer(self.options.optimizer, self._inputs, self._steps)
        about = self.model.options() | asdict(self._resolved(kind)) | {"workers": self.workers}
        self.report = start_report(corpus, self.device, about, self.plan.to_dict())
        self.state = self._begun(state)
        self.state.chunk_tokens = chunk
        if held:
            self._inputs = Held(self._inputs, self.state.tables.W_in, self.state.rates)
        self._steps.restore(self.state.optimizer)
        for told in ("loss", "held_out_loss", "history", "neighbours"):
            setattr(self.report, told, getattr(self.state, told))
        self._watch(rest.get("watch", 0))
        self.notes: dict[str, Any] = {}
        self._saving = Saving(rest, corpus, self.model, self._resolved(kind), self.plan.state)

    @classmethod
    def resume(
        cls, folder: str | Path, corpus: Corpus, **options: Unpack[RunOptions]
    ) -> "Training":
        """The run of the newest checkpoint in a folder, where it stood; it ends as it would have.

        Args:
            folder: as ``checkpoint`` named it. The next checkpoints are written there, too.
            corpus: the run's.
            options: those that may change: ``workers``, ``backend``, ``in_flight``,
                ``callbacks``, ``checkpoint_every``, ``watch``.

        Raises:
            EmbedlayerError: no checkpoint that is whole, another corpus, another option.
        """
        found = read_checkpoint(folder)
        model, made = resumed(found, corpus, {**options})
        training = cls(corpus, model, state=found.state, **made)
        training.notes = found.about["notes"]
        return training

    @classmethod
    def from_vectors(
        cls,
        vectors: Learnt | Vectors | str | PathLike[str],
        corpus: Corpus,
        model: Word2Vec | None = None,
        *,
        old_rates: float | Mapping[str, float] = OLD_RATE,
        **options: Unpack[RunOptions],
    ) -> "Training":
        """A run that begins with what vectors know, on a corpus of more text.

        A corpus that is made with ``vocabulary=Learnt.of(vectors).vocabulary`` has all of their
        words, and counts that are added up; words that are new begin as in any run.

        Args:
            vectors: Vectors, a file of them, or a folder of checkpoints; or what was read of one.
                ``keep_output`` makes vectors of which the output table is known, too; else it
                begins at zero.
            corpus: the text.
            model: default the one that made the vectors, or SkipGram.
            old_rates: how much of their changes words that have vectors take: 1 lets them learn as
                new ones do, 0 freezes them; with 0.1 they keep most
                neighbours. One number, or one for each word: those not named take all.
            options: as :class:`Training` takes them.

        Raises:
            EmbedlayerError, OSError: as :class:`Training` and ``Vectors.load``; other dimensions,
                no word in common, a rate out of range.
        """
        made, _ = run_options({**options})
        learnt = Learnt.of(vectors)
        model = checked_model(model or learnt.made_model())
        state = start_further(learnt, corpus.vocabulary, model, made.seed, old_rates)
        return cls(corpus, model, state=state, **options)

    def position(self) -> tuple[int, int]:
        """Where the run stands: how many epochs are done, and chunks of the next."""
        return self.state.epoch, self.state.chunk

    def _watch(self, watch: int | Sequence[str]) -> None:
        """Add the callback that notes neighbours, if words are to be watched."""
        made = self.model.subwords is not None
        if words := watched_words(watch, self.corpus.vocabulary.words, made):
            self.callbacks = (Watching(words, self), *self.callbacks)

    def _resolved(self, kind: str) -> TrainingOptions:
        """The options with what this run made of those that were left open."""
        chosen = replace(self.options, lr=self.lr, min_lr=self.min_lr, kernels=kind)
        if self.options.deterministic and not self.gpus:
            chosen = replace(chosen, workers=self.workers)
        return chosen

    def _in_flight(self) -> int | None:
        """Windows trained at once on a device; None: as many as fit the table that a step reads.

        A small table has few rows, but its windows share words no more than others do.
        """
        fitting = getattr(self._kernels, "default_in_flight", None)
        if self.options.in_flight is None and fitting and self._inputs.shared:
            return fitting(len(self.corpus.vocabulary))
        return self.options.in_flight

    def _chunk_tokens(self) -> int:
        """The tokens of a chunk: no more than a replica trains between two merges."""
        fitting = chunk_tokens(self.corpus, self.options.epochs, self.device)
        return min(fitting, self.merging.tokens) if self.merging else fitting

    def _planned(self, chunk_tokens: int, held: bool) -> MemoryPlan:
        """Make the steps; the memory of the run, on each device: its tables, and replicas'."""
        # A thread's local rows would bring back what is held.
        sharing = 1 if self.merging else self.workers
        share = Share(0 if held else len(self.corpus.ids), sharing, self._in_flight())
        self._steps = make_steps(self.options, self._kernels, share)
        copies = COPIES if self.gpus else self.workers + self.merged_apart
        return plan_run(
            self.corpus,
            self.model,
            self._steps,
            self._inputs,
            chunk_tokens=chunk_tokens,
            shared_windows=self.shared_windows,
            workers=1 if self.gpus else self.workers,
            replicas=copies if self.merging else 0,
        ).placed(self.device, self.gpus)

    def _merging(self) -> Merging | None:
        """How the tables of the workers are merged; None: they share them."""
        if not (self.options.deterministic or self.gpus) or self.workers == 1:
            return None
        if self.options.step == "layered":
            raise EmbedlayerError(
                "deterministic: the layered step cannot be trained by replicas: give workers=1 "
                "(--workers 1), which repeats to the bit, or leave it out"
            )
        return Merging.fitting(self.workers, self.options.epochs, len(self.corpus.ids))

    def _begun(self, state: State | None) -> State:
        """A copy of the state, or that of a run that has learnt nothing."""
        words, seed = len(self.corpus.vocabulary), self.options.seed
        if state is None:
            return State(start_tables(self.model, words, seed, self.device))
        return state.checked(table_shapes(self.model, words)).copy(self.device)
