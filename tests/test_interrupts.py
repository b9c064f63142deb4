"""What an interrupt, a full disk or a second run may meet on its way, and what is left then."""

import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from planted import planted_sentences
from runs import Stop

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import SkipGram
from embedlayer.storage.tensors import write_tensors
from embedlayer.text.corpus import Corpus
from embedlayer.training import epoch as epochs
from embedlayer.training.checkpoint import STATE, read_checkpoint
from embedlayer.training.health import Diverged
from embedlayer.training.run import Training
from embedlayer.training.train import train

MODEL = SkipGram(dim=8, sample=0.01)
ONE = {"epochs": 2, "workers": 1, "measure": 1}


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


@pytest.fixture(scope="module")
def wanted(corpus):
    """What a run that nothing disturbs learns."""
    return Training(corpus, MODEL, **ONE).run().matrix


@pytest.fixture(autouse=True)
def _many_ticks(monkeypatch):
    monkeypatch.setattr("embedlayer.training.epoch.TICK_SECONDS", 0.001)


@pytest.fixture
def ctrl_c():
    """A function that is Ctrl-C; where tests run in the background it would be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def stop(progress):
    raise Stop


def stopped(corpus, folder, **options):
    with pytest.raises(Stop):
        Training(corpus, MODEL, checkpoint=folder, callbacks=[stop], **ONE | options).run()
    return folder


def test_a_checkpoint_is_no_end_of_an_epoch(tmp_path, corpus):
    told = []
    tell = [lambda progress: told.append(progress.epoch) if progress.epoch_done else None]
    saving = {"checkpoint": tmp_path / "c", "checkpoint_every": 0}
    training = Training(corpus, MODEL, callbacks=tell, **ONE | saving)
    training.run()
    assert training.state.epoch == 2
    assert told == [0, 1]


def test_ctrl_c_again_and_again_waits_for_the_chunks_under_way(
    tmp_path, corpus, wanted, monkeypatch
):
    """Each wait for the workers is interrupted, twice; the state is noted when all are done."""
    waited = []

    def wait(working, timeout=None, *how):
        if timeout is None and len(waited) < 2:
            waited.append(len(working))
            raise KeyboardInterrupt
        return real(working, timeout, *how)

    real = epochs.wait
    monkeypatch.setattr(epochs, "wait", wait)
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", callbacks=[stop], **ONE)
    train_chunk, stand, under_way = training._train, training._stand, []

    def slowly(*chunk):
        under_way.append(chunk)
        time.sleep(0.05)
        train_chunk(*chunk)
        under_way.pop()

    def at_rest(epoch):
        assert not under_way
        stand(epoch)

    monkeypatch.setattr(training, "_train", slowly)
    monkeypatch.setattr(training, "_stand", at_rest)
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert waited == [1, 1]
    found = read_checkpoint(tmp_path / "c").state
    assert 0 < found.chunk == training.state.chunk
    np.testing.assert_array_equal(Training.resume(tmp_path / "c", corpus).run().matrix, wanted)


def test_ctrl_c_while_a_checkpoint_is_written_lets_it_be_written(
    tmp_path, corpus, wanted, monkeypatch, ctrl_c
):
    def interrupted(*arguments):
        ctrl_c()
        time.sleep(0.05)
        write_tensors(*arguments)

    monkeypatch.setattr("embedlayer.training.checkpoint.write_tensors", interrupted)
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE)
    with pytest.raises(KeyboardInterrupt):
        training.run(until=1)
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "c").state.epoch == 1
    np.testing.assert_array_equal(Training.resume(tmp_path / "c", corpus).run().matrix, wanted)


def test_a_run_that_is_stopped_leaves_no_checkpoint_of_wrong_numbers(tmp_path, corpus):
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE)
    training.run(until=1)

    def spoil(progress):  # when the loss of this moment has been looked at
        training.state.tables.W_in[0, 0] = np.nan
        raise Stop

    training.callbacks = (spoil,)
    with pytest.raises(Diverged):
        training.run()
    good = read_checkpoint(tmp_path / "c").state
    assert good.epoch == 1
    assert np.isfinite(good.tables.W_in).all()


WRITES = [(os, "fsync"), (os, "replace"), (Path, "mkdir"), (Path, "write_text"), (Path, "chmod")]


@pytest.mark.parametrize("number", range(12))
def test_a_disk_that_fails_at_any_step_of_a_checkpoint_costs_that_one(
    tmp_path, corpus, wanted, monkeypatch, caplog, number
):
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE)
    training.run(until=1)
    steps = []

    def counted(function):
        def step(*arguments, **options):
            if "checkpoint-" not in str(arguments) and not isinstance(arguments[0], int):
                return function(*arguments, **options)  # of the lock
            steps.append(function.__name__)
            if len(steps) == number + 1:
                raise OSError(28, "No space left on device")
            return function(*arguments, **options)

        return step

    for owner, name in WRITES:
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    np.testing.assert_array_equal(training.run().matrix, wanted)
    monkeypatch.undo()
    assert len(steps) > number
    (record,) = caplog.records
    assert record.message.startswith(f"no checkpoint could be written to {tmp_path / 'c'}: ")
    assert record.message.endswith("No space left on device")
    assert read_checkpoint(tmp_path / "c").state.epoch >= 1
    assert not list((tmp_path / "c").glob(".*.checkpoint-*"))


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (lambda *_: shutil.rmtree(Path("c")), "no such folder to write to"),
        (Mock(side_effect=MemoryError), "not enough memory"),
    ],
    ids=["its folder is removed", "memory"],
)
def test_a_checkpoint_that_fails_ends_no_run(
    tmp_path, corpus, wanted, monkeypatch, caplog, failing, told
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("embedlayer.training.checkpoint.write_tensors", failing)
    training = Training(corpus, MODEL, checkpoint="c", **ONE)
    np.testing.assert_array_equal(training.run().matrix, wanted)
    (record,) = caplog.records
    assert record.message.startswith("no checkpoint could be written to c: ")
    assert record.message.endswith(told)


def test_beside_a_damaged_checkpoint_the_whole_one_is_kept(tmp_path, corpus):
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE | {"epochs": 4})
    training.run(until=1)
    training.run(until=2)
    (tmp_path / "c" / "checkpoint-00000002" / STATE).unlink()
    Training.resume(tmp_path / "c", corpus).run(until=3)
    assert {path.name for path in (tmp_path / "c").glob("checkpoint-*")} == {
        "checkpoint-00000001",
        "checkpoint-00000003",
    }


class Killed(BaseException):
    """What ends a writer in a test, as a kill would."""


def test_a_kill_while_old_checkpoints_are_removed(tmp_path, corpus, wanted, monkeypatch):
    training = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE | {"epochs": 4})
    whole = Training(corpus, MODEL, **ONE | {"epochs": 4}).run().matrix
    training.run(until=1)
    training.run(until=2)

    def killed(folder, **_):
        next(folder.iterdir()).unlink()
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr(shutil, "rmtree", killed)
        with pytest.raises(Killed):
            training.run(until=3)
    assert read_checkpoint(tmp_path / "c").state.epoch == 3
    np.testing.assert_array_equal(Training.resume(tmp_path / "c", corpus).run().matrix, whole)
    assert len(list((tmp_path / "c").glob("checkpoint-*"))) == 2


def test_damage_while_the_run_goes_on_is_made_good_by_the_next(tmp_path, corpus, wanted):
    damaged = []

    def damage(_):
        for path in tmp_path.glob("c/checkpoint-*/*.safetensors"):
            path.write_bytes(b"?")
            damaged.append(path)

    options = {"checkpoint": tmp_path / "c", "checkpoint_every": 0, "callbacks": [damage]}
    np.testing.assert_array_equal(Training(corpus, MODEL, **ONE | options).run().matrix, wanted)
    assert damaged  # at the end of the second epoch, if not before
    found = read_checkpoint(tmp_path / "c").state
    np.testing.assert_array_equal(found.tables.W_in[:, :8], wanted)


def test_what_another_run_has_written_since_is_not_written_over(tmp_path, corpus):
    first = Training(corpus, MODEL, checkpoint=tmp_path / "c", **ONE)
    first.run(until=1)
    Training.resume(tmp_path / "c", corpus).run()
    with pytest.raises(EmbedlayerError, match="another run has written checkpoints to"):
        first.run()
    assert read_checkpoint(tmp_path / "c").state.epoch == 2


def test_a_state_of_ones_own_does_not_write_over_another_run(tmp_path, corpus):
    folder = stopped(corpus, tmp_path / "c")
    state = Training(corpus, MODEL, **ONE).state
    with pytest.raises(EmbedlayerError, match="holds the checkpoints of a run"):
        Training(corpus, MODEL, state=state, checkpoint=folder, **ONE)


@pytest.mark.parametrize("folder", [5, b"c", "s3://bucket/c"])
def test_what_is_no_folder_of_this_machine(tmp_path, monkeypatch, corpus, folder):
    monkeypatch.chdir(tmp_path)
    for begin in (
        lambda: Training(corpus, checkpoint=folder),
        lambda: train("t", checkpoint=folder),
    ):
        with pytest.raises(EmbedlayerError, match=f"checkpoint is {folder!r}: give a folder of"):
            begin()
    assert not list(tmp_path.iterdir())


def test_the_checkpoints_of_a_run_stay_where_they_are(tmp_path, corpus):
    folder = stopped(corpus, tmp_path / "c")
    with pytest.raises(EmbedlayerError, match="keeps its checkpoints where they are"):
        Training.resume(folder, corpus, checkpoint=tmp_path / "d")


def test_what_the_environment_chose_is_kept(tmp_path, corpus, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_KERNELS", "reference")
    whole = Training(corpus, MODEL, **ONE).run().matrix
    folder = stopped(corpus, tmp_path / "c", checkpoint_every=7)
    monkeypatch.delenv("EMBEDLAYER_KERNELS")
    training = Training.resume(folder, corpus)
    np.testing.assert_array_equal(training.run().matrix, whole)
    assert read_checkpoint(folder).about["checkpoint_every"] == 7


def test_of_two_threads_that_resume_a_run_one_does(tmp_path, corpus, wanted):
    folder, both = stopped(corpus, tmp_path / "c"), threading.Barrier(2)

    def resume(_):
        try:
            both.wait(10)
            return Training.resume(folder, corpus).run().matrix
        except EmbedlayerError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        told, learnt = sorted(
            pool.map(resume, range(2)), key=lambda found: not isinstance(found, str)
        )
    assert "another run" in told or "damaged" in told
    np.testing.assert_array_equal(learnt, wanted)


def test_two_threads_train_and_ask_at_once(corpus, wanted):
    def learn(_):
        return Training(corpus, MODEL, **ONE).run()

    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(learn, range(2)):
            np.testing.assert_array_equal(vectors.matrix, wanted)
        words = vectors.words[:8]
        alone = [learn(0).nearest(word) for word in words]
        assert list(pool.map(vectors.nearest, words)) == alone
