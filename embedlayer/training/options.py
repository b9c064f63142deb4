"""The options of a training run, checked when they are made, before any text is read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import KINDS
from embedlayer.models.options import MODELS, Word2Vec
from embedlayer.optim import OPTIMIZERS
from embedlayer.options import Choice, Flag, Real, Share, Whole, check_names, check_options, option
from embedlayer.text.options import PhraseOptions, Tokenizer
from embedlayer.text.phrases import Phrases
from embedlayer.text.readers import BytesRead
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.report import Callback

STEPS = ("fused", "layered")
RATES = ", ".join(f"{model.default_lr} {name}" for name, model in MODELS.items())
FALLS = ", ".join(f"lr / {model.lr_fall} {name}" for name, model in MODELS.items())


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a model is trained.

    Args:
        epochs: passes over the corpus.
        lr: the learning rate at the start; default the model's (0.025 skip-gram, 0.05 CBOW).
        min_lr: the learning rate at the end, to which it falls linearly; default lr / 250
            (skip-gram) or lr / 4 (CBOW).
        seed: of all random choices.
        workers: threads, each on its own chunks, on shared tables without locks (Hogwild: Recht
            et al., NIPS 2011); default all cores. ``train`` reads the text with as many. With
            one, a run on the CPU is repeatable to the bit; with any number the examples are the
            same. On CuPy it is one, whatever is given: the windows side by side are the device's.
        deterministic: each worker has tables of its own, which are merged at fixed places of the
            text (``docs/scaling_out.md``): the run is repeatable to the bit for that number of
            workers. The tables take as much memory once more for each worker.
        gpus: devices of this machine, a replica on each, which are merged as those of
            ``deterministic`` are (``docs/scaling_out.md``, "GPUs"); default one, CuPy's current.
        backend: 'numpy', 'cupy' or 'auto'; default the backend in force.
        kernels: 'fused' or 'reference'; default ``EMBEDLAYER_KERNELS``, else 'fused'.
        step: 'fused', the kernel ``sgd_step``, or 'layered': the layers of ``embedlayer.layers``
            and an optimizer do the same, slowly and in the open.
        optimizer: of the layered step, a name in ``embedlayer.optim.OPTIMIZERS``.
        batch: windows per step where all of them see the tables as they were before it: the
            reference kernels and the layered step.
        shared_windows: where a word is made of n-grams: windows for which the vectors of its words
            are made, and what they learnt is given to the n-grams, once. None of these windows
            sees what another has taught an n-gram that their words have in common. Default 128,
            or one for every 4 words of a small vocabulary.
        measure: the loss is measured on 1 in ``measure`` windows, chosen by position; 1 is all.
        held_out: the share of windows that are not trained on, but measured: their loss is told
            beside the training loss. They are the same in all epochs, chosen by seed and position.
        keep_output: the vectors keep the output table, so that training can go on from their file.
        in_flight: of the CUDA kernels: how many windows are trained at once, none of which sees
            what the others learn; default one for every 32 words, at most 8192.

    Raises:
        EmbedlayerError: a value out of range, by the option's name.
    """

    epochs: int = option(5, Whole(1, 10**6), "Passes over the text.")
    lr: float | None = option(None, Real(0), "Learning rate at the start.", RATES)
    min_lr: float | None = option(None, Real(0), "Learning rate at the end.", FALLS)
    seed: int = option(1, Whole(-(2**63), 2**63 - 1), "Of all random choices.")
    workers: int | None = option(
        None, Whole(1, 4096), "Threads. One repeats to the bit, more if deterministic.", "all cores"
    )
    deterministic: bool = option(
        False, Flag(), "The same workers give the same bits.", "no-deterministic"
    )
    gpus: int | None = option(None, Whole(1, 4096), "GPUs, a replica on each.", "one")
    backend: str | None = option(
        None, Choice(DEVICES, also=("auto",)), "Array library.", "EMBEDLAYER_BACKEND, else auto"
    )
    kernels: str | None = option(
        None,
        Choice(KINDS),
        "Compiled, or the readable definition.",
        "EMBEDLAYER_KERNELS, else fused",
    )
    step: str = option("fused", Choice(STEPS), "One kernel, or layers and an optimizer.")
    optimizer: str = option("sgd", Choice(OPTIMIZERS), "Of the layered step.")
    batch: int = option(128, Whole(), "Windows per step of the reference kernels and layers.")
    shared_windows: int | None = option(
        None, Whole(), "--subwords: windows for which n-grams are read once.", "128, or what fits"
    )
    measure: int = option(16, Whole(), "The loss is measured on 1 in so many windows.")
    held_out: float = option(
        0.0, Share(0.5), "Windows that are measured and not trained on, 0.1% or so.", "none"
    )
    keep_output: bool = option(False, Flag(), "Keep what is needed to train on.", "no-keep-output")
    in_flight: int | None = option(None, Whole(), "Windows trained at once on a GPU.", "fits")

    def __post_init__(self) -> None:
        check_options(self)

    def rates(self, model: Word2Vec) -> tuple[float, float]:
        """The learning rates at the start and the end, by default the model's.

        Raises:
            EmbedlayerError: they do not fall, or are zero.
        """
        lr = model.default_lr if self.lr is None else self.lr
        min_lr = lr / model.lr_fall if self.min_lr is None else self.min_lr
        if lr == 0 or min_lr > lr:
            raise EmbedlayerError(f"lr {lr}, min_lr {min_lr}: 0 ≤ min_lr ≤ lr, 0 < lr")
        return lr, min_lr


class RunOptions(TypedDict, total=False):
    """What ``Training`` takes by name: the options of :class:`TrainingOptions`, and callbacks."""

    epochs: int
    lr: float | None
    min_lr: float | None
    seed: int
    workers: int | None
    deterministic: bool
    gpus: int | None
    backend: str | None
    kernels: str | None
    step: str
    optimizer: str
    batch: int
    shared_windows: int | None
    measure: int
    held_out: float
    keep_output: bool
    in_flight: int | None
    callbacks: Sequence[Callback]
    checkpoint: str | os.PathLike[str] | None
    checkpoint_every: float
    watch: int | Sequence[str]


class TrainOptions(RunOptions, total=False):
    """What ``train`` takes by name: those of a run, and of the corpus that it makes of a text."""

    min_count: int
    max_size: int | None
    max_sentence: int
    tokenizer: Tokenizer | None
    tokenizer_key: str | None
    errors: str
    vocabulary: Vocabulary | None
    phrases: Phrases | PhraseOptions | None
    cache: bool
    progress: BytesRead | None


TRAINING_NAMES = tuple(one.name for one in fields(TrainingOptions))
RUN_NAMES = tuple(RunOptions.__annotations__)
SENTENCE_NAMES = ("min_count", "max_size", "max_sentence", "vocabulary", "phrases")
FILE_NAMES = (*SENTENCE_NAMES, "tokenizer", "tokenizer_key", "errors", "cache", "progress")


def run_options(given: dict[str, Any]) -> tuple[TrainingOptions, dict[str, Any]]:
    """The options of a run, checked, and what else ``Training`` takes by name.

    Raises:
        EmbedlayerError: an option that is unknown or out of range.
    """
    check_names(given, RUN_NAMES)
    options = {name: given[name] for name in given if name in TRAINING_NAMES}
    return TrainingOptions(**options), {
        name: given[name] for name in given if name not in TRAINING_NAMES
    }
