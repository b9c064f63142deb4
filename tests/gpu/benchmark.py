"""A real device beside the CPU: words per second, share of the memory's bandwidth, loss, quality.

``python -m gpu.benchmark TEXT RESULT.json``, with ``tests`` and ``benchmarks`` on PYTHONPATH; the
evaluation sets are those of ``EMBEDLAYER_DATA``/eval. RESULT.json is written after every step, so
that a run that is cut short leaves what it measured. Fails where a loss is not the CPU's.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scores import evaluation_folder, score

from embedlayer.backend import array_library
from embedlayer.device import DEVICES, Cuda
from embedlayer.kernels import cuda
from embedlayer.kernels.arguments import Batch
from embedlayer.models.options import CBOW, SkipGram, Word2Vec
from embedlayer.models.tables import start_tables
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples
from embedlayer.training.run import Training
from embedlayer.training.warmup import warm_up

MODELS: dict[str, Word2Vec] = {
    "skip-gram": SkipGram(),
    "CBOW": CBOW(),
    "skip-gram, hierarchical": SkipGram(loss="hierarchical"),
    "CBOW, hierarchical": CBOW(loss="hierarchical"),
}
TOLERANCE = 0.01  # of the loss of the last epoch
REPEATS = 20
EPOCHS = 2
COPIED = 1 << 30  # bytes: more than any device's cache


class Result:
    """The numbers so far, and the file that always holds them."""

    def __init__(self, path: Path) -> None:
        self.path, self.found = path, dict[str, Any]()

    def note(self, *names: str, value: Any) -> None:
        """Keep one number, or several together, under these names, and tell."""
        place = self.found
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = value
        print(f"{', '.join(names)}: {value}", flush=True)
        self.path.write_text(json.dumps(self.found, indent=2) + "\n")


def main(text: str, path: str) -> int:
    """Measure, and 1 where a loss is not the CPU's."""
    cupy, result = array_library("cupy"), Result(Path(path))
    about = cupy.cuda.runtime.getDeviceProperties(0)
    result.note("device", value=about["name"].decode())
    bandwidth = copy_bandwidth(cupy, COPIED)
    result.note("copied_bytes_per_second", value=bandwidth)
    corpus = Corpus.from_files(text)
    result.note("tokens", value=len(corpus.ids))
    result.note("words", value=len(corpus.vocabulary))
    for name, model in MODELS.items():
        step = measure_step(cupy, corpus, model)
        step["share_of_bandwidth"] = step["table_bytes_per_second"] / bandwidth
        result.note("sgd_step", name, value=step)
    for name, model in MODELS.items():
        result.note(name, "cupy", value=train(corpus, model, "cupy"))
    wrong = False
    for name, model in MODELS.items():
        result.note(name, "numpy", value=train(corpus, model, "numpy"))
        there, here = (result.found[name][backend]["loss"][-1] for backend in ("cupy", "numpy"))
        result.note(name, "loss_ratio", value=there / here)
        wrong |= not abs(there / here - 1) < TOLERANCE  # NaN is wrong, too
    return int(wrong)


def train(corpus: Corpus, model: Word2Vec, backend: str) -> dict[str, Any]:
    """Words per second, kernels compiled before; the losses; scores, where there are any sets."""
    warm_up(model, lambda: None, backend=backend)
    training = Training(corpus, model, epochs=EPOCHS, backend=backend)
    vectors = training.run()
    folder = evaluation_folder(Path(os.environ.get("EMBEDLAYER_DATA", ".")))
    report = training.report
    return {
        "words_per_second": round(report.words_per_second),
        "workers": report.workers,
        "loss": report.loss,
        "scores": score(vectors, folder) if folder else None,
    }


def copy_bandwidth(cupy: Any, size: int) -> float:
    """Bytes read and written per second, where the device copies within its memory."""
    source, target = (cupy.zeros(size // 4, np.float32) for _ in range(2))
    return 2 * size / seconds_of(cupy, lambda: cupy.copyto(target, source))


def measure_step(cupy: Any, corpus: Corpus, model: Word2Vec) -> dict[str, float]:
    """The step on one chunk: windows per second, and the bytes of their rows, read and written."""
    device = DEVICES["cupy"]
    examples = Examples(corpus, model, 1, cuda, device, chunk_tokens=Cuda.chunk_tokens, measure=16)
    tables = start_tables(model, len(corpus.vocabulary), 1, device)
    batch, _ = examples.batch(0, 0)
    seconds = seconds_of(cupy, lambda: cuda.sgd_step(tables, batch, 1e-4, model.mode()))
    windows, rows = count(batch)
    return {
        "seconds": seconds,
        "examples_seconds": seconds_of(cupy, lambda: examples.batch(0, 0)),
        "windows_per_second": windows / seconds,
        "table_bytes_per_second": 2 * rows * tables[0].shape[1] * 4 / seconds,
    }


def count(batch: Batch) -> tuple[int, int]:
    """The windows of a batch on the device, and the distinct rows of each of them, together."""
    offsets, contexts, rows = (a.get() for a in (batch.offsets, batch.contexts, batch.rows))
    sizes = np.diff(offsets)
    filled = np.flatnonzero(sizes)
    window = np.repeat(np.arange(len(sizes)), sizes)
    distinct = len(np.unique((window << 32) + contexts[: len(window)]))
    outputs = rows[filled].astype(np.int64)
    names = ((filled[:, None] << 32) + outputs)[outputs >= 0]
    return len(filled), distinct + len(np.unique(names))


def seconds_of(cupy: Any, work: Callable[[], object]) -> float:
    """By the device's clock, of one call; the mean of several, after one that compiles."""
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    work()
    start.record()
    for _ in range(REPEATS):
        work()
    end.record()
    end.synchronize()
    return cupy.cuda.get_elapsed_time(start, end) / 1e3 / REPEATS


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
