"""Progress: a bar on a terminal, elsewhere a line now and then."""

import fcntl
import io
import math
import os
import re
import signal
import struct
import termios
from contextlib import suppress

import pytest
from planted import planted_sentences

from embedlayer.cli.progress import ReadingProgress, TrainingProgress, quantity
from embedlayer.cli.run import run_training
from embedlayer.cli.signals import Stopped, Stopping
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.report import Progress
from embedlayer.training.run import Training


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at(tokens, loss=0.25):
    return Progress(
        epoch=0,
        epochs=2,
        epoch_done=False,
        tokens=tokens,
        tokens_total=4_000_000,
        seconds=2.0,
        lr=0.0125,
        loss=loss,
        vectors=lambda: None,
    )


def test_a_line_of_training():
    stream = io.StringIO()
    TrainingProgress(stream, every=0)(at(1_000_000))
    assert stream.getvalue() == (
        "training: 25 % of 4M tokens, 500k words/s, loss 0.2500, lr 0.01250, 6 s left\n"
    )


def test_a_line_before_any_loss_and_any_token():
    stream = io.StringIO()
    TrainingProgress(stream, every=0)(at(0, math.nan))
    assert "0 % of 4M tokens, 0 words/s, loss -," in stream.getvalue()


def test_lines_of_reading():
    stream = io.StringIO()
    with ReadingProgress(stream, every=0) as progress:
        progress(3_000_000, 4_000_000)
        progress(5_000, None)
    known, unknown = stream.getvalue().splitlines()
    assert known.startswith("reading: 75 % of 4MB, ")
    assert known.endswith("B/s")
    assert unknown.startswith("reading: 5kB, ")


def test_lines_come_no_more_often_than_asked():
    stream = io.StringIO()
    progress = TrainingProgress(stream, every=3600)
    for tokens in range(10):
        progress(at(tokens))
    assert stream.getvalue() == ""


def test_bars_on_a_terminal():
    stream = Terminal()
    with TrainingProgress(stream) as progress:
        progress(at(1_000_000))
        progress(at(2_000_000))
    shown = stream.getvalue().split("\r")[-1]
    assert "training  50%|" in shown
    assert "1M words/s, loss 0.2500]" in shown
    assert shown.endswith("\n")

    stream = Terminal()
    with ReadingProgress(stream) as progress:
        progress(1_000_000, 4_000_000)
        progress(4_000_000, 4_000_000)
    assert "reading  100%|" in stream.getvalue()
    assert "4.00M/4.00M" in stream.getvalue()


@pytest.mark.parametrize(
    ("columns", "training", "reading"),
    [
        (1, r"training  50%\|█+. +\| \[.*, 1M words/s, loss 0.2500\]$", r"25%\|█+.? .*1.00M/4.0"),
        (0, r"training  50%\|█+. +\| \[.*, 1M words/s, loss 0.2500\]$", r"25%\|█+.? .*1.00M/4.0"),
        (2, r"", r""),
        (40, r" 50% \[.*, 1M words/s, loss 0.2500\]$", r"reading   25% \["),
        (80, r"training  50%\|█+. +\| \[.*, 1M words/s, loss 0.2500\]$", r"25%\|█+.? .*1.00M/4.0"),
        (120, r"50%\|█+. +\| 2.00M/4.00M .* loss 0.2500, lr 0.01250\]$", r"25%\|█+.? .*1.00M/4.0"),
    ],
)
def test_a_bar_fits_its_terminal(columns, training, reading):
    terminal, ours = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 25, columns, 0, 0))
    with open(ours, "w", encoding="utf-8") as stream:
        with TrainingProgress(stream) as progress:
            progress(at(2_000_000))
        with ReadingProgress(stream) as progress:
            progress(1_000_000, 4_000_000)
    written = b""
    with suppress(OSError):  # a terminal that nobody writes to any more has no end but this
        while part := os.read(terminal, 1 << 16):  # it comes when the system finds time
            written += part
    os.close(terminal)
    lines = re.split(r"[\r\n]+", written.decode())
    assert max(map(len, lines)) <= (columns if columns > 1 else 80)  # such widths mean: unknown
    assert any(re.search(training, line) for line in lines), lines
    assert any(re.search(reading, line) for line in lines), lines


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_reading_and_training_tell_their_progress(tmp_path, stream):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(300))))
    with ReadingProgress(stream, every=0) as reading:
        corpus = Corpus.from_files(path, progress=reading, cache=False)
    assert "100" in stream.getvalue()
    callback = TrainingProgress(stream, every=0)
    Training(corpus, SkipGram(dim=8), epochs=2, workers=1, callbacks=[callback]).run()
    end = stream.getvalue()
    assert callback.bar is None  # the last word closes the bar
    assert end.endswith("\n")
    assert "training 100%|" in end or "100 % of 7.2k tokens" in end


def test_what_a_stopped_run_tells_begins_a_line_below_its_bar(tmp_path, monkeypatch):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(map(" ".join, planted_sentences(300))))
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)

    def stop(stopping, progress=None):
        if progress is not None and progress.epoch_done:
            raise Stopped(signal.SIGINT)

    monkeypatch.setattr(Stopping, "look", stop)
    with pytest.raises(Stopped):
        run_training(
            lambda reading: Corpus.from_files(text, progress=reading, cache=False),
            SkipGram(dim=8), str(tmp_path / "out.vec"), None, epochs=2, workers=1,
        )  # fmt: skip
    assert "\nstopped in epoch " in stream.getvalue()
    assert "training" not in stream.getvalue().split("stopped in epoch")[1]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (7, "7"), (999, "999"), (999.6, "1k"), (12_345, "12.3k"), (1.2e9, "1.2G"),
     (9.9996e8, "1G"), (5e12, "5T")],
)  # fmt: skip
def test_quantities_have_three_digits(number, text):
    assert quantity(number) == text
