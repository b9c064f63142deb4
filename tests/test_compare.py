"""Two runs side by side: what differs is told, whatever of the three kinds of file they are in."""

import json

import pytest
from browser import check_drawn
from command import mistake, run
from planted import planted_sentences

from embedlayer import CBOW, Corpus, SkipGram, Training, Vectors
from embedlayer.errors import EmbedlayerError
from embedlayer.pictures.compare import Comparison
from embedlayer.pictures.runs import Run, read_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs a and b: a page, JSON and vectors of each."""
    folder = tmp_path_factory.mktemp("runs")
    corpus = Corpus.from_sentences(planted_sentences(300), min_count=1)
    models = {"a": SkipGram(dim=8, sample=0.0), "b": CBOW(dim=12, sample=0.0)}
    for name, model in models.items():
        given = {"epochs": 3 if name == "a" else 2, "workers": 1, "measure": 1, "held_out": 0.1}
        training = Training(corpus, model, watch=["t0w0", "t1w0"], **given)
        vectors = training.run()
        score = {"benchmark": "s<3>", "spearman": 0.25, "found": 3, "pairs": 4}
        training.report.evaluation = [score] if name == "a" else []
        training.report.save_html(folder / f"{name}.html", vectors)
        (folder / f"{name}.json").write_text(json.dumps(training.report.to_dict()))
        vectors.save(folder / f"{name}.safetensors")
    return folder


def compared(left, right, *more):
    return json.loads(run("compare", left, right, "--json", *more).stdout)


@pytest.mark.parametrize(("left", "right"), [("html", "json"), ("json", "html")])
def test_reports_are_read_from_pages_and_from_json(folder, left, right):
    found = compared(folder / f"a.{left}", folder / f"b.{right}")
    assert found["names"] == [f"a.{left}", f"b.{right}"]
    assert found["options"]["model"] == ["skipgram", "cbow"]
    assert found["options"]["dim"] == ["8", "12"]
    assert found["options"]["divide"] == ["-", "False"]
    assert "window" not in found["options"]
    told = [json.loads((folder / f"{name}.json").read_text()) for name in "ab"]
    assert found["numbers"]["loss, last epoch"] == [f"{one['loss'][-1]:.4f}" for one in told]
    held_out = [f"{one['held_out_loss'][-1]:.4f}" for one in told]
    assert found["numbers"]["held-out loss, last epoch"] == held_out
    assert found["scores"] == {"s<3>, Spearman": ["0.2500", "-"]}
    for word, both in found["neighbours"].items():
        last = [one["neighbours"][-1]["neighbours"][word] for one in told]
        assert [both["left"], both["right"]] == [[name for name, _ in one] for one in last]
        assert both["shared"] == len({*both["left"]} & {*both["right"]})
    assert [*found["neighbours"]] == sorted(
        found["neighbours"], key=lambda word: found["neighbours"][word]["shared"]
    )


def test_a_run_beside_itself_differs_in_nothing(folder):
    found = compared(folder / "a.json", folder / "a.json")
    assert found["names"] == ["a.json (1)", "a.json (2)"]
    assert found["options"] == {}
    assert all(left == right for left, right in found["numbers"].values())
    assert all(one["left"] == one["right"] for one in found["neighbours"].values())


def test_vectors_tell_what_their_metadata_do_and_answer_for_any_word(folder):
    vectors = Vectors.load(folder / "b.safetensors")
    found = compared(folder / "a.html", folder / "b.safetensors")
    assert found["options"].keys() == {"model", "dim", "lr", "min_lr", "epochs"}
    assert found["numbers"]["words per second"][1] == "-"
    assert {*found["neighbours"]} == {"t0w0", "t1w0"}
    wanted = [name for name, _ in vectors.nearest("t0w0", 8)]
    assert found["neighbours"]["t0w0"]["right"] == wanted
    both = folder / "a.safetensors", folder / "b.safetensors"
    assert [*compared(*both, "--word", "t2w2")["neighbours"]] == ["t2w2"]
    assert len(compared(*both)["neighbours"]) == 12
    told = run("compare", *both).stdout
    assert "skipgram" in told
    assert "neighbours of" in told


def test_vectors_of_anybody_are_compared(folder, tmp_path):
    Vectors(["t0w0", "x"], [[1.0, 2.0], [3.0, 4.0]]).save(tmp_path / "v.vec")
    found = compared(folder / "a.json", tmp_path / "v.vec")
    assert found["options"]["dim"] == ["8", "2"]
    assert found["neighbours"]["t0w0"]["right"] == ["x"]


@pytest.mark.parametrize(("width", "dark"), [(400, False), (1600, True)])
def test_the_page_has_both_curves_in_one_chart(folder, browser, tmp_path, width, dark):
    page = tmp_path / "c.html"
    assert "wrote" in run("compare", folder / "a.html", folder / "b.json", "-o", page).stderr
    browser.open(page, width, 900, dark)
    assert browser.text("h1") == "a.html and b.json"
    assert browser.run(
        "return [...document.querySelectorAll('figure')].map("
        "(one) => one.querySelectorAll('path.series').length)"
    ) == [4, 2, 2]
    legend = browser.text(".legend")
    assert "training loss, a.html" in legend
    assert "held-out loss, b.json" in legend
    text = browser.text("main")
    for part in ("skipgram", "cbow", "s<3>, Spearman", "t0w0"):
        assert part in text
    check_drawn(browser.pixels())
    browser.check_fits()
    browser.check_quiet()


def test_a_page_of_vectors_has_no_time_and_is_drawn(folder, browser, tmp_path):
    page = tmp_path / "c.html"
    run("compare", folder / "a.safetensors", folder / "b.html", "-o", page, "--json")
    browser.open(page)
    browser.run("document.querySelector('[data-over=seconds]').click()")
    browser.check_quiet()


def test_mistakes(folder, tmp_path):
    place = tmp_path / "x.json"
    for text in ("{", "{}", '{"a": 1}', "<!doctype html>", '{"options": [[[['):
        place.write_text(text)
        assert str(place) in mistake("compare", place, folder / "a.json")
    told = mistake(
        "compare", folder / "a.json", folder / "b.json", "-o", tmp_path / "no" / "c.html"
    )
    assert told.startswith("cannot write")
    assert "absent" in mistake("compare", tmp_path / "absent", folder / "a.json")


def damaged(told):
    """Reports of which one part is not what it should be."""
    yield from ({**told, name: None} for name in told)
    for name in told["history"]:
        yield {**told, "history": {**told["history"], name: [1]}}
        yield {**told, "history": {**told["history"], name: "x"}}
    yield {**told, "loss": ["x"]}
    yield {**told, "loss": [{}]}
    yield {**told, "held_out_loss": ["x"]}
    yield {**told, "seconds": {"training": "x"}}
    yield {**told, "neighbours": [{}]}
    yield {**told, "neighbours": [{"neighbours": {"a": [["b"]]}}]}
    yield {**told, "evaluation": [{"benchmark": "x", "spearman": "high"}]}
    yield {**told, "evaluation": [{"benchmark": "x", "total": {"accuracy": "high"}}]}
    yield {**told, "evaluation": [{"benchmark": "x", "total": {}}]}
    yield {**told, "options": {"a": [1, {}], "b": {"c": None}}}


def test_a_report_that_is_damaged_is_refused_or_compared_and_never_a_traceback(folder, tmp_path):
    told = json.loads((folder / "a.json").read_text())
    wanted = Run("a", told)
    place, refused = tmp_path / "x.json", []
    for one in damaged(told):
        place.write_text(json.dumps(one))
        try:
            read = read_run(str(place))
        except EmbedlayerError as error:
            refused.append(str(error))
        else:
            Comparison(read, wanted).to_html()
    assert len(refused) > 20
    assert all(text.startswith(str(place)) for text in refused)
