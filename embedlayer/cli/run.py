"""A training run as the command line shows it: kernels ready, text read, progress, summary."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from embedlayer.backend import get_backend
from embedlayer.cli.output import log_shown, note, show_bytes
from embedlayer.cli.progress import ReadingProgress, TrainingProgress, quantity
from embedlayer.models.options import Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training
from embedlayer.training.warmup import warm_up
from embedlayer.vectors.vectors import Vectors

COMPILING = "compiling the kernels, this once: they are kept on disk"


def run_training(
    read: Callable[[ReadingProgress | None], Corpus],
    model: Word2Vec,
    output: Path,
    format: str | None,
    *,
    quiet: bool = False,
    **options: Any,
) -> tuple[Vectors, dict[str, Any]]:
    """Train, write the vectors, and report on it as JSON can hold it.

    Args:
        read: makes the corpus, and tells its progress.
        model, options: as ``Training`` takes them.
        output, format: of the vectors.
        quiet: nothing is shown on standard error.
    """

    def say(text: str) -> None:
        if not quiet:
            note(text)

    with log_shown(logging.WARNING if quiet else logging.INFO):
        get_backend(options.get("backend"))  # if it cannot work, say so before compiling anything
        warming = warm_up(model, lambda: say(COMPILING), **options)
        with nullcontext() if quiet else ReadingProgress() as reading:
            corpus = read(reading)
        with nullcontext() if quiet else TrainingProgress() as telling:
            callbacks = [telling] if telling else []
            training = Training(corpus, model, callbacks=callbacks, **options)
            say(f"{len(corpus.vocabulary):,} words; memory: {training.plan}")
            vectors = training.run()
        started = perf_counter()
        vectors.save(output, format)
    report = training.report.to_dict() | training.plan.to_dict()
    report |= {"dim": model.dim, "output": str(output)}
    saving = perf_counter() - started
    report["seconds"] = {"kernels": warming, **report["seconds"], "saving": saving}
    return vectors, report


def summary(report: dict[str, Any]) -> str:
    """A report in a few lines, for people."""
    words, dim, read = report["vocabulary"], report["dim"], report["tokens_read"]
    raw = report["tokens_trained"] + report["tokens_subsampled"]
    unknown = 100 * report["tokens_out_of_vocabulary"] / read
    dropped = 100 * report["tokens_subsampled"] / raw
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in report["seconds"].items())
    losses = ["not measured" if loss is None else f"{loss:.4f}" for loss in report["loss"]]
    lines = {
        "text": f"{read:,} tokens, {unknown:.1f} % out of vocabulary",
        "trained": f"{report['tokens_trained']:,} tokens in all, {dropped:.1f} % subsampled",
        "time": seconds,
        "speed": f"{quantity(report['words_per_second'])} words/s in training",
        "loss": f"{losses[0]} in the first epoch, {losses[-1]} in the last",
        "memory": f"{show_bytes(report['peak_memory'])} at the peak",
        "wrote": f"{report['output']}: {words:,} words, {dim:,} dimensions",
    }
    return "\n".join(f"{name:8} {value}" for name, value in lines.items())
