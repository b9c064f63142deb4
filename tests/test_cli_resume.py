"""``train --checkpoint`` and ``--resume``: what is asked for, what has to agree, how it is told."""

import os
import signal
import time

import pytest
from command import mistake, run
from planted import planted_sentences

from embedlayer.cli.signals import TOLD, Stopped, Stopping
from embedlayer.training.checkpoint import read_checkpoint
from embedlayer.vectors.files import beside

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
