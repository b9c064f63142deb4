"""The command phrases, and train with phrases: what they write, print and refuse."""

import json

import pytest
from command import mistake, run

from embedlayer import Phrases, Vectors

LINES = ["in new york", "new york city is new", "the state of new york", "the end of the state"]
TEXT = "\n".join(LINES * 10) + "\n"
FEW = ["--threshold", "0.2"]
SMALL = [
    "--dim",
    "8",
    "--epochs",
    "1",
    "--min-count",
    "1",
    "--workers",
    "1",
    "--sample",
    "0",
    "--quiet",
]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def test_a_text_is_written_with_its_phrases(text, tmp_path):
    done = run("phrases", text, "-o", tmp_path / "out", *FEW, "--connectors", "of,the")
    assert (tmp_path / "out").read_text() == "".join(
        line + "\n"
        for line in [
            "in new_york", "new_york city_is new", "the state of new_york", "the end_of_the_state",
        ] * 10
    )  # fmt: skip
    assert done.stdout == ""
    found = Phrases.from_files(text, threshold=0.2, connectors=["of", "the"])
    told = done.stderr.splitlines(keepends=True)[-1]  # before it, that something is compiled
    assert told.startswith(f"{len(found)} phrases ({len(found)}), ")
    assert told.endswith(f"; wrote {tmp_path / 'out'}\n")


def test_phrases_are_listed_and_kept(text, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "out.txt"
    done = run("phrases", text, "--list", "--save", kept, "--passes", "2", "--quiet", *FEW)
    found = Phrases.load(kept)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == [found.spelled(phrase) for phrase in found]
    assert [(float(row[1]), int(row[2])) for row in rows] == [
        (pytest.approx(phrase.score, 1e-5), phrase.count) for phrase in found
    ]
    assert [int(row[3]) for row in rows] == [1] * len(found.passes[0]) + [2] * len(found.passes[1])
    assert len(found.passes[1]) > 0
    assert run("phrases", "--load", kept, "--list", "--quiet").stdout == done.stdout
    run("phrases", text, "--load", kept, "-o", out, "--quiet")
    assert out.read_text().splitlines() == [
        " ".join(words) for words in found.join([line.split() for line in LINES * 10])
    ]


def test_json_is_one_object(text, tmp_path):
    out = tmp_path / "out"
    about = json.loads(
        run("phrases", text, "-o", out, "--json", "--list", "--min-count", "7", *FEW).stdout
    )
    found = Phrases.from_files(text, threshold=0.2, min_count=7)
    assert (about["phrases"], about["passes"]) == (len(found), [len(found)])
    assert (about["output"], about["save"]) == (str(out), None)
    assert about["list"][0] == {
        "phrase": found.spelled(found.passes[0][0]),
        "words": list(found.passes[0][0].words),
        "score": found.passes[0][0].score,
        "count": found.passes[0][0].count,
        "pass": 1,
    }


def test_standard_input_is_a_text(tmp_path):
    run("phrases", "-", "-o", tmp_path / "out", *FEW, "--quiet", stdin=TEXT.encode())
    assert (tmp_path / "out").read_text().count("new_york") == 20


PHRASES = ["--phrases", "2", "--phrase-threshold", "0.2", "--phrase-connectors", "of,the"]


def test_training_with_phrases_is_training_on_the_written_text(text, tmp_path):
    options = ["--passes", "2", *FEW, "--connectors", "of,the"]
    run("phrases", text, "-o", tmp_path / "joined", "--save", tmp_path / "kept", *options)
    run("train", tmp_path / "joined", "-o", tmp_path / "wanted.safetensors", *SMALL)
    wanted = (tmp_path / "wanted.safetensors").read_bytes()
    assert "end_of_the_state" in Vectors.load(tmp_path / "wanted.safetensors").words
    for chosen in (PHRASES, ["--phrases-from", tmp_path / "kept"], [*PHRASES, "--no-cache"]):
        run("train", text, "-o", tmp_path / "v.safetensors", *SMALL, *chosen)
        assert (tmp_path / "v.safetensors").read_bytes() == wanted
    run("train", text, "-o", tmp_path / "v.safetensors", *SMALL)
    assert (tmp_path / "v.safetensors").read_bytes() != wanted


def test_a_run_with_phrases_goes_on(text, tmp_path):
    kept = ["--checkpoint", tmp_path / "c"]
    run("train", text, "-o", tmp_path / "v.safetensors", *SMALL, *PHRASES, *kept)
    wanted = (tmp_path / "v.safetensors").read_bytes()
    run("train", "--resume", tmp_path / "c", "--quiet")
    assert (tmp_path / "v.safetensors").read_bytes() == wanted
    assert "--phrases 3 is not the run's, 2" in mistake(
        "train", "--resume", tmp_path / "c", "--phrases", "3"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'TEXT...'"),
        (["text.txt"], "nothing is asked for: give -o OUT, --save FILE or --list"),
        (["absent.txt", "--list"], "no such file: absent.txt"),
        (["text.txt", "-o", "text.txt"], "text.txt is one of the texts: choose another output"),
        (["text.txt", "--save", "text.txt"], "text.txt is one of the texts"),
        (["text.txt", "-o", "absent/out"], "cannot write absent/out"),
        (["text.txt", "--load", "kept"], "--load joins phrases in a text: give -o OUT"),
        (["text.txt", "-o", "out", "--load", "absent"], "absent holds no phrases: no such file"),
        (["text.txt", "-o", "out", "--load", "text.txt"], "text.txt holds no phrases"),
        (["--load", "kept", "-o", "out"], "Missing argument 'TEXT...'"),
        (["text.txt", "-o", "out", "--load", "k", "--passes", "2"], "no --passes"),
        (["text.txt", "-o", "out", "--load", "k", "--connectors", "a"], "no --connectors"),
        (["text.txt", "-o", "out", "--load", "k", "--save", "l"], "no --save"),
        (["text.txt", "-o", "out", "--score", "npmi", "--threshold", "2"], "from -1 to 1"),
        (["text.txt", "-o", "out", "--delimiter", ""], "words without white space"),
        (["text.txt", "-o", "out", "--connectors", "a b"], "words without white space"),
        (["text.txt", "-o", "out", "--passes", "0"], "0 is not in the range"),
    ],
)
def test_mistakes_are_named(text, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in mistake("phrases", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--phrase-threshold", "3"], "--phrase-threshold has no effect without --phrases"),
        (["--phrase-connectors", "english"], "--phrase-connectors has no effect without"),
        (["--phrases-from", "k", "--phrases", "2"], "--phrases-from knows its phrases: no --phras"),
        (["--phrases-from", "absent"], "absent holds no phrases: no such file"),
        (["--phrases", "1", "--phrase-score", "npmi", "--phrase-threshold", "3"], "from -1 to 1"),
    ],
)
def test_mistakes_of_training_are_named(text, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in mistake("train", text, "-o", "v.safetensors", *arguments)
