"""``train --checkpoint`` and ``--resume``: what is asked for, what has to agree, how it is told."""

import os
import signal
import time
from unittest.mock import Mock

import pytest
from command import mistake, run
from planted import planted_sentences

from embedlayer.cli.signals import TOLD, Stopped, Stopping
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.locks import locked
from embedlayer.training.checkpoint import LOCK, CheckpointFolder, read_checkpoint
from embedlayer.vectors.files import beside
from embedlayer.vectors.vectors import Vectors

OPTIONS = ["--dim", "8", "--min-count", "1", "--workers", "1", "--sample", "0", "--quiet"]


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A run that has ended, whose checkpoint is in ``kept``."""
    monkeypatch.chdir(tmp_path)
    lines = (" ".join(words) for words in planted_sentences(100))
    (tmp_path / "text.txt").write_text("\n".join(lines))
    run("train", "text.txt", "-o", "out.vec", *OPTIONS, "--checkpoint", "kept", "--epochs", 2)
    return tmp_path


def test_the_command_is_kept_with_paths_that_hold_anywhere(begun):
    notes = read_checkpoint("kept").about["notes"]
    assert notes["texts"] == [str(begun / "text.txt")]
    assert notes["output"] == str(begun / "out.vec")
    assert notes["given"] == {"dim": 8, "min_count": 1, "workers": 1, "sample": 0.0, "epochs": 2}


def test_what_agrees_may_be_given_again_and_what_is_free_may_change(begun):
    before = (begun / "out.vec").read_bytes()
    (begun / "out.vec").unlink()
    again = ["--epochs", 2, "--dim", 8, "--window", 5, "--max-sentence", 1000, "--backend", "numpy"]
    run("train", "text.txt", "-o", "out.vec", "--resume", "kept", "--quiet", *again)
    assert (begun / "out.vec").read_bytes() == before


def test_a_text_that_has_moved_is_named_again(begun):
    (begun / "text.txt").rename(begun / "moved.txt")
    assert "text.txt" in mistake("train", "--resume", "kept", "--quiet")
    run("train", "moved.txt", "--resume", "kept", "--quiet")
    (begun / "moved.txt").write_text("another text " * 100)
    told = mistake("train", "moved.txt", "--resume", "kept", "--quiet")
    assert "this is not the corpus of the checkpoint" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--resume", "kept", "--dim", "9"], "--dim 9 is not the run's, 8"),
        (["--resume", "kept", "--model", "cbow"], "--model cbow is not the run's, skipgram"),
        (["--resume", "kept", "--lr", "0.1"], "--lr 0.1 is not the run's, 0.025"),
        (["--resume", "kept", "-o", "b.vec"], "-o b.vec is not the run's output"),
        (["--resume", "kept", "--format", "glove"], "--format glove is not the run's, which the"),
        (["text.txt", "-o", "b.vec", "--checkpoint", "s3://b"], "'s3://b': give a folder of this"),
        (["--resume", "kept", "--checkpoint", "b"], "no --checkpoint"),
        (["--resume", "absent"], "there is no checkpoint in absent"),
        (["text.txt", "-o", "b.vec", "--checkpoint", "kept"], "holds the checkpoints of a run"),
        (["text.txt", "-o", "b.vec", "--checkpoint-every", "1m"], "no effect without --checkpoint"),
        (
            ["text.txt", "-o", "b.vec", "--checkpoint", "b", "--checkpoint-every", "soon"],
            "'soon' is no time",
        ),
        (["text.txt", "-o", "b.vec", "--checkpoint", "text.txt/b"], "no checkpoints in text.txt/b"),
        (["text.txt"], "Missing option '-o'"),
        (["-o", "b.vec"], "Missing argument 'TEXT...'"),
    ],
)
def test_mistakes(begun, arguments, told):
    assert told in mistake("train", *arguments)
    assert not (begun / "b.vec").exists()


def test_a_run_of_python_is_resumed_there(begun):
    from embedlayer import Corpus, Training

    corpus = Corpus.from_files("text.txt", min_count=1)
    Training(corpus, epochs=1, checkpoint="other").run(until=0)
    assert "Training.resume" in mistake("train", "--resume", "other")


def test_an_output_that_exists_is_told_before_it_is_replaced(begun):
    told = run("train", "text.txt", "-o", "out.vec", *OPTIONS[:-1]).stderr
    assert "out.vec exists: the new vectors will replace it when they are learnt" in told


def test_a_run_that_diverges_ends_with_2_and_leaves_the_output(begun):
    before = (begun / "out.vec").read_bytes()
    told = run(
        "train", "text.txt", "-o", "out.vec", *OPTIONS[:-1], "--lr", "500", "--epochs", 30, code=2
    ).stderr
    assert "training diverged: " in told
    assert (begun / "out.vec").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a/out.vec", "a/out.interrupted.vec"),
        ("out.vec.gz", "out.interrupted.vec.gz"),
        ("out", "out.interrupted"),
        ("v1.2", "v1.interrupted.2"),
        ("Out.BIN", "Out.interrupted.BIN"),
    ],
)
def test_the_name_beside_an_output_promises_the_same_format(tmp_path, path, wanted):
    assert beside(str(tmp_path / path), "interrupted") == str(tmp_path / wanted)


def raise_signal(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.mark.parametrize("number", TOLD)
def test_a_signal_waits_until_it_is_looked_for(number):
    before, done = signal.getsignal(number), []

    def work():
        with Stopping() as stopping:
            stopping.look()
            raise_signal(number)
            done.append("all of it")
            stopping.look()
            done.append("too much")

    with pytest.raises(Stopped) as stopped:
        work()
    assert (stopped.value.number, done) == (number, ["all of it"])
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stopping() as stopping:
            raise_signal(signal.SIGINT)
            stopping.look()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_signal_waits_for_nothing(monkeypatch, capfd):
    def ended(code):
        raise SystemExit(code)  # as the real one, no line of the block comes after it

    monkeypatch.setattr(os, "_exit", ended)

    def work():
        with Stopping():
            raise_signal(signal.SIGTERM)
            raise_signal(signal.SIGINT)

    with pytest.raises(SystemExit) as end:
        work()
    assert end.value.code == 128 + signal.SIGINT
    assert capfd.readouterr().err == "embedlayer: interrupted\n"


@pytest.fixture
def stopping(begun, monkeypatch):
    """A function that makes a run of the command be stopped by a signal as soon as it trains."""

    def stop(number, *arguments, stdin=None):
        def tick(self, progress):
            raise_signal(number)

        monkeypatch.setattr("embedlayer.cli.run.TrainingProgress.__call__", tick)
        monkeypatch.setattr("embedlayer.training.epoch.TICK_SECONDS", 0.001)
        told = run("train", *arguments, *OPTIONS[:-1], code=128 + number, stdin=stdin).stderr
        monkeypatch.undo()
        monkeypatch.chdir(begun)
        return told

    return stop


def test_a_stopped_run_goes_on_to_the_same_file(begun, stopping):
    saving = ["--checkpoint", "c", "--epochs", 2]
    told = stopping(signal.SIGTERM, "text.txt", "-o", "b.vec", *saving)
    assert "what was learnt so far: b.interrupted.vec\n" in told
    assert told.endswith("to go on: embedlayer train --resume c\nembedlayer: terminated\n")
    run("train", "--resume", "c", "--no-cache", "--quiet")
    assert (begun / "b.vec").read_bytes() == (begun / "out.vec").read_bytes()


def test_no_way_to_go_on_is_told_where_none_was_kept(begun, stopping, monkeypatch):
    monkeypatch.setattr(
        "embedlayer.training.checkpoint.write_tensors", Mock(side_effect=OSError(28, "No space"))
    )
    told = stopping(signal.SIGTERM, "text.txt", "-o", "b.vec", "--checkpoint", "c")
    assert "no checkpoint could be written to c: No space" in told
    assert "to go on" not in told


def test_standard_input_has_to_be_given_again(begun, stopping):
    text = (begun / "text.txt").read_bytes()
    saving = ["--checkpoint", "c", "--epochs", 2]
    told = stopping(signal.SIGTERM, "-", "-o", "b.vec", *saving, stdin=text)
    assert "to go on: embedlayer train - --resume c\n" in told
    assert "read standard input: give its text again" in mistake("train", "--resume", "c")
    run("train", "-", "--resume", "c", "--quiet", stdin=text)
    assert (begun / "b.vec").read_bytes() == (begun / "out.vec").read_bytes()


@pytest.mark.parametrize("named", ["texts", "texts/*.txt", "*/text.txt"])
def test_files_that_come_later_are_no_part_of_the_run(begun, stopping, named, monkeypatch):
    folder = begun / "[odd] ü"
    (folder / "texts").mkdir(parents=True)
    (begun / "text.txt").rename(folder / "texts" / "text.txt")
    monkeypatch.chdir(folder)
    saving = ["--checkpoint", "texts/kept", "--epochs", 2]
    stopping(signal.SIGTERM, named, "-o", "texts/b.vec", *saving)
    (folder / "texts" / "more.txt").write_text("more words")
    run("train", "--resume", folder / "texts" / "kept", "--quiet")
    assert (folder / "texts" / "b.vec").read_bytes() == (begun / "out.vec").read_bytes()


def test_a_folder_of_checkpoints_by_way_of_a_link_and_of_home(begun, monkeypatch):
    monkeypatch.setenv("HOME", str(begun))
    (begun / "link").symlink_to("kept")
    for name in ("link", "~/kept", begun / "kept" / ".." / "kept"):
        run("train", "--resume", name, "--quiet")


def test_a_run_that_is_under_way_is_not_resumed(begun):
    with locked(begun / "kept" / LOCK):
        told = mistake("train", "--resume", "kept")
    assert (
        told
        == "another run writes its checkpoints to kept: wait for its end, or name another folder"
    )


def test_a_folder_that_cannot_be_written_keeps_no_checkpoints(begun, monkeypatch):
    monkeypatch.setattr(
        "embedlayer.storage.writing.tempfile.TemporaryFile",
        Mock(side_effect=OSError(30, "Read-only file system")),
    )
    with pytest.raises(EmbedlayerError, match="Read-only file system"):
        CheckpointFolder("kept", begun / "kept" / "checkpoint-00000001")


def test_a_signal_while_the_vectors_are_saved_lets_them_be_saved(begun, monkeypatch):
    wanted, save = (begun / "out.vec").read_bytes(), Vectors.save

    def interrupted(*arguments):
        raise_signal(signal.SIGTERM)
        save(*arguments)

    monkeypatch.setattr(Vectors, "save", interrupted)
    told = run("train", "text.txt", "-o", "b.vec", *OPTIONS, "--epochs", 2, code=143).stderr
    assert told == "all is learnt, and in b.vec\nembedlayer: terminated\n"
    assert (begun / "b.vec").read_bytes() == wanted
