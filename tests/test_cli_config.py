"""``train --config`` and ``--save-config``: options in a file, which those given override."""

import os
import tomllib

import pytest
from command import mistake, run
from planted import planted_sentences

from embedlayer import Vectors
from embedlayer.cli import options as cli_options
from embedlayer.cli.config import write_config
from embedlayer.cli.presets import PRESETS

OPTIONS = ["--dim", "8", "--epochs", "1", "--workers", "1", "--sample", "0", "--min-count", "1"]


@pytest.fixture(autouse=True)
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [" ".join(words) for words in planted_sentences(100)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    (tmp_path / "run.toml").write_text(
        "dim = 8\nepochs = 1\nworkers = 1\nsample = 0\nmin_count = 1\nquiet = true\n"
        'model = "cbow"\ndivide = true\nmax-sentence = 7\n'
    )
    return tmp_path / "text.txt"


def test_options_of_a_file_are_those_of_the_command_line(tmp_path):
    run("train", "text.txt", "-o", "a.safetensors", "--config", "run.toml")
    given = ["--model", "cbow", "--divide", "--max-sentence", "7", "--quiet"]
    run("train", "text.txt", "-o", "b.safetensors", *OPTIONS, *given)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_what_is_given_overrides_the_file():
    run("train", "text.txt", "-o", "a.safetensors", "--config", "run.toml", "--dim", "5",
        "--no-divide", "--negative", "3")  # fmt: skip
    metadata = Vectors.load("a.safetensors").metadata
    assert (metadata["dim"], metadata["divide"], metadata["negative"]) == (5, False, 3)
    assert (metadata["model"], metadata["epochs"]) == ("cbow", 1)


@pytest.mark.parametrize("first", ["--preset", "--config"])
def test_a_preset_gives_way_to_a_file_and_both_to_what_is_given(first, monkeypatch):
    monkeypatch.setitem(PRESETS, "quality", {"dim": 6, "window": 7, "epochs": 2, "negative": 3})
    named = {"--preset": ["--preset", "quality"], "--config": ["--config", "run.toml"]}
    given = [*named.pop(first), *next(iter(named.values())), "--negative", "4"]
    run("train", "text.txt", "-o", "a.safetensors", *given)
    metadata = Vectors.load("a.safetensors").metadata
    found = [metadata[name] for name in ("dim", "window", "epochs", "negative")]
    assert found == [8, 7, 1, 4]


def test_presets_have_options_of_train_and_are_no_option_of_a_file(tmp_path):
    names = {field.name for fields in cli_options.OPTIONS.values() for field in fields}
    for options in PRESETS.values():
        assert options
        assert options.keys() <= names
    (tmp_path / "run.toml").write_text('preset = "quality"\n')
    found = mistake("train", "text.txt", "-o", "a.safetensors", "--config", "run.toml")
    assert "preset is for the command line alone" in found
    assert "Did you mean 'quality'?" in mistake("train", "text.txt", "--preset", "qualty")


@pytest.mark.parametrize(
    "chosen", [[], ["--model", "cbow"], ["--loss", "hierarchical"], ["--phrases", "2"],
               ["--step", "layered", "--optimizer", "adam"],
               ["--lr", "0.07", "--no-shrink-windows"]],
)  # fmt: skip
def test_a_saved_file_repeats_the_run(tmp_path, chosen):
    run("train", "text.txt", "-o", "a.safetensors", *OPTIONS, *chosen, "--quiet",
        "--save-config", "saved.toml")  # fmt: skip
    run("train", "text.txt", "-o", "b.safetensors", "--quiet", "--config", "saved.toml")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    found = tomllib.loads((tmp_path / "saved.toml").read_text())
    assert (found["dim"], found["window"], found["min-count"]) == (8, 5, 1)
    assert "no-cache" not in found
    assert ("negative" in found) == ("hierarchical" not in chosen)


def test_any_text_is_a_value_that_is_read_back(tmp_path):
    for text in ('a "quoted" \\ one', "한국어 🙂", "tab\tand\nline", "\x7f\x01", "#= ['"):
        write_config("made.toml", {"phrase_delimiter": text, "dim": 3}, "two\nlines")
        found = tomllib.loads((tmp_path / "made.toml").read_text())
        assert found == {"phrase-delimiter": text, "dim": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dim = 8.5", "run.toml: dim = 8.5: '8.5' is not a valid whole number"),
        ("dim = true", "run.toml: dim = True: "),
        ("dim = 0", "run.toml: dim = 0: 0 is not in the range 1<=x<=1048576"),
        ("dim = [1]", "run.toml: [1] is no value of an option"),
        ("dims = 3", "run.toml: there is no option dims. Did you mean 'dim'?"),
        ("[model]\ndim = 3", "run.toml: {'dim': 3} is no value of an option"),
        ("no-divide = true", "run.toml: there is no option no-divide. Did you mean 'divide'?"),
        ("qwxyz = 1", "there is no option qwxyz. embedlayer train --help tells them"),
        ("config = 'x'", "run.toml: config is for the command line alone"),
        ("resume = 'x'", "run.toml: resume is for the command line alone"),
        ("texts = ['x']", "run.toml: texts is for the command line alone"),
        ("min_count = 1\nmin-count = 2", "run.toml: min-count is there twice"),
        ("checkpoint = 5", "run.toml: checkpoint = 5: it has to be a text"),
        ("phrase-delimiter = true", "run.toml: phrase-delimiter = True: it has to be a text"),
        ("loss = 'negativ'", "is not one of 'negative', 'hierarchical'. Did you mean 'negative'?"),
        ("divide = 'maybe'", "run.toml: divide = 'maybe': "),
        ("loss = 'hs'", "run.toml: loss = 'hs': 'hs' is not one of"),
        ("dim =", "run.toml is no TOML: Invalid value"),
        ("dim = 3\ndim = 4", "run.toml is no TOML: "),
        ("\udcff", "run.toml is no TOML: "),
        ("a = " + "[" * 3000, "run.toml is no TOML: "),
        ("#" * (1 << 20) + "#", "run.toml holds more than 1048576 bytes"),
        ("divide = true", "--divide, in the file of --config, has no effect with --model skipgram"),
        ("phrase-score = 'npmi'", "--phrase-score has no effect without --phrases"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, content, message):
    (tmp_path / "run.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert message in mistake("train", "text.txt", "-o", "a.vec", "--config", "run.toml")
    assert not (tmp_path / "a.vec").exists()


def test_a_file_that_windows_wrote(tmp_path):
    (tmp_path / "run.toml").write_bytes("\ufeffdim = 7\r\n# 주석\r\n".encode())
    run("train", "text.txt", "-o", "a.vec", *OPTIONS[2:], "--quiet", "--config", "run.toml")
    assert Vectors.load("a.vec").dim == 7


def test_no_output_takes_the_place_of_a_text_or_of_another_output(text):
    before = text.read_bytes()
    asked = ("train", "text.txt", "-o", "a.vec", "--save-config")
    assert "text.txt is one of the texts" in mistake(*asked, "text.txt")
    assert text.read_bytes() == before
    assert "./a.vec is named for two outputs" in mistake(*asked, "./a.vec")
    assert "x is named for two outputs" in mistake("phrases", "text.txt", "-o", "x", "--save", "x")


def test_no_output_takes_the_place_of_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    told = mistake("train", "text.txt", "-o", "a.vec", "--save-config", "pipe")
    assert "cannot write pipe: it is there, and is no regular file" in told
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_is_missing_or_cannot_be_written():
    assert "no such file: absent" in mistake(
        "train", "text.txt", "-o", "a.vec", "--config", "absent"
    )
    told = mistake("train", "text.txt", "-o", "a.vec", "--save-config", "absent/run.toml")
    assert "cannot write absent/run.toml" in told
