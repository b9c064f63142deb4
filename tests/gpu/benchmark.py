"""Words a second, share of the memory's bandwidth, and loss against the CPU's, on a real device.

``python -m gpu.benchmark TEXT`` prints JSON, and fails where the loss is not the CPU's.
"""

import json
import sys
from typing import Any

import numpy as np

from embedlayer.backend import array_library
from embedlayer.device import DEVICES, Cuda
from embedlayer.kernels import cuda
from embedlayer.models.options import SkipGram
from embedlayer.models.tables import start_tables
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples
from embedlayer.training.run import Training

TOLERANCE = 0.01  # of the loss of the last epoch
REPEATS = 20
EPOCHS = 2


def main(path: str) -> int:
    """Measure, print, and 1 where the quality gate fails."""
    cupy = array_library("cupy")
    corpus, model = Corpus.from_files(path), SkipGram()
    found = {"device": _device(cupy), "tokens": len(corpus.ids), "words": len(corpus.vocabulary)}
    losses = {}
    for backend in ("numpy", "cupy"):
        training = Training(corpus, model, epochs=EPOCHS, backend=backend)
        training.run()
        losses[backend] = training.report.loss[-1]
        found[f"{backend}_words_per_second"] = round(training.report.words_per_second)
    found["loss"] = losses
    found["loss_ratio"] = losses["cupy"] / losses["numpy"]
    found["sgd_step"] = _measure_step(cupy, corpus, model)
    print(json.dumps(found, indent=2))
    return int(not abs(found["loss_ratio"] - 1) < TOLERANCE)  # NaN fails, too


def _device(cupy: Any) -> dict[str, Any]:
    about = cupy.cuda.runtime.getDeviceProperties(0)
    # Both edges of the clock (kHz), and the width of the bus in bits; 0 where no longer told.
    bandwidth = 2e3 * about.get("memoryClockRate", 0) * about.get("memoryBusWidth", 0) / 8
    return {"name": about["name"].decode(), "bytes_per_second": bandwidth}


def _measure_step(cupy: Any, corpus: Corpus, model: SkipGram) -> dict[str, float]:
    """Time of the step on one chunk, and the bytes of its windows' rows, read and written."""
    examples = Examples(
        corpus, model, 1, cuda, DEVICES["cupy"], chunk_tokens=Cuda.chunk_tokens, measure=16
    )
    batch, _ = examples.batch(0, 0)
    tables = start_tables(model, len(corpus.vocabulary), 1, DEVICES["cupy"])
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    for repeat in range(REPEATS + 1):
        if repeat == 1:  # the first compiles
            start.record()
        cuda.sgd_step(tables, batch, 1e-4, model.mode())
    end.record()
    end.synchronize()
    seconds = cupy.cuda.get_elapsed_time(start, end) / 1e3 / REPEATS
    offsets, contexts, rows = (a.get() for a in (batch.offsets, batch.contexts, batch.rows))
    moved = 0
    for first, last, outputs in zip(offsets, offsets[1:], rows, strict=False):
        if last > first:
            moved += len(np.unique(contexts[first:last])) + len(np.unique(outputs[outputs >= 0]))
    table_bytes = 2 * moved * tables[0].shape[1] * 4
    windows = int((np.diff(offsets) > 0).sum())
    return {
        "seconds": seconds,
        "windows_per_second": windows / seconds,
        "table_bytes_per_second": table_bytes / seconds,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
