"""A training run as the command line shows it: kernels ready, text read, progress, summary."""

import logging
import math
import os
import shlex
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from embedlayer.backend import get_backend
from embedlayer.cli.output import log_shown, note, show_bytes
from embedlayer.cli.progress import ReadingProgress, TrainingProgress, quantity
from embedlayer.cli.reporting import NO_REPORT, Reporting
from embedlayer.cli.signals import Stopped, Stopping, ended_by_interrupt
from embedlayer.cli.tables import table_lines
from embedlayer.cli.terminal import columns_of
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import Word2Vec
from embedlayer.pictures.told import score_text, scores_of
from embedlayer.storage.folders import cache_folder
from embedlayer.storage.reading import expanded
from embedlayer.text.corpus import Corpus
from embedlayer.text.readers import STDIN
from embedlayer.training.checkpoint import checkpoints_in
from embedlayer.training.options import TRAINING_NAMES
from embedlayer.training.plan import check_largest
from embedlayer.training.run import Training
from embedlayer.training.warmup import warm_up
from embedlayer.vectors.files import beside, check_writable
from embedlayer.vectors.vectors import Vectors

FLOAT_BYTES = 4  # in text a number takes more
COMPILING = "compiling the kernels of such a run, once: half a minute or so, they are kept on disk"
ENOUGH = 20_000_000  # tokens trained on, over all passes: docs/performance.md, Quality
MOST_PASSES = 40


def run_training(
    read: Callable[[ReadingProgress | None], Corpus],
    model: Word2Vec,
    output: str,
    format: str | None,
    *,
    quiet: bool = False,
    most_words: int | None = None,
    begin: Callable[..., Training] = Training,
    checkpoints: str | None = None,
    notes: dict[str, Any] | None = None,
    reporting: Reporting = NO_REPORT,
    **options: Any,
) -> tuple[Vectors, dict[str, Any]]:
    """Train, write the vectors, and report on it as JSON can hold it.

    Args:
        read: makes the corpus, and tells its progress.
        model, options: as ``Training`` takes them.
        output, format: of the vectors.
        quiet: nothing is shown on standard error.
        most_words: of the vocabulary, where that is bounded.
        begin: makes the run, of corpus, model and options.
        checkpoints: the folder that the run keeps them in.
        notes: what checkpoints tell besides.
        reporting: what is done when the run has ended.
    """
    say: Callable[[str], object] = (lambda text: None) if quiet else note
    with log_shown(logging.WARNING if quiet else logging.INFO):
        # If the backend cannot work, or has too little room, say so before compiling anything.
        device = DEVICES[get_backend(options.get("backend"))]
        check_largest(model, most_words, device)
        with ended_by_interrupt():
            watch = bool(options.get("watch"))
            warming = warm_up(model, lambda: say(COMPILING), watch, **_unsaved(options))
        with nullcontext() if quiet else ReadingProgress() as reading:
            corpus = read(reading)
        with nullcontext() if quiet else TrainingProgress() as telling, Stopping() as stopping:
            options |= {"callbacks": [*filter(None, [telling]), stopping.look]}
            training = begin(corpus, model, **options)
            training.notes = notes or training.notes
            say(f"{len(corpus.vocabulary):,} words; memory: {training.plan}")
            if hint := advice(len(corpus.ids), training.options.epochs):
                say(hint)
            check_writable(output, format, FLOAT_BYTES * len(corpus.vocabulary) * model.dim)
            if os.path.isfile(output) and os.path.getsize(output):
                say(f"{output} exists: the new vectors will replace it when they are learnt")
            stopping.look()
            try:
                vectors = training.run()
            except Stopped as stopped:
                if telling:
                    telling.close()
                keep_learnt(training, output, format, checkpoints)
                tell_stopped(training, reporting)
                raise stopped from None
            started = perf_counter()
            save_somewhere(vectors, output, format)
            took = {"kernels": warming}, {"saving": perf_counter() - started}
            told = told_of(training, vectors, reporting, *took)
            if stopping.asked:
                note(f"all is learnt, and in {output}")
            stopping.look()
    return vectors, told | {"dim": model.dim, "output": output}


def told_of(
    training: Training,
    vectors: Vectors,
    reporting: Reporting,
    before: dict[str, float],
    after: dict[str, float],
) -> dict[str, Any]:
    """The report of a run that is done, judged and written, as JSON can hold it.

    Args:
        training, vectors: the run, and what it made.
        reporting: how to judge, and where to write.
        before, after: seconds of what came before the text was read, and after the training.
    """
    report = training.report
    report.seconds = {**before, **report.seconds, **after}
    reporting.judge(vectors, report)
    reporting.write(report, vectors)
    return report.to_dict()


def tell_stopped(training: Training, reporting: Reporting) -> None:
    """Write the report of a run that was stopped; of one on a cluster there is none."""
    if reporting.path is None or training.position() == (0, 0):
        return
    if not hasattr(training, "report"):
        note("a run on a cluster tells of itself when it is done: no report was written")
        return
    vectors = training.vectors()
    reporting.judge(vectors, training.report)
    reporting.write(training.report, vectors)
    note(f"how it went so far: {reporting.path}")


def _unsaved(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in options if name in TRAINING_NAMES}


def keep_learnt(
    training: Training, output: str, format: str | None, checkpoints: str | None
) -> None:
    """Save what a run that was stopped has learnt, beside its output, and say how to go on."""
    position, epochs = training.position(), training.options.epochs
    if position == (0, 0):
        return
    place = beside(output, "interrupted")
    save_somewhere(training.vectors(), place, format)
    note(f"stopped in epoch {position[0] + 1} of {epochs}; what was learnt so far: {place}")
    if checkpoints and checkpoints_in(Path(expanded(checkpoints))):
        text = " -" if STDIN in training.notes["texts"] else ""
        note(f"to go on: embedlayer train{text} --resume {shlex.quote(checkpoints)}")
    elif not checkpoints:
        note("another time --checkpoint FOLDER makes it possible to go on")


def advice(tokens: int, epochs: int) -> str:
    """What would make better vectors of a small text; nothing for a large one."""
    passes = min(MOST_PASSES, math.ceil(ENOUGH / tokens))
    if epochs >= passes:
        return ""
    times = "once" if epochs == 1 else f"{epochs} times"
    told = f"a small text, {tokens:,} tokens, is read {times}"
    return f"{told}: more passes make better vectors, try --epochs {passes}"


def save_somewhere(vectors: Vectors, output: str, format: str | None) -> None:
    """Write vectors; where that fails, elsewhere, for hours of training may be in them.

    Raises:
        EmbedlayerError: they are not in ``output``; it says where they are.
    """
    try:
        return vectors.save(output, format)
    except (OSError, EmbedlayerError) as error:
        failure = str(error) if isinstance(error, EmbedlayerError) else error.strerror
    for folder in (tempfile.gettempdir, cache_folder):
        with suppress(OSError, EmbedlayerError):  # also for want of such a folder
            place = Path(folder(), f"embedlayer-{uuid.uuid4().hex}.safetensors")
            vectors.save(place)
            cure = f"the vectors are in {place} instead: move them, or convert them"
            break
    else:
        cure = "nor could they be kept elsewhere"
    raise EmbedlayerError(f"{output}: {failure}; {cure}")


def summary(report: dict[str, Any]) -> str:
    """A report in a few lines, for people, as wide as their terminal."""
    words, dim, read = report["vocabulary"], report["dim"], report["tokens_read"]
    raw = report["tokens_trained"] + report["tokens_subsampled"]
    unknown = 100 * report["tokens_out_of_vocabulary"] / read
    dropped = 100 * report["tokens_subsampled"] / raw
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in report["seconds"].items())
    lines = {
        "text": f"{read:,} tokens, {unknown:.1f} % out of vocabulary",
        "trained": f"{report['tokens_trained']:,} tokens in all, {dropped:.1f} % subsampled",
        "time": seconds,
        "speed": f"{quantity(report['words_per_second'])} words/s in training",
        "loss": _ends(report["loss"]),
    }
    if any(loss is not None for loss in report["held_out_loss"]):
        lines["held out"] = _ends(report["held_out_loss"])
    lines["memory"] = f"{show_bytes(report['peak_memory'])} at the peak"
    for name, what, score, of in scores_of(report):
        lines[f"{name}, {what}"] = f"{score_text(score)}, {of}"
    lines["wrote"] = f"{report['output']}: {words:,} words, {dim:,} dimensions"
    return "\n".join(table_lines(lines.items(), (), columns_of(sys.stderr)))


def _ends(losses: list[float | None]) -> str:
    shown = ["not measured" if loss is None else f"{loss:.4f}" for loss in losses]
    return f"{shown[0]} in the first epoch, {shown[-1]} in the last"
