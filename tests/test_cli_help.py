"""``--help``: its examples are commands that work, and it is readable in terminals of any width."""

import gzip
import re
import shlex
from pathlib import Path

import click
import pytest
from command import run
from planted import planted_sentences

from embedlayer import SkipGram, Subwords, train
from embedlayer.cli import main

# What takes seconds has tests of its own: of these commands only the options are read.
SLOW = {"demo", "tune", "skipgram", "cbow", "--subwords"}
WIDTHS = (40, 80, 200)


def commands(group=main, names=()):
    """The words and the command of each, groups included."""
    yield names, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*names, name))
        else:
            yield (*names, name), command


COMMANDS = dict(commands())
each_command = pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
EXAMPLES = [
    line for command in COMMANDS.values() for line in command.examples if line[:1] not in "#"
]


def parts_of(example):
    """The words of a command, and the file of its standard input."""
    words = [word for word in shlex.split(example) if not re.fullmatch(r"[A-Z_]+=\w+", word)]
    assert words.pop(0) == "embedlayer", example
    streams = {"<": None, ">": None}
    for sign in streams:
        if sign in words:
            place = words.index(sign)
            streams[sign] = words[place + 1]
            del words[place : place + 2]
    return words, streams["<"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    sentences = [["king", "queen", "man", "woman", "coffee", "tea", *s] for s in
                 planted_sentences(100)]  # fmt: skip
    text = "".join(" ".join(sentence) + "\n" for sentence in sentences)
    (folder / "corpus.txt").write_text(text)
    (folder / "more.txt").write_text(text)
    (folder / "corpus.txt.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "run.toml").write_text("dim = 5\nmin-count = 1\n")
    (folder / "best.toml").write_text("dim = 5\nmin-count = 1\n")
    (folder / "words.txt").write_text("king\nqueen\n")
    (folder / "sentences.txt").write_text("king queen\n")
    (folder / "triplets.txt").write_text("king queen man\n")
    (folder / "wordsim353.tsv").write_text("king\tqueen\t9\nman\ttea\t1\ncoffee\ttea\t8\n")
    (folder / "questions-words.txt").write_text(": family\nman king woman queen\n")
    options = {"epochs": 1, "min_count": 1, "workers": 1}
    vectors = train(sentences, SkipGram(dim=4, subwords=Subwords(3, 4, 100), sample=0), **options)
    vectors.save(folder / "model.bin", "fasttext")
    vectors.save(folder / "vectors.safetensors")
    run("phrases", folder / "corpus.txt", "--save", folder / "phrases.tsv", "--min-count", 1)
    small = ("--dim", 4, "--epochs", 1, "--min-count", 1, "--workers", 1, "--sample", 0)
    for seed, name in enumerate("ab"):
        report = ("--report", folder / f"{name}.html", "--seed", seed, "--watch", "king")
        run("train", folder / "corpus.txt", "-o", folder / f"{name}.vec", *small, *report)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A folder of its own for each test, with those files."""
    for file in made.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")
    return tmp_path


@each_command
def test_every_command_has_examples_of_its_own(names):
    found = [line for line in COMMANDS[names].examples if line in EXAMPLES]
    assert (1 if names[:1] == ("fasttext",) else 2) <= len(found) <= 4
    own = " ".join(["embedlayer", *names])
    assert sum(own in line for line in found) >= len(found) / 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_commands_that_work(example, folder):
    words, stdin = parts_of(example)
    asks = words[0] in ("nearest", "analogy", "similarity") and len(words) == 2
    if not asks and not SLOW & set(words):
        run(*words, stdin=Path(stdin).read_bytes() if stdin else None)
        return
    command = main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)  # or it raises


@pytest.mark.parametrize("columns", WIDTHS)
@each_command
def test_the_help_fits_the_terminal(names, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run(*names, "--help").stdout
    most = min(columns, 100)
    long = [line for line in shown.splitlines() if len(line) > most]
    assert all(len(line.split()) == 1 or line.startswith("Usage: ") for line in long), long
    section = shown.split("\nExamples:\n")[1].replace(" \\\n", " ")
    told = [" ".join(line.split()) for line in section.splitlines()]
    for example in COMMANDS[names].examples:
        if not example.startswith("#"):
            assert example in told


def test_options_of_train_are_in_sections():
    shown = run("train", "--help").stdout
    heads = re.findall(r"^(\w.*):$", shown, re.MULTILINE)
    assert heads == ["Output", "Text", "Model", "Training", "Phrases",
                     "Options by a name, or in files", "Checkpoints", "Vectors to begin with",
                     "Report", "Cluster", "Options", "Examples"]  # fmt: skip
    model = shown.split("\nModel:\n")[1].split("\n\n")[0]
    for name in ("--model", "--dim", "--window", "--negative", "--subwords"):
        assert f"  {name} " in model
    assert "--epochs" not in model
    names = [name for option in COMMANDS["train",].params for name in option.opts]
    for name in names:
        if name.startswith("--"):
            assert len(re.findall(rf"^  (?:-\w, )?{name}[ \n]", shown, re.MULTILINE)) == 1, name


def test_every_command_is_in_a_section_of_the_help_once():
    assert sorted(name for names in main.sections.values() for name in names) == sorted(
        main.commands
    )


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["nearst"], "nearest"),
        (["Train"], "train"),
        (["fasttext", "skipgrm"], "skipgram"),
        (["train", "x", "-o", "y", "--epoch", "3"], "--epochs"),
        (["train", "x", "-o", "y", "--model", "skipgra"], "skipgram"),
        (["train", "x", "-o", "y", "--format", "Glove"], "glove"),
        (["train", "x", "-o", "y", "--merge", "sun"], "sum"),
    ],
)
def test_what_may_have_been_meant_is_told(arguments, meant):
    told = run(*arguments, code=2).stderr
    assert re.search(rf"[Dd]id you mean .*{meant}|Possible options: .*{meant}", told), told
    assert told.count("\n") == 1


def test_colors_are_for_terminals_alone(monkeypatch):
    for wanted, color in (("1", True), ("", False)):
        monkeypatch.setenv("FORCE_COLOR", wanted)
        for arguments, code in ((["--help"], 0), (["nearst"], 2)):
            result = run(*arguments, code=code)
            assert ("\x1b[" in result.output) is color
