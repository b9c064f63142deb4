"""Reports of runs: the page tells what the run did, holds nothing private, and asks for nothing."""

import getpass
import json
import platform
import re
import signal

import pytest
from browser import check_drawn
from command import mistake, run
from planted import planted_sentences

from embedlayer import Corpus, SkipGram, Training, Vectors, evaluate
from embedlayer.cli.signals import Stopped
from embedlayer.device import DEVICES
from embedlayer.pictures.runs import DATA
from embedlayer.training.machine import about_machine

HOSTILE = "<img/src=x>"  # a word of the text
SHORT = ["--dim", 8, "--min-count", 1, "--sample", 0, "--workers", 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text, two sets, and what a run made of them: report.html and report.json."""
    folder = tmp_path_factory.mktemp("secret")
    sentences = [[*words, HOSTILE] for words in planted_sentences(250)]
    (folder / "text.txt").write_text("\n".join(map(" ".join, sentences)))
    pairs = [f"t0w{i}\tt{i % 2}w{i + 1}\t{i}" for i in range(6)]
    (folder / "pairs.tsv").write_text("\n".join(pairs))
    (folder / "questions.txt").write_text(": gram1\nt0w0 t0w1 t1w0 t1w1\n: x\nt0w0 t0w1 t1w0 no\n")
    told = run(
        *("train", folder / "text.txt", "-o", folder / "out.safetensors", *SHORT, "--epochs", 5),
        *("--report", folder / "report.html", "--held-out", "5%", "--json", "--lr", 0.05),
        *("--evaluate", folder / "pairs.tsv", "--evaluate", folder / "questions.txt"),
        *("--watch", "t0w0", "--watch", HOSTILE),
    )
    (folder / "report.json").write_text(told.stdout)
    return folder


def data_in(path):
    return json.loads(DATA.search(path.read_text(encoding="utf-8"))[1])


def test_the_page_holds_what_json_tells_but_for_paths(folder):
    told = json.loads((folder / "report.json").read_text())
    held = data_in(folder / "report.html")["report"]
    assert told.pop("output") == str(folder / "out.safetensors")
    assert {name: told[name] for name in held} == held
    assert {*told} - {*held} == {"dim"}
    assert len(held["loss"]) == len(held["held_out_loss"]) == 5
    assert [one["epoch"] for one in held["neighbours"]] == [1, 3, 5]
    assert [*held["neighbours"][0]["neighbours"]] == ["t0w0", HOSTILE]
    assert held["options"]["min_count"] == 1
    assert (held["options"]["held_out"], held["options"]["dim"]) == (0.05, 8)
    assert held["machine"].keys() >= {"embedlayer", "python", "numpy", "cores", "system"}
    assert set(held["seconds"]) == {"kernels", "vocabulary", "encoding", "training", "saving"}


def test_the_scores_are_those_of_the_vectors(folder):
    held = data_in(folder / "report.html")["report"]["evaluation"]
    vectors = Vectors.load(folder / "out.safetensors")
    wanted = [evaluate(vectors, folder / name) for name in ("pairs.tsv", "questions.txt")]
    assert held == [json.loads(json.dumps(one.to_dict())) for one in wanted]


def test_the_page_names_neither_folders_nor_people(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "secret" not in text
    assert not re.search(rf"\b{re.escape(platform.node())}\b", text)
    assert f"/{getpass.getuser()}/" not in text
    assert "<img" not in text


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_the_page_is_drawn_and_read(folder, browser, width, dark):
    browser.open(folder / "report.html", width, 900, dark)
    assert browser.text("h1") == "skipgram, 8 dimensions, 49 words"
    held = data_in(folder / "report.html")["report"]
    numbers = browser.text(".tiles")
    assert f"{held['loss'][-1]:.4f}" in numbers
    assert f"{held['held_out_loss'][-1]:.4f}" in numbers
    page = browser.text("main")
    for text in ("tokens read", "out of vocabulary", "both tables", "learning rate", "noise_power"):
        assert text.lower() in page.lower()
    assert f"{held['evaluation'][0]['spearman']:.4f}" in page
    assert HOSTILE in page
    assert browser.run("return document.querySelectorAll('figure svg path.series').length") == 4
    check_drawn(browser.pixels())
    browser.check_fits()
    browser.check_quiet()


def test_hover_shows_the_values_and_keys_move_on(folder, browser):
    browser.open(folder / "report.html", 1000, 800)
    held = data_in(folder / "report.html")["report"]["history"]
    point = (
        "const [x, type] = arguments, s = document.querySelector('figure svg[role=img]');"
        "const box = s.getBoundingClientRect();"
        "s.dispatchEvent(new PointerEvent(type, {clientX: box.left + x * box.width, clientY: 9}));"
        "return document.querySelector('figure .note').hidden"
    )
    assert browser.run(point, 0.99, "pointermove") is False
    note = browser.text("figure .note")
    loss, held_out = held["loss"][-1], held["held_out_loss"][-1]
    assert f"training loss {float(f'{loss:.4g}'):g}" in note
    assert f"held-out loss {float(f'{held_out:.4g}'):g}" in note
    assert browser.run(point, 0.5, "pointerleave") is True
    press = (
        "document.querySelector('figure svg[role=img]').dispatchEvent("
        "new KeyboardEvent('keydown', {key: arguments[0]}))"
    )
    browser.run(press, "ArrowRight")
    first = browser.text("figure .note")
    browser.run(press, "ArrowRight")
    assert browser.text("figure .note") != first
    browser.run("document.querySelector('[data-over=seconds]').click()")
    browser.run(press, "ArrowLeft")
    assert browser.text("figure .note strong").endswith(" s")
    browser.check_quiet()


def test_the_map_is_in_it(folder, browser):
    browser.open(folder / "report.html", 1000, 800)
    browser.run("document.querySelector('.word-map').scrollIntoView()")
    assert browser.run("return document.querySelectorAll('.word-map canvas').length") > 0
    check_drawn(browser.pixels())
    browser.check_quiet()


def test_what_cannot_be_written_or_means_nothing_is_told_before_the_text_is_read(folder, tmp_path):
    command = ["train", folder / "text.txt", "-o", tmp_path / "out.vec", *SHORT]
    told = mistake(*command, "--report", tmp_path / "none" / "r.html")
    assert told.startswith(f"cannot write {tmp_path}/none/r.html")
    assert "is one of the texts" in mistake(*command, "--report", folder / "text.txt")
    assert "no effect without --report" in mistake(*command, "--watch", "t0w0")
    assert "no effect without --evaluate" in mistake(*command, "--restrict-vocab", 5)
    assert "absent.tsv" in mistake(*command, "--evaluate", tmp_path / "absent.tsv")
    assert not [*tmp_path.iterdir()]


def test_a_word_that_is_unknown_cannot_be_watched(folder, tmp_path):
    command = ["train", folder / "text.txt", "-o", tmp_path / "out.vec", *SHORT, "--quiet"]
    told = mistake(*command, "--report", tmp_path / "r.html", "--watch", "nobody")
    assert told.startswith("unknown word 'nobody': it cannot be watched")


def test_a_run_that_is_stopped_tells_what_there_is_and_goes_on(folder, tmp_path, monkeypatch):
    def look(self, *progress):
        if progress and progress[0].epoch == 1:
            raise Stopped(signal.SIGTERM)

    monkeypatch.setattr("embedlayer.cli.signals.Stopping.look", look)
    monkeypatch.chdir(tmp_path)
    command = ["train", folder / "text.txt", "-o", "out.vec", *SHORT, "--report", "r.html"]
    more = ["--watch", "t0w0", "--evaluate", folder / "pairs.tsv", "--checkpoint", "kept"]
    told = run(*command, *more, "--epochs", 6, code=143).stderr
    assert "how it went so far: " in told
    held = data_in(tmp_path / "r.html")["report"]
    assert len(held["loss"]) == 1
    assert held["tokens_trained"] > 0
    assert held["seconds"]["training"] > 0
    assert [one["epoch"] for one in held["neighbours"]] == [1]
    monkeypatch.undo()
    run("train", "--resume", tmp_path / "kept", "--quiet")
    held = data_in(tmp_path / "r.html")["report"]
    assert [one["epoch"] for one in held["neighbours"]] == [1, 3, 6]
    assert len(held["evaluation"]) == 1
    assert held["history"]["tokens"][-1] == 6 * held["tokens_trained"] // 6


def test_from_python_the_page_is_made_of_the_report_with_and_without_vectors(tmp_path):
    corpus = Corpus.from_sentences([["a", "<b>"]] * 20, min_count=1)
    training = Training(corpus, SkipGram(dim=4, sample=0.0), epochs=1, workers=1)
    vectors = training.run()
    text = training.report.to_html()
    assert 'class="word-map"' not in text
    training.report.save_html(tmp_path / "r.html", vectors)
    assert 'class="word-map"' in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_notebooks_show_small_tables_of_escaped_texts(folder):
    vectors = Vectors.load(folder / "out.safetensors")
    shown = vectors._repr_html_()
    assert "49 words, 8 dimensions" in shown
    assert "&lt;img/src=x&gt;" in shown
    assert f"{vectors.matrix[0, 0]:.3f}" in shown
    for name in ("pairs.tsv", "questions.txt"):
        result = evaluate(vectors, folder / name)
        assert f"<strong>{name}</strong>" in result._repr_html_()
    corpus = Corpus.from_sentences(planted_sentences(50), min_count=1)
    training = Training(corpus, SkipGram(dim=4), epochs=2, workers=1, measure=1)
    training.run()
    text = training.report._repr_html_()
    assert "skipgram, 4 dimensions, 48 words" in text
    assert text.count("<tr>") == 5 + 1 + 2
    lone = Vectors(["<b>"], [[1.0, 2.0]])
    assert "&lt;b&gt;" in lone._repr_html_()
    for html in (shown, text):
        assert not re.search("<(?!/?(div|strong|table|thead|tr|th|td)[ >])", html)


def test_the_machine_is_told_without_its_name():
    found = about_machine(DEVICES["numpy"])
    assert found["cores"] >= 1
    assert all(isinstance(value, str | int) for value in found.values())
