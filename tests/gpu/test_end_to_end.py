"""Training through double and emulated kernels: NumPy's examples, vectors of its quality."""

from typing import Any

import numpy as np
import pytest
from planted import check_neighbours, planted_sentences

from embedlayer.kernels import cuda, load_kernels
from embedlayer.models import CBOW, LOSSES, Examples, SkipGram, Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training import Training

from . import double
from .cases import filled_windows, schedule

MODELS = [
    kind(dim=16, window=3, sample=0.005, loss=loss) for kind in (SkipGram, CBOW) for loss in LOSSES
]
NAMES = [f"{model.name}, {model.loss}" for model in MODELS]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(planted_sentences(700), min_count=1)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_the_examples_are_numpys_and_a_chunk_never_waits_for_the_device(
    model: Word2Vec, corpus: Corpus, cupy: Any
) -> None:
    options = {"chunk_tokens": 1000, "measure": 2}
    here = Examples(corpus, model, 5, load_kernels("numpy", "fused"), np, **options)
    there = Examples(corpus, model, 5, cuda, cupy, **options)
    tables = model.tables(corpus.vocabulary, 5, cupy)
    for chunk in range(len(here)):
        wanted, kept = here.batch(1, chunk)
        with double.no_sync():
            batch, kept_there = there.batch(1, chunk)
            cuda.sgd_step(*tables, *batch[:4], 0.1, *model.step_mode(), batch.measured)
        assert int(kept_there) == kept
        labels = [] if len(batch.labels) == 1 else [batch.labels]
        of_each = filled_windows(batch.contexts, batch.offsets, batch.rows, batch.measured, *labels)
        expected = [wanted.contexts, wanted.offsets, wanted.rows, wanted.measured]
        expected += [wanted.labels] if labels else []
        for found, array in zip(of_each, expected, strict=True):
            np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_the_neighbours_are_found_and_the_loss_is_numbas(
    model: Word2Vec, corpus: Corpus, cupy: Any
) -> None:
    options: dict[str, Any] = {"epochs": 3, "lr": 0.1, "workers": 1, "measure": 1}
    on_cpu = Training(corpus, model, backend="numpy", **options)
    on_cpu.run()
    on_device = Training(corpus, model, backend="cupy", **options)
    with schedule(seed=1, resident=8, in_flight=3):
        check_neighbours(on_device.run())
    assert on_device.report.loss[-1] == pytest.approx(on_cpu.report.loss[-1], rel=0.01)
    assert on_device.report.tokens_trained == on_cpu.report.tokens_trained
