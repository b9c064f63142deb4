"""R1: replicas on two emulated devices, merged over the double's NCCL, are those of one process."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import mistake, run
from planted import planted_sentences

from embedlayer.device import DEVICES, STREAMED
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import CBOW, SkipGram, Word2Vec
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import checkpoints_in
from embedlayer.training.gpus import COPIES, NOT_READY, Gpus
from embedlayer.training.replicas import Merging
from embedlayer.training.run import Training
from embedlayer.vectors.vectors import Vectors

from .double import nccl
from .double.nccl import NcclCommunicator, NcclError

SKIPGRAM = SkipGram(dim=8, window=2, sample=0.0)
MODELS = {"skip-gram": SKIPGRAM, "CBOW, hierarchical": CBOW(dim=8, loss="hierarchical")}
ILLEGAL_ADDRESS = 700  # cudaErrorIllegalAddress
SENDS = (1 + 2 + 1 + 3) * 2 * 2 * 2  # of a round: tiers of its merges, exchanges, replicas, tables


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(planted_sentences(60), min_count=1)


class Tried(Training):
    """A run that merges the head after each chunk, and all rows after every fourth."""

    def __init__(self, corpus: Corpus, model: Word2Vec, **options: Any) -> None:
        fixed: Any = {"epochs": 2, "measure": 1, "held_out": 0.1, "backend": "cupy"}
        super().__init__(corpus, model, **fixed, **options)

    def _merging(self) -> Merging | None:
        return Merging(tokens=20, head=4, merges=4)


def simulated(
    corpus: Corpus, model: Word2Vec, size: int, monkeypatch: pytest.MonkeyPatch
) -> Training:
    """The run by replicas on one device, one after the other."""
    with monkeypatch.context() as patch:
        patch.setattr(DEVICES["cupy"], "workers", lambda asked: asked or 1)
        made = Tried(corpus, model, workers=size, deterministic=True)
    made.turns = True
    made.run()
    return made


def same(one: Training, other: Training) -> None:
    for a, b in zip(one.state.tables, other.state.tables, strict=True):
        np.testing.assert_array_equal(a.get(), b.get())
    assert one.report.loss == other.report.loss
    assert one.report.held_out_loss == other.report.held_out_loss
    assert one.report.tokens_trained == other.report.tokens_trained


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_replicas_on_devices_have_the_bits_of_replicas_in_turns_on_one(
    model: Word2Vec, size: int, corpus: Corpus, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_each = Tried(corpus, model, gpus=size)
    on_each.run()
    assert on_each.report.workers == size
    same(on_each, simulated(corpus, model, size, monkeypatch))


def test_one_device_is_the_plain_run(corpus: Corpus, gpus: Any) -> None:
    options: dict[str, Any] = {"epochs": 1, "backend": "cupy"}
    one, plain = (
        Training(corpus, SKIPGRAM, gpus=1, **options),
        Training(corpus, SKIPGRAM, **options),
    )
    np.testing.assert_array_equal(one.run().matrix, plain.run().matrix)
    two = Training(corpus, SKIPGRAM, gpus=2, **options)
    assert not np.array_equal(two.run().matrix, plain.run().matrix)
    assert two.report.tokens_trained == plain.report.tokens_trained


def test_the_device_in_use_is_the_first_and_the_tables_of_the_run_stay_there(
    corpus: Corpus, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gpus.cuda.Device(1):
        tried = Tried(corpus, SKIPGRAM, gpus=2)
        tried.run()
        assert tried.gpus == [1, 0]
        assert [table.device.id for table in tried.state.tables] == [1, 1]
        wanted = simulated(corpus, SKIPGRAM, 2, monkeypatch)
    same(tried, wanted)


def failing(tried: Training, chunk: int, error: BaseException) -> Callable[[], None]:
    """Have a run fail in the middle of a chunk; what mends it."""
    train = tried._train

    def fail(examples: Any, tables: Any, at: int, *rest: Any) -> None:
        train(examples, tables, at, *rest)
        if at == chunk:
            raise error

    def mend() -> None:
        tried._train = train  # type: ignore[method-assign]

    tried._train = fail  # type: ignore[method-assign]
    return mend


@pytest.mark.parametrize("chunk", [8, 13, 15])
def test_a_replica_that_fails_ends_the_run_whose_round_is_void(
    chunk: int, corpus: Corpus, gpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second round is of chunks 8 … 15."""
    tried = Tried(corpus, SKIPGRAM, gpus=2, checkpoint=tmp_path / "run")
    closed: list[int] = []
    close = Gpus.close
    monkeypatch.setattr(Gpus, "close", lambda self: (closed.append(1), close(self)))
    mend = failing(tried, chunk, KeyError("lost"))
    with pytest.raises(KeyError, match="lost"):
        tried.run()
    assert closed
    assert tried.position() == (0, 8)
    assert not tried.state.sums[8:].any()
    taken = tried.state.copy(tried.device)
    mend()
    tried.run()
    wanted = simulated(corpus, SKIPGRAM, 2, monkeypatch)
    same(tried, wanted)
    same_state = Tried(corpus, SKIPGRAM, gpus=2, state=taken)
    same_state.run()
    same(same_state, wanted)
    assert checkpoints_in(tmp_path / "run")


@pytest.mark.parametrize("known", ["NCCL", "CUDA"])
def test_an_error_on_a_device_ends_the_run_without_a_hang(
    known: str, corpus: Corpus, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second round one device fails and the other waits for it, until it is told not to."""
    waiting, other_waits, aborted = threading.Event(), threading.Event(), threading.Event()
    sent, hung, end = [], [], time.monotonic() + 20
    abort, send = NcclCommunicator.abort, NcclCommunicator.send

    def count(*arguments: Any) -> None:
        sent.append(1)
        if len(sent) == SENDS + 3:
            waiting.set()
        send(*arguments)

    def query(stream: int) -> int:
        if not waiting.is_set() or aborted.is_set():
            return 0
        if time.monotonic() > end:  # as hardware would not
            hung.append(1)
            return 0
        if gpus.cuda.runtime.getDevice() == 0:
            other_waits.set()
        elif known == "CUDA" and other_waits.wait(10):
            return ILLEGAL_ADDRESS
        return NOT_READY

    def check(self: Any) -> None:
        if known == "NCCL" and self._rank == 1 and other_waits.is_set():
            raise NcclError("NCCL_ERROR_REMOTE_ERROR")

    def synchronize(self: Any) -> None:
        if query(0) == ILLEGAL_ADDRESS:
            raise RuntimeError("cudaErrorIllegalAddress")

    def note(self: Any) -> None:
        aborted.set()
        abort(self)

    monkeypatch.setattr(NcclCommunicator, "send", count)
    monkeypatch.setattr(NcclCommunicator, "check_async_error", check)
    monkeypatch.setattr(NcclCommunicator, "abort", note)
    monkeypatch.setattr(gpus.cuda.runtime, "streamQuery", query)
    monkeypatch.setattr(gpus.cuda.Stream, "synchronize", synchronize)
    tried = Tried(corpus, SKIPGRAM, gpus=2)
    with pytest.raises(RuntimeError, match=r"REMOTE_ERROR|IllegalAddress"):
        tried.run()
    assert not hung
    assert tried.position() == (0, 8)
    wanted = Tried(corpus, SKIPGRAM, gpus=2)
    stop_after(wanted, 8)
    for a, b in zip(tried.state.tables, wanted.state.tables, strict=True):
        np.testing.assert_array_equal(a.get(), b.get())


def stop_after(tried: Training, chunks: int) -> None:
    """Run so many chunks, whole rounds."""
    failing(tried, chunks, KeyError("enough"))
    with pytest.raises(KeyError):
        tried.run()
    assert tried.position() == (0, chunks)


def test_more_devices_than_rows(gpus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Corpus.from_sentences([["tea", "cup"]] * 50, min_count=1)
    on_devices = Tried(few, SKIPGRAM, gpus=3)
    on_devices.run()
    same(on_devices, simulated(few, SKIPGRAM, 3, monkeypatch))


def test_a_run_goes_on_from_a_checkpoint_with_as_many(
    corpus: Corpus, gpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    options: dict[str, Any] = {"epochs": 2, "backend": "cupy", "gpus": 2}
    Training(corpus, SKIPGRAM, checkpoint=folder, **options).run(until=1)
    whole = Training(corpus, SKIPGRAM, **options)
    monkeypatch.setattr(gpus.cuda.runtime, "getDeviceCount", lambda: 2)
    resumed = Training.resume(folder, corpus)
    assert resumed.workers == 2
    np.testing.assert_array_equal(resumed.run().matrix, whole.run().matrix)
    with pytest.raises(EmbedlayerError, match="gpus is 1, but 2 in the checkpoint"):
        Training.resume(folder, corpus, gpus=1)


def test_the_plan_has_to_fit_each_device(
    corpus: Corpus, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Tried(corpus, SKIPGRAM, gpus=2).plan
    assert plan.replicas == COPIES * (plan.W_in + plan.W_out)
    free = plan.allocated - 1

    def room() -> tuple[int, int]:
        return (free if gpus.cuda.runtime.getDevice() == 1 else 2 * free), 2 * free

    monkeypatch.setattr(gpus.cuda.runtime, "memGetInfo", room)
    assert Tried(corpus, SKIPGRAM, gpus=2).plan.corpus_is == STREAMED
    free = plan.replicas
    with pytest.raises(EmbedlayerError, match=r"training needs .* replicas "):
        Tried(corpus, SKIPGRAM, gpus=2)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "more than there are": (
        {"gpus": 4},
        "gpus is 4, and CuPy sees 3 devices: lower it .*CUDA_VISIBLE",
    ),
    "another backend": ({"backend": "numpy"}, "gpus needs the backend cupy, and this is numpy"),
    "threads": ({"workers": 2}, r"leave out workers \(--workers\)"),
    "layers": ({"step": "layered"}, "the layered step is trained on one device: give gpus=1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_several_devices_cannot_do_is_refused(name: str, corpus: Corpus, gpus: Any) -> None:
    options, text = REFUSED[name]
    with pytest.raises(EmbedlayerError, match=text):
        Training(corpus, SKIPGRAM, **{"backend": "cupy", "gpus": 2, **options})


def test_models_that_one_device_trains_are_told(corpus: Corpus, gpus: Any) -> None:
    grams = SkipGram(dim=8, subwords=Subwords(2, 4, buckets=90))
    with pytest.raises(EmbedlayerError, match=r"n-grams \(--subwords\).*give gpus=1"):
        Training(corpus, grams, backend="cupy", gpus=2)
    learnt = Training(corpus, SKIPGRAM, backend="cupy", epochs=1, keep_output=True).run()
    options: dict[str, Any] = {"backend": "cupy", "gpus": 2}
    with pytest.raises(EmbedlayerError, match="unless --old-rate 1"):
        Training.from_vectors(learnt, corpus, **options)
    Training.from_vectors(learnt, corpus, old_rates=1.0, epochs=1, **options).run()


def test_without_nccl_one_line_names_what_to_install(
    corpus: Corpus, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nccl, "available", False)
    with pytest.raises(EmbedlayerError, match=r"need NCCL.*: pip install nvidia-nccl-cu13"):
        Training(corpus, SKIPGRAM, backend="cupy", gpus=2)
    Training(corpus, SKIPGRAM, backend="cupy", gpus=1)


def test_the_command_line_trains_on_several(
    gpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "out.safetensors"
    text.write_text("\n".join(map(" ".join, planted_sentences(60))))
    options = ("--dim", 8, "--sample", 0, "--epochs", 1, "--min-count", 1)
    run("train", text, "-o", out, "--backend", "cupy", "--gpus", 2, *options)
    assert np.isfinite(Vectors.load(out).matrix).all()
    line = mistake("train", text, "-o", out, "--backend", "numpy", "--gpus", 2, *options)
    assert "gpus needs the backend cupy, and this is numpy" in line
    line = mistake("train", text, "-o", out, "--scheduler", "local", "--gpus", 2, *options)
    assert "--gpus has no effect with --scheduler" in line
