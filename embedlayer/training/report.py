"""What a training run tells: its progress while it runs, a report at its end."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from embedlayer.device import Device
from embedlayer.pictures.report import report_page, summary_tables
from embedlayer.storage.writing import told_where
from embedlayer.text.corpus import Corpus
from embedlayer.training.history import columns
from embedlayer.training.machine import about_machine
from embedlayer.training.state import State
from embedlayer.vectors.vectors import Vectors


@dataclass
class Progress:
    """Where a training run is; callbacks receive one, in the calling thread.

    Attributes:
        epoch, epochs: the epoch under way, from 0, and their number.
        epoch_done: this is the last word on the epoch.
        tokens, tokens_total: raw tokens done and to do, in all epochs.
        seconds: since training began.
        lr: the learning rate now.
        loss: the mean loss per (hidden, output) pair of this epoch so far; NaN before the first.
        held_out_loss: the same of the windows that are held out; NaN where none are.
        vectors: makes a copy of the vectors as they are now; ``limit=N``: of the N most frequent.
    """

    epoch: int
    epochs: int
    epoch_done: bool
    tokens: int
    tokens_total: int
    seconds: float
    lr: float
    loss: float
    vectors: Callable[..., Vectors]
    held_out_loss: float = math.nan

    @property
    def words_per_second(self) -> float:
        """Raw tokens per second since training began."""
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
        words_per_second: raw tokens in the vocabulary, over all epochs, per second of training.
        loss: of each epoch: mean per (hidden, output) pair, on the measured share of the windows.
        held_out_loss: of each epoch the same, of windows that are held out; NaN where none are.
        history: how the run went, in at most some hundred points, the fields of
            :class:`~embedlayer.training.history.Point`; :meth:`to_dict` has them by column.
        neighbours: of the words that are watched, at the first, middle and last epoch:
            ``{"epoch": 1, "neighbours": {"king": [["queen", 0.7], ...], ...}}``.
        options: of the model and the run, as they were resolved.
        plan: the bytes that the run was going to take, by parts.
        machine: versions, processor and GPU.
        begun: when, in seconds since 1970.
        evaluation: what benchmarks gave, ``to_dict`` of their results, where it was added.
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
    held_out_loss: list[float] = field(default_factory=list)
    history: list[list[float]] = field(default_factory=list)
    neighbours: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    begun: float = 0.0
    evaluation: list[dict[str, Any]] = field(default_factory=list)

    def end(self, state: State, tokens: int, memory: tuple[int, int | None]) -> None:
        """Note what a run came to, of a corpus of so many tokens, and its peaks of memory."""
        done = state.tokens_done(tokens)
        self.tokens_trained = state.tokens_kept()
        self.tokens_subsampled = done - self.tokens_trained
        self.seconds["training"] = state.seconds
        self.words_per_second = done / state.seconds if state.seconds else 0.0
        self.peak_memory, self.peak_anonymous_memory = memory

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it: a loss that was not measured is None.

        The bytes of the plan are beside the rest, ``table_bytes`` and so on.
        """
        told = asdict(self) | {
            "loss": as_json(self.loss),
            "held_out_loss": as_json(self.held_out_loss),
            "history": columns(self.history),
        }
        return told | told.pop("plan")

    def _repr_html_(self) -> str:
        """Small tables, for notebooks; :meth:`to_html` has all."""
        return summary_tables(self.to_dict())

    def to_html(self, vectors: Vectors | None = None) -> str:
        """One page that needs nothing but itself: how the run went, what it took, what it made.

        With the vectors it has a map of their commonest words, too.

        It holds no path and no name of a machine, and :meth:`to_dict` as JSON, from which
        ``embedlayer compare`` reads it.
        """
        return report_page(self.to_dict(), vectors)

    def save_html(self, path: str | os.PathLike[str], vectors: Vectors | None = None) -> None:
        """Write :meth:`to_html` to a file, whole or not at all.

        Raises:
            EmbedlayerError: a folder or a disk that does not take it.
        """
        with told_where(path) as unfinished:
            unfinished.write_text(self.to_html(vectors), encoding="utf-8", newline="\n")

    def origin(self) -> dict[str, Any]:
        """What the metadata of the vectors keep of it."""
        names = ("seed", "backend", "kernels", "step")
        told = {name: getattr(self, name) for name in names}
        told |= {"loss_per_epoch": as_json(self.loss)}
        if not all(map(math.isnan, self.held_out_loss)):
            told |= {"held_out_loss_per_epoch": as_json(self.held_out_loss)}
        return told


def as_json(losses: list[float]) -> list[float | None]:
    """JSON has no NaN, the loss of an epoch in which none was measured."""
    return [None if math.isnan(loss) else round(loss, 6) for loss in losses]


def start_report(
    corpus: Corpus, device: Device, options: dict[str, Any], plan: dict[str, Any]
) -> Report:
    """The report of a run that has not begun: what is known of it."""
    return Report(
        tokens_read=corpus.tokens_read,
        tokens_out_of_vocabulary=corpus.tokens_out_of_vocabulary,
        vocabulary=len(corpus.vocabulary),
        backend=device.name,
        kernels=options["kernels"],
        step=options["step"],
        workers=options["workers"],
        seed=options["seed"],
        corpus_from_cache=corpus.from_cache,
        seconds=dict(corpus.seconds),
        options={name: value for name, value in options.items() if value is not None},
        plan=plan,
        machine=about_machine(device),
        begun=time.time(),
    )
