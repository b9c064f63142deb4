"""The commands on vectors: nearest, analogy, similarity, evaluate, convert, info."""

import json
import os

import numpy as np
import pytest
from command import mistake, run
from conftest import FORMATS_HERE

from embedlayer.cli import query
from embedlayer.cli.output import show_age
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.vectors.files import FORMATS
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

WORDS = ["king", "queen", "man", "woman", "서울"]
MATRIX = np.array([[1, 1, 0], [1, -1, 0], [0, 1, 0], [0, -1, 0], [-1, 0, 1]], np.float32)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "v.safetensors"
    Vectors(WORDS, MATRIX, [50, 40, 30, 20, 10], {"model": "skipgram", "dims": [1, 2]}).save(path)
    return path


def test_nearest_prints_an_aligned_table(path):
    assert run("nearest", path, "king", "woman", "-k", 2).stdout.splitlines() == [
        "word   nearest  cosine",
        "king   man      0.7071",
        "king   queen    0.0000",
        "woman  queen    0.7071",
        "woman  서울     0.0000",
    ]


def test_nearest_as_json(path):
    found = json.loads(run("nearest", path, "king", "-k", 1, "--json").stdout)
    cosine = found["results"][0]["nearest"][0].pop("cosine")
    assert found == {"results": [{"word": "king", "nearest": [{"word": "man"}]}]}
    assert cosine == pytest.approx(2**-0.5)


def test_nearest_of_the_words_of_standard_input(path, monkeypatch):
    """In their order and in several blocks; an unknown word does not lose the others."""
    monkeypatch.setattr(query, "AT_ONCE", 2)
    words = "king\n\nprince\n서울 \nqueen".encode()
    result = run("nearest", path, "--stdin", "-k", 1, stdin=words)
    assert result.stdout.splitlines() == [
        "king\tman\t0.7071",
        "서울\tman\t0.0000",
        "queen\twoman\t0.7071",
    ]
    assert result.stderr == "unknown word 'prince'\n"
    result = run("nearest", path, "--stdin", "--json", "--restrict-vocab", 2, stdin=words)
    assert result.stderr == ""
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["word"] for line in lines] == ["king", "prince", "서울", "queen"]
    assert lines[1] == {"word": "prince", "error": "unknown word"}
    assert [[near["word"] for near in lines[i]["nearest"]] for i in (0, 2, 3)] == [
        ["queen"],
        ["king", "queen"],
        ["king"],
    ]
    assert run("nearest", path, "--stdin", stdin=b"").stdout == ""


def test_nearest_among_the_first_words(path):
    shown = run("nearest", path, "king", "--restrict-vocab", 2).stdout
    assert shown == "word  nearest  cosine\nking  queen    0.0000\n"


def test_analogy(path):
    asked = ("analogy", path, "man", "king", "woman")
    assert run(*asked, "-k", 1).stdout == "answer  cosine\nqueen   0.9597\n"
    found = json.loads(run(*asked, "--json").stdout)
    assert [answer["word"] for answer in found["answers"]] == ["queen", "서울"]
    among = run(*asked, "--restrict-vocab", 1, "--json").stdout
    assert json.loads(among)["answers"] == []
    assert (found["a"], found["b"], found["c"]) == ("man", "king", "woman")


def test_similarity_of_pairs(path):
    pairs = ("similarity", path, "king", "man", "man", "woman")
    assert run(*pairs).stdout.splitlines() == [
        "a     b      cosine",
        "king  man    0.7071",
        "man   woman  -1.0000",
    ]
    found = json.loads(run(*pairs, "--json").stdout)["results"]
    assert [pair["cosine"] for pair in found] == pytest.approx([2**-0.5, -1])


def test_evaluate_both_kinds_of_sets(path, tmp_path):
    (tmp_path / "pairs.tsv").write_text("king\tman\t9\nking\tqueen\t5\nman\twoman\t1\nx\ty\t3\n")
    (tmp_path / "questions.txt").write_text(": royal\nMan king Woman queen\nman king x y\n")
    sets = ("pairs.tsv", "questions.txt")
    pairs, questions = json.loads(run("evaluate", path, *sets, "--json").stdout)["results"]
    assert pairs["spearman"] == pytest.approx(1)
    assert (pairs["found"], pairs["pairs"]) == (3, 4)
    assert (questions["total"]["correct"], questions["total"]["asked"]) == (1, 1)
    assert questions["total"]["out_of_vocabulary"] == 1

    shown = run("evaluate", path, *sets).stdout
    assert "Spearman  1.0000   3 of 4 pairs (1 with an unknown word)" in shown
    assert "royal    1.0000        1       1        1" in shown

    def asked(*options):
        found = json.loads(run("evaluate", path, "questions.txt", "--json", *options).stdout)
        return found["results"][0]["total"]["asked"]

    assert asked("--case-sensitive") == 0
    assert asked("--restrict-vocab", 3) == 0
    assert asked("--restrict-vocab", 4) == 1


@pytest.mark.parametrize("name", FORMATS_HERE)
def test_convert_to_every_format_and_back(path, tmp_path, name):
    other = tmp_path / f"v{FORMATS[name].SUFFIXES[0]}"
    if other != path:
        run("convert", path, other)
    run("convert", other, "named", "--format", name)
    assert (tmp_path / "named").read_bytes() == other.read_bytes()
    result = run("convert", "named", "back.bin")
    assert result.stdout == ""
    assert result.stderr == "wrote back.bin: 5 words, 3 dimensions\n"
    back = Vectors.load(tmp_path / "back.bin")
    assert list(back.words) == WORDS
    np.testing.assert_array_equal(back.matrix, MATRIX)


def test_unseen_words_and_what_convert_does_with_their_n_grams(path):
    rows = np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)
    vectors = Vectors(WORDS, MATRIX, subwords=SubwordRows(Subwords(3, 4, 40), rows))
    vectors.save("n.safetensors")
    found = run("nearest", "n.safetensors", "--stdin", "-k", 1, stdin=b"kings\nking\n").stdout
    for line, word in zip(found.splitlines(), ["kings", "king"], strict=True):
        ((near, cosine),) = vectors.nearest(word, 1)
        assert line == f"{word}\t{near}\t{cosine:z.4f}"
    about = json.loads(run("info", "n.safetensors", "--json").stdout)["results"][0]
    assert about["subwords"] == {"min_n": 3, "max_n": 4, "buckets": 40, "rows": 40}
    result = run("convert", "n.safetensors", "few.safetensors", "--prune", "--half")
    few = Vectors.load("few.safetensors")
    kept = len(vectors.pruned().subwords)
    assert 0 < kept < 40
    assert result.stderr.startswith(f"kept {kept} of 40 rows of n-grams\nfloat16: no number is off")
    assert len(few.subwords) == kept
    assert few.subwords.rows.dtype == np.float16
    assert f"buckets 40, rows {kept}" in run("info", "few.safetensors").stdout
    assert "no rows of n-grams" in mistake("convert", path, "x.safetensors", "--prune")
    assert "keeps no float16" in mistake("convert", path, "x.vec", "--half")


def test_info_on_vectors(path):
    (about,) = json.loads(run("info", path, "--json").stdout)["results"]
    assert about == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "words": 5,
        "dim": 3,
        "tokens": 150,
        "first_words": WORDS,
        "metadata": {"model": "skipgram", "dims": [1, 2]},
    }
    run("convert", path, "v.glove")
    assert run("info", "v.glove").stdout.splitlines() == [
        "path         v.glove",
        f"bytes        {os.path.getsize('v.glove')}",
        "words        5",
        "dim          3",
        "first_words  king queen man woman 서울",
    ]
    assert "model        skipgram" in run("info", path).stdout.splitlines()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (86400 * 40, "40 days ago"),
    ],
)
def test_ages(seconds, shown):
    assert show_age(seconds) == shown


def test_info_on_the_cache_and_clearing_it(tmp_path):
    folder = tmp_path / "cache"
    assert run("info").stdout == f"0 encoded texts, 0.0 MB, in {folder}\n"
    text = tmp_path / "text.txt"
    text.write_text("a b c\n" * 10)
    Corpus.from_files(text)
    found = json.loads(run("info", "--json").stdout)
    (entry,) = found["entries"]
    assert entry["files"] == [str(text)]
    assert (entry["tokens"], found["folder"]) == (30, str(folder))
    assert found["bytes"] == entry["bytes"] > 4 * 30
    name = os.path.basename(entry["path"])
    head, line, total = run("info").stdout.splitlines()
    assert head.split() == ["entry", "made", "used", "tokens", "size", "files"]
    assert line == f"{name[:8]}  now   now   30      0.0 MB  {text}"
    assert total == f"1 encoded texts, 0.0 MB, in {folder}"
    for file, age in (("embedlayer-entry.json", 3600), ("ids", 0)):
        os.utime(os.path.join(entry["path"], file), (0, entry["used"] - age))
    assert "  now   1 hour ago  30 " in run("info").stdout
    text.write_text("a b c\n" * 20)
    assert "  now   never again  30 " in run("info").stdout
    assert json.loads(run("info", "--json").stdout)["entries"][0]["changed"]
    Corpus.from_files(text)
    (entry,) = json.loads(run("info", "--json").stdout)["entries"]
    name = os.path.basename(entry["path"])
    removed = f"removed 1 encoded text, {name}, from {folder}\n"
    assert run("info", "--remove", name[:8]).stdout == removed
    Corpus.from_files(text)
    os.truncate(os.path.join(entry["path"], "embedlayer-entry.json"), 9)
    assert "damaged, or of another version" in run("info").stdout
    assert json.loads(run("info", "--clear-cache", "--json").stdout)["removed"] == 1
    assert run("info", "--clear-cache").stdout == f"removed 0 encoded texts from {folder}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nearest", "v.safetensors", "prince"], "unknown word 'prince'"),
        (["nearest", "v.safetensors"], "Missing argument 'WORD...'"),
        (["nearest", "v.safetensors", "king", "--stdin"], "give WORD... or --stdin, not both"),
        (["nearest", "v.safetensors", "king", "--restrict-vocab", 0], "'--restrict-vocab'"),
        (["nearest", "v.safetensors", "king", "-k", 0], "'-k'"),
        (["nearest", "absent.vec", "king"], "absent.vec: No such file or directory"),
        (["nearest", ".", "king"], ".: a folder without the files of a known"),
        (["nearest", "text", "king"], "text: neither a header nor a first row is of a known"),
        (["analogy", "v.safetensors", "man", "king"], "Missing argument 'C'"),
        (["similarity", "v.safetensors", "a", "b", "c"], "words come in pairs, but 3 were given"),
        (["evaluate", "v.safetensors", "absent"], "absent: No such file or directory"),
        (["evaluate", "v.safetensors", "text"], "text, line 1: two words and a score"),
        (["evaluate", "v.safetensors", "text", "--restrict-vocab", 0], "--restrict-vocab"),
        (["convert", "v.safetensors", "v.xyz"], "no format has its suffix"),
        (["convert", "absent.vec", "v.bin"], "absent.vec: No such file or directory"),
        (["convert", "spaces.safetensors", "v.bin"], "the word 'New York' is empty or holds"),
        (["info", "absent.vec"], "absent.vec: No such file or directory"),
        (["info", "v.safetensors", "--clear-cache"], "give VECTORS, --clear-cache or --remove"),
        (["info", "--remove", "a", "--clear-cache"], "give VECTORS, --clear-cache or --remove"),
        (["info", "--remove", "abc"], "0 entries of the cache begin with 'abc'"),
        (["fly"], "No such command 'fly'. (see embedlayer --help)"),
        (["--frob"], "--frob"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(path, tmp_path, arguments, message):
    (tmp_path / "text").write_text("no vectors\nat all\n")
    Vectors(["New York"], [[1.0]]).save(tmp_path / "spaces.safetensors")
    assert message in mistake(*arguments)
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"v.safetensors", "text", "spaces.safetensors"}
