"""fastText's commands: its options, its files, and what it prints."""

import numpy as np
import pytest
from command import mistake, run
from conftest import import_or_skip

from embedlayer import Vectors
from embedlayer.ngrams import Subwords
from embedlayer.vectors.formats.fasttext_model import read_model
from embedlayer.vectors.subwords import SubwordRows

WORDS = ["the", "walk", "walks", "talk", "talks", "한국어"]
RNG = np.random.default_rng(2)
ROWS = RNG.standard_normal((50, 8)).astype(np.float32)
VECTORS = Vectors(
    WORDS, RNG.standard_normal((6, 8)), [60, 5, 4, 3, 2, 1],
    {"model": "cbow", "window": 7, "epochs": 3, "negative": 9, "sample": 1e-3},
    subwords=SubwordRows(Subwords(2, 4, 50), ROWS),
)  # fmt: skip
ARGUMENTS = """\
dim 8
ws 7
epoch 3
minCount 1
neg 9
wordNgrams 1
loss ns
model cbow
bucket 50
minn 2
maxn 4
lrUpdateRate 100
t 0.001
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    VECTORS.save("m.bin", "fasttext")
    return "m.bin"


@pytest.fixture
def theirs(model):
    return import_or_skip("fasttext").load_model(model)


def said(*arguments, stdin: str = "") -> str:
    return run("fasttext", *arguments, stdin=stdin.encode()).stdout


def numbers(line: str) -> np.ndarray:
    return np.array(line.split(), float)


def test_vectors_of_words_seen_and_unseen(model, theirs):
    lines = said("print-word-vectors", model, stdin="the walking\n\n 한국어의\tx\n").splitlines()
    assert [line.split()[0] for line in lines] == ["the", "walking", "한국어의", "x"]
    for line in lines:
        word, rest = line.split(" ", 1)
        wanted = "".join(f"{number:.5g} " for number in theirs.get_word_vector(word).tolist())
        assert rest.endswith(" ")
        assert numbers(rest) == pytest.approx(numbers(wanted), rel=6e-5)


def test_vectors_of_sentences(model, theirs):
    sentences = ["the walking 한국어", "", "</s>", "walk"]
    lines = said("print-sentence-vectors", model, stdin="\n".join(sentences)).splitlines()
    assert len(lines) == 4
    for line, sentence in zip(lines, sentences, strict=True):
        wanted = theirs.get_sentence_vector(sentence)
        assert numbers(line) == pytest.approx(wanted, rel=6e-5, abs=1e-6)
    assert lines[1] == "0 " * 8


def test_neighbours_and_analogies(model, theirs):
    found = said("nn", model, 3, stdin="walking\nthe")
    assert found.count("Query word? ") == 3
    lines = found.replace("Query word? ", "").splitlines()
    wanted = [*theirs.get_nearest_neighbors("walking", 3), *theirs.get_nearest_neighbors("the", 3)]
    check_neighbours(lines, wanted)
    found = said("analogies", model, stdin="walk talk\ntalks walks")
    prompt = "Query triplet (A - B + C)? "
    assert found.startswith(prompt)
    assert found.endswith(f"\n{prompt}")
    lines = found.replace(prompt, "").splitlines()
    check_neighbours(lines, theirs.get_analogies("walk", "talk", "talks", 10))


def check_neighbours(lines: list[str], wanted: list[tuple[float, str]]) -> None:
    assert [line.split()[0] for line in lines] == [word for _, word in wanted]
    cosines = [float(line.split()[1]) for line in lines]
    assert cosines == pytest.approx([cosine for cosine, _ in wanted], abs=1e-5)


def test_dumps(model):
    assert said("dump", model, "args") == ARGUMENTS
    words = said("dump", model, "dict").splitlines()
    assert words == ["6", "the 60 word", *(f"{w} {5 - i} word" for i, w in enumerate(WORDS[1:]))]
    found = read_model(np.fromfile(model, np.uint8))
    for name, table in (("input", found.table), ("output", found.output)):
        first, *lines = said("dump", model, name).splitlines()
        assert first == f"{len(table)} 8"
        assert np.array([numbers(line) for line in lines]) == pytest.approx(table, rel=1e-5)


@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_training_writes_both_files(tmp_path, monkeypatch, kind, loss):
    monkeypatch.chdir(tmp_path)
    text = "".join(" ".join(RNG.choice(WORDS, 8)) + "\n" for _ in range(200))
    (tmp_path / "text").write_text(text)
    given = {"dim": 6, "ws": 3, "neg": 4, "minn": 2, "maxn": 3, "bucket": 40, "thread": 1, "t": 0.5}
    options = [word for name, value in given.items() for word in (f"-{name}", value)]
    result = run("fasttext", kind, "-input", "text", "-output", "out", "-loss", loss, *options)
    assert result.stdout == ""
    found = Vectors.load("out.bin")
    assert found.subwords.subwords == Subwords(2, 3, 40)
    assert {*found.words} == {*WORDS}
    assert found.matrix.std() > 0.01
    assert found.metadata["model"] == kind
    assert found.metadata["window"] == 3
    as_text = Vectors.load("out.vec")
    assert as_text.words == found.words
    assert as_text.matrix.tobytes() == found.matrix.tobytes()
    again = run(
        "fasttext",
        kind,
        "-input",
        "text",
        "-output",
        "out2",
        "-loss",
        loss,
        "-verbose",
        0,
        *options,
    )
    assert again.stderr == ""
    assert Vectors.load("out2.bin").matrix.tobytes() == found.matrix.tobytes()
    arguments = ["-input", "text", "-output", "more", "-pretrainedVectors", "out.vec"]
    run("fasttext", kind, *arguments, "-epoch", 1, *options)
    assert Vectors.load("more.bin").words == found.words


def test_words_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("a b c d e f\n" * 100)
    run("fasttext", "cbow", "-input", "text", "-output", "o", "-maxn", 0, "-dim", 4, "-t", 1)
    assert Vectors.load("o.bin").subwords is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("supervised -input a", "fasttext supervised: embedlayer trains and asks no classifiers"),
        ("quantize", "fasttext quantize: embedlayer reads .ftz files and writes none"),
        ("predict m.bin", "fasttext predict: embedlayer trains and asks no classifiers"),
        ("skipgram -output o", "Missing option '-input'"),
        ("skipgram -input t -output o -loss softmax", "'softmax' is not one of 'ns', 'hs'"),
        ("cbow -input t -output o -wordNgrams 2", "fasttext -wordNgrams 2: only 1 is honoured"),
        ("cbow -input t -output o -label __x__", "fasttext -label __x__: only __label__ is"),
        ("cbow -input t -output o -saveOutput", "fasttext -saveOutput: embedlayer train"),
        ("cbow -input t -output o -autotune-duration 5", "No such option"),
        ("cbow -input t -output o -dim 0", "dim is 0: it must be at least 1"),
        ("cbow -input missing -output o -wordNgrams 1", "missing"),
        ("dump m.bin words", "'words' is not one of 'args', 'dict', 'input', 'output'"),
        ("dump t args", "version"),
        ("nn missing.bin", "missing.bin: No such file"),
        ("nn m.bin 0", "0 is not in the range"),
    ],
)
def test_what_cannot_be_honoured_is_told(model, tmp_path, arguments, message):
    (tmp_path / "t").write_text("a b c d e f g h\n" * 100)
    assert message in mistake("fasttext", *arguments.split())
    assert {path.name for path in tmp_path.iterdir()} == {"m.bin", "t"}


def test_sentences_of_a_classifier_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Vectors(["a"], [[1.0]], metadata={"model": "supervised"}).save("v.safetensors")
    message = mistake("fasttext", "print-sentence-vectors", "v.safetensors", stdin=b"a\n")
    assert "is a classifier's" in message
