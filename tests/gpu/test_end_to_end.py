"""Training through double and emulated kernels: NumPy's examples, vectors of its quality."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import mistake, run, run_process
from planted import check_neighbours, planted_sentences

from embedlayer.device import DEVICES, STREAMED
from embedlayer.kernels import cuda, load_kernels
from embedlayer.models.options import CBOW, SkipGram, Word2Vec
from embedlayer.models.outputs import LOSSES
from embedlayer.models.tables import start_tables
from embedlayer.text.corpus import Corpus
from embedlayer.training.chunks import cut
from embedlayer.training.examples import Examples
from embedlayer.training.run import Training
from embedlayer.vectors.vectors import Vectors

from . import double
from .cases import filled_windows, schedule

MODELS = [
    kind(dim=16, window=3, sample=0.005, loss=loss) for kind in (SkipGram, CBOW) for loss in LOSSES
]
NAMES = [f"{model.name}, {model.loss}" for model in MODELS]
SMALL = SkipGram(dim=8, window=2, sample=0.0)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(planted_sentences(700), min_count=1)


@pytest.fixture(scope="module")
def small() -> Corpus:
    return Corpus.from_sentences(planted_sentences(60), min_count=1)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_the_examples_are_numpys_and_a_chunk_never_waits_for_the_device(
    model: Word2Vec, corpus: Corpus, cupy: Any
) -> None:
    options: dict[str, Any] = {"chunk_tokens": 1000, "measure": 2}
    here = Examples(corpus, model, 5, load_kernels("numpy", "fused"), DEVICES["numpy"], **options)
    there = Examples(corpus, model, 5, cuda, DEVICES["cupy"], **options)
    tables = start_tables(model, len(corpus.vocabulary), 5, DEVICES["cupy"])
    for chunk in range(len(here)):
        wanted, kept = here.batch(1, chunk)
        with double.no_sync():
            batch, kept_there = there.batch(1, chunk)
            cuda.sgd_step(tables, batch, 0.1, model.mode())
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
    on_device = Training(corpus, model, backend="cupy", in_flight=3, **options)
    with schedule(seed=1, resident=8):
        check_neighbours(on_device.run())
    assert on_device.report.loss[-1] == pytest.approx(on_cpu.report.loss[-1], rel=0.01)
    assert on_device.report.tokens_trained == on_cpu.report.tokens_trained


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_waits_once_a_tick_twice_an_epoch_and_twice_at_its_end(
    epochs: int, small: Corpus, cupy: Any
) -> None:
    """For the sums; for the sums and whether all is finite; whether anything is learnt, vectors."""
    ticks: list[Any] = []
    training = Training(small, SMALL, epochs=epochs, backend="cupy", callbacks=[ticks.append])
    before = double.counters.copy()
    training.run()
    taken = {name: double.counters[name] - before[name] for name in before}
    assert taken["sync"] == taken["to_host"] == len(ticks) + 2 * epochs + 2
    assert taken["to_device"] == 5  # ids, offsets, keep and the alias table, not chunk by chunk


def test_a_streamed_corpus_gives_the_same_vectors_through_two_buffers(
    small: Corpus, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = Training(small, SMALL, epochs=2, in_flight=1, backend="cupy")
    free = resident.plan.allocated - 1
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (free, free))
    ticks: list[Any] = []
    options: dict[str, Any] = {"in_flight": 1, "callbacks": [ticks.append]}
    streamed = Training(small, SMALL, epochs=2, backend="cupy", **options)
    assert "corpus 0.0 MB streamed to the device" in str(streamed.plan)
    before = double.counters.copy()
    found = streamed.run()
    taken = {name: double.counters[name] - before[name] for name in before}
    chunks = 2 * (len(cut(small, streamed.state.chunk_tokens)) - 1)
    assert taken["to_device"] == 3 + 2 * chunks
    assert taken["sync"] == len(ticks) + 6 + chunks  # for a buffer, before it is filled again
    np.testing.assert_array_equal(found.matrix, resident.run().matrix)


def test_a_buffer_that_is_filled_too_soon_is_noticed(
    small: Corpus, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"chunk_tokens": 100, "measure": 1, "place": STREAMED}
    monkeypatch.setattr(cupy.cuda.Event, "synchronize", lambda self: None)
    examples = Examples(small, SMALL, 1, cuda, DEVICES["cupy"], **options)
    examples.batch(0, 0)
    examples.batch(0, 1)
    with pytest.raises(ValueError, match="read-only"):
        examples.batch(0, 2)


def test_one_thread_feeds_the_device_of_the_tables(
    small: Corpus, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def use(device: Any) -> None:
        threads.append(threading.current_thread())

    monkeypatch.setattr(cupy.cuda.Device, "use", use)
    training = Training(small, SMALL, epochs=2, workers=5, backend="cupy")
    training.run()
    assert training.report.workers == 1
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_progress_is_read_once_a_tick(small: Corpus, cupy: Any) -> None:
    heard = []

    def callback(progress: Any) -> None:
        heard.append((progress.tokens, progress.epoch_done, progress.loss))

    training = Training(small, SMALL, epochs=2, backend="cupy", callbacks=[callback])
    before = double.counters["sync"]
    training.run()
    assert double.counters["sync"] - before == len(heard) + 2 * 2 + 2
    ends = [(tokens, loss) for tokens, done, loss in heard if done]
    assert [tokens for tokens, _ in ends] == [len(small.ids), 2 * len(small.ids)]
    assert [loss for _, loss in ends] == training.report.loss


def test_in_flight_reaches_the_kernel(
    small: Corpus, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = set()
    launch = cuda.launch

    def note(name: str, threads: int, *arguments: Any, **options: Any) -> None:
        launched.add(threads // cuda.LANES) if name.startswith("sgd") else None
        launch(name, threads, *arguments, **options)

    monkeypatch.setattr(cuda, "launch", note)
    for in_flight in (None, 5):
        Training(small, SMALL, epochs=1, in_flight=in_flight, backend="cupy").run()
    assert launched == {cuda.default_in_flight(len(small.vocabulary)), 5}


class TestCommandLine:
    """``embedlayer train`` with ``EMBEDLAYER_BACKEND=cupy``."""

    OPTIONS = (
        "--dim", 16, "--window", 3, "--sample", 0.005, "--lr", 0.1, "--epochs", 3, "--workers", 1,
        "--json",
    )  # fmt: skip

    @pytest.fixture
    def text(self, tmp_path: Path) -> Path:
        path = tmp_path / "text.txt"
        path.write_text("\n".join(map(" ".join, planted_sentences(700))))
        return path

    def test_trains_as_numpy_does(
        self, text: Path, cupy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = text.with_name("out.safetensors")
        reports = {}
        for backend in ("numpy", "cupy"):
            monkeypatch.setenv("EMBEDLAYER_BACKEND", backend)
            with schedule(seed=1, resident=4):
                result = run("train", text, "-o", out, *self.OPTIONS)
            reports[backend] = json.loads(result.stdout)
        check_neighbours(Vectors.load(out))
        here, there = reports.values()
        assert there["backend"] == Vectors.load(out).metadata["backend"] == "cupy"
        assert there["tokens_trained"] == here["tokens_trained"]
        assert there["tokens_subsampled"] == here["tokens_subsampled"]
        assert there["loss"][-1] == pytest.approx(here["loss"][-1], rel=0.01)
        assert there["corpus_is"] == "on the device"

    @pytest.mark.parametrize("how", [("--kernels", "reference"), ("--step", "layered")])
    def test_trains_with_readable_steps(self, text: Path, cupy: Any, how: tuple[str, str]) -> None:
        lines = text.read_text().splitlines()[:60]
        text.write_text("\n".join(lines))
        out = text.with_name("out.vec")
        options = ("--backend", "cupy", "--epochs", 1, *self.OPTIONS[:8], "--json")
        report = json.loads(run("train", text, "-o", out, *options, *how).stdout)
        assert report["backend"] == "cupy"
        assert report["loss"][0] < 0.7

    def test_without_a_device_one_line_names_reason_and_cure(
        self, text: Path, cupy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_driver() -> int:
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

        monkeypatch.setenv("EMBEDLAYER_BACKEND", "cupy")
        command = ("train", text, "-o", text.with_name("out.vec"))
        for count, reason in (
            (lambda: 0, "CuPy sees no CUDA device; check CUDA_VISIBLE_DEVICES and nvidia-smi"),
            (no_driver, "cudaErrorNoDevice: no CUDA-capable device is detected); install or upd"),
        ):
            monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", count)
            line = mistake(*command)
            assert line.startswith("backend 'cupy' (EMBEDLAYER_BACKEND) cannot work here: ")
            assert reason in line

    @pytest.mark.parametrize("broken", ["raise ImportError('libcuda.so: no')", "1 / 0"])
    def test_a_broken_cupy_stops_cupy_and_not_auto(self, text: Path, broken: str) -> None:
        """In a process of its own, with a CuPy that is installed and does not import."""
        (text.parent / "site" / "cupy").mkdir(parents=True)
        (text.parent / "site" / "cupy" / "__init__.py").write_text(broken)
        path = os.pathsep.join([str(text.parent / "site"), os.environ.get("PYTHONPATH", "")])
        command = ("train", text, "-o", text.with_name("out.vec"), *self.OPTIONS[:-1])

        def told(backend: str, code: int) -> list[str]:
            environment = {**os.environ, "PYTHONPATH": path, "EMBEDLAYER_BACKEND": backend}
            return run_process(*command, code=code, env=environment).stderr.splitlines()

        lines = told("cupy", code=2)
        assert len(lines) == 1, lines
        (line,) = lines
        assert "CuPy is installed but does not import (" in line
        assert "; pip install cupy-cuda12x" in line
        chosen = [line for line in told("auto", code=0) if "backend" in line]
        assert len(chosen) == 1
        assert chosen[0].startswith("backend: numpy (auto: CuPy is installed but does not import (")
