"""Checkpoints: whole at any moment, they lead to the result of a run that never stopped."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from planted import planted_sentences
from runs import RUNS, Stop

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import SkipGram
from embedlayer.storage import manifest
from embedlayer.text.corpus import Corpus
from embedlayer.training.checkpoint import MANIFEST, STATE, VOCABULARY, read_checkpoint
from embedlayer.training.health import Diverged
from embedlayer.training.run import Training
from embedlayer.training.train import train

ONE = {"epochs": 2, "workers": 1, "measure": 1}


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


def stop(progress):
    """A callback that stops its run, wherever that is when it is called first."""
    raise Stop


def stopped(corpus, model, folder, **options):
    """The folder of a run that was stopped."""
    with pytest.raises(Stop):
        Training(corpus, model, checkpoint=folder, callbacks=[stop], **ONE | options).run()
    return folder


@pytest.fixture(autouse=True)
def _many_ticks(monkeypatch):
    monkeypatch.setattr("embedlayer.training.epoch.TICK_SECONDS", 0.001)


@pytest.mark.parametrize("every", [0, 300])
@pytest.mark.parametrize(("model", "options"), RUNS.values(), ids=RUNS)
def test_a_run_that_is_resumed_gives_the_bytes_of_one_that_never_stopped(
    tmp_path, corpus, model, options, every
):
    whole = Training(corpus, model, **ONE | options)
    wanted = whole.run()
    folder = stopped(corpus, model, tmp_path / "c", checkpoint_every=every, **options)
    first = read_checkpoint(folder).state
    assert (first.epoch, first.chunk) < (2, 0)
    training = Training.resume(folder, corpus, checkpoint_every=every)
    np.testing.assert_array_equal(training.run().matrix, wanted.matrix)
    assert training.report.loss == whole.report.loss
    assert training.report.tokens_trained == whole.report.tokens_trained
    assert read_checkpoint(folder).state.epoch == 2
    assert len(list(folder.glob("checkpoint-*"))) <= 2


def test_with_other_workers_the_same_examples_are_trained(tmp_path, corpus):
    model = SkipGram(dim=16, sample=0.01)
    whole = Training(corpus, model, **ONE)
    whole.run()
    folder = stopped(corpus, model, tmp_path / "c", checkpoint_every=0, workers=3)
    other = Training.resume(folder, corpus, workers=2)
    other.run()
    assert other.report.tokens_trained == whole.report.tokens_trained
    assert other.report.tokens_subsampled == whole.report.tokens_subsampled
    np.testing.assert_allclose(other.report.loss, whole.report.loss, rtol=0.1)


@pytest.mark.usefixtures("cupy")
def test_the_backend_may_change(tmp_path, corpus):
    model, options = SkipGram(dim=8, sample=0.0), {"step": "layered", "optimizer": "adam"}
    wanted = Training(corpus, model, backend="numpy", **ONE | options).run()
    folder = stopped(corpus, model, tmp_path / "c", backend="numpy", **options)
    there = Training.resume(folder, corpus, backend="cupy").run()
    np.testing.assert_allclose(there.matrix, wanted.matrix, rtol=1e-3, atol=1e-5)


def test_three_epochs_and_then_two_are_five(tmp_path, corpus):
    model, options = SkipGram(dim=16), {"epochs": 5, "workers": 1}
    wanted = Training(corpus, model, **options).run()
    first = Training(corpus, model, checkpoint=tmp_path / "c", **options)
    assert not np.array_equal(first.run(until=3).matrix, wanted.matrix)
    assert len(first.report.loss) == 3
    shutil.copytree(tmp_path / "c", tmp_path / "d")
    resumed = Training.resume(tmp_path / "d", corpus)
    np.testing.assert_array_equal(resumed.run().matrix, wanted.matrix)
    np.testing.assert_array_equal(first.run().matrix, wanted.matrix)


DAMAGE = {
    "a flipped bit of the arrays": lambda folder: flip(folder / STATE),
    "a flipped bit of the words": lambda folder: flip(folder / VOCABULARY),
    "a flipped bit of the manifest": lambda folder: flip(folder / MANIFEST),
    "arrays cut off": lambda folder: os.truncate(folder / STATE, 1000),
    "no arrays": lambda folder: (folder / STATE).unlink(),
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "nothing": lambda folder: [file.unlink() for file in folder.iterdir()],
    "a later version": lambda folder: rewrite(folder, version=99),
}


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def rewrite(folder, **changes):
    about = manifest.read_manifest(folder / MANIFEST)
    manifest.write_manifest(folder / MANIFEST, about | changes)


@pytest.fixture
def two(tmp_path, corpus):
    """A folder with two checkpoints, and the bytes that its run ends with."""
    model = SkipGram(dim=8)
    folder = tmp_path / "c"
    training = Training(corpus, model, checkpoint=folder, **ONE)
    training.run(until=1)
    wanted = Training.resume(folder, corpus).run().matrix
    assert [path.name for path in sorted(folder.glob("checkpoint-*"))] == [
        "checkpoint-00000001",
        "checkpoint-00000002",
    ]
    return folder, wanted


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_where_the_newest_is_damaged_the_one_before_it_is_used(two, corpus, damage, caplog):
    folder, wanted = two
    newest = folder / "checkpoint-00000002"
    damage(newest)
    training = Training.resume(folder, corpus)
    (record,) = caplog.records
    assert record.message.startswith(f"{newest} is damaged (")
    assert training.state.epoch == 1
    np.testing.assert_array_equal(training.run().matrix, wanted)


def test_where_all_are_damaged_that_is_said(two, corpus):
    folder, _ = two
    for path in folder.glob("checkpoint-*"):
        flip(path / STATE)
    with pytest.raises(EmbedlayerError, match=r"each of the 2 checkpoints in .* is damaged"):
        Training.resume(folder, corpus)
    shutil.rmtree(folder)
    with pytest.raises(EmbedlayerError, match="there is no checkpoint in"):
        Training.resume(folder, corpus)


@pytest.mark.parametrize(
    ("made", "difference"),
    [
        (lambda: Corpus.from_sentences(planted_sentences(299), min_count=1), r"tokens \("),
        (lambda: reordered(), "differs in their ids"),
        (lambda: renamed(), "differs in the vocabulary"),
    ],
)
def test_another_corpus_is_refused_with_what_differs(two, made, difference):
    with pytest.raises(EmbedlayerError, match=difference):
        Training.resume(two[0], made())


def reordered():
    sentences = planted_sentences(300)
    return Corpus.from_sentences([*sentences[1:], sentences[0]], min_count=1)


def renamed():
    sentences = [[word.upper() for word in words] for words in planted_sentences(300)]
    return Corpus.from_sentences(sentences, min_count=1)


@pytest.mark.parametrize(
    ("option", "value"), [("epochs", 3), ("seed", 2), ("lr", 0.1), ("step", "layered")]
)
def test_another_option_is_refused(two, corpus, option, value):
    with pytest.raises(EmbedlayerError, match=f"{option} is {value!r}, but .* in the checkpoint"):
        Training.resume(two[0], corpus, **{option: value})


def test_a_new_run_does_not_write_over_another(two, corpus):
    with pytest.raises(EmbedlayerError, match="holds the checkpoints of a run"):
        Training(corpus, SkipGram(dim=8), checkpoint=two[0])
    with pytest.raises(EmbedlayerError, match="holds the checkpoints of a run"):
        train("absent.txt", checkpoint=two[0])


def test_two_runs_do_not_share_a_folder(tmp_path, corpus):
    told = []

    def again(_):
        with pytest.raises(EmbedlayerError, match="another run writes its checkpoints") as error:
            Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c").run()
        told.append(str(error.value))

    Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c", callbacks=[again], **ONE).run()
    assert told


class Killed(BaseException):
    """What ends a writer in a test, as a kill would."""


@pytest.mark.parametrize("number", range(16))
def test_a_kill_at_any_step_of_writing_leaves_a_whole_checkpoint(
    tmp_path, corpus, monkeypatch, number
):
    """The writer is ended before the n-th of its system calls; nothing is tidied up after it."""
    training = Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c", **ONE)
    training.run(until=1)
    before = read_checkpoint(tmp_path / "c").state.tables.W_in.copy()
    steps = []

    def counted(function):
        def step(*arguments, **options):
            steps.append(function.__name__)
            if len(steps) == number + 1:
                raise Killed
            return function(*arguments, **options)

        return step

    for owner, name in (
        (os, "fsync"),
        (os, "replace"),
        (Path, "rename"),
        (Path, "write_text"),
        (Path, "touch"),
        (Path, "chmod"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # a killed process removes nothing
    try:
        training.run()
    except Killed:
        assert len(steps) == number + 1
    else:
        assert len(steps) <= number  # all of them were tried
    monkeypatch.undo()
    found = read_checkpoint(tmp_path / "c").state
    if found.epoch == 1:
        np.testing.assert_array_equal(found.tables.W_in, before)
    resumed = Training.resume(tmp_path / "c", corpus).run()
    assert not list((tmp_path / "c").glob(".*.checkpoint-*"))
    wanted = Training(corpus, SkipGram(dim=8), **ONE).run()
    np.testing.assert_array_equal(resumed.matrix, wanted.matrix)


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(tmp_path, corpus, monkeypatch, caplog):
    training = Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c", **ONE)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embedlayer.training.checkpoint.write_tensors", full)
    assert len(training.run()) == len(corpus.vocabulary)
    (record,) = caplog.records
    assert "no checkpoint could be written" in record.message
    assert "No space left on device" in record.message


def test_a_worker_that_fails_leaves_the_checkpoint_before_it(tmp_path, corpus, monkeypatch):
    training = Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c", **ONE)
    training.run(until=1)
    before = sorted((tmp_path / "c").iterdir())
    monkeypatch.setattr(training, "_train", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.run()
    assert sorted((tmp_path / "c").iterdir()) == before


def test_a_run_that_diverges_keeps_the_last_good_checkpoint(tmp_path, corpus):
    training = Training(corpus, SkipGram(dim=8), checkpoint=tmp_path / "c", **ONE)
    training.run(until=1)
    training.state.tables.W_in[0, 0] = np.nan
    with pytest.raises(Diverged):
        training.run()
    good = read_checkpoint(tmp_path / "c").state
    assert good.epoch == 1
    assert np.isfinite(good.tables.W_in).all()
