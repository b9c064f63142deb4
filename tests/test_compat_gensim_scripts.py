"""Five programs written for gensim run with both libraries: only their imports change."""

import gzip
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import import_or_skip
from planted import planted_sentences, word

from embedlayer import Vectors
from embedlayer.compat.gensim import Word2Vec

SCRIPTS = Path(__file__).parent / "gensim_scripts"
IMPORT = re.compile(r"^from gensim[\w.]* import", re.MULTILINE)
WORDS = [word(topic, i) for topic in range(6) for i in range(8)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A text of six topics, vectors of random numbers, and benchmarks of their words."""
    place = tmp_path_factory.mktemp("gensim")
    random = np.random.default_rng(1)
    lines = [" ".join(sentence) + "\n" for sentence in planted_sentences(1200)]
    (place / "corpus.txt").write_text("".join(lines))
    with gzip.open(place / "corpus.txt.gz", "wt") as file:
        file.writelines(lines)
    (place / "parts").mkdir()
    for i in range(2):
        (place / "parts" / f"{i}.txt").write_text("".join(lines[i::2]))
    words = [*WORDS, *(word.upper() for word in WORDS[:5]), "élan", "naïve"]
    vectors = Vectors(words, random.standard_normal((len(words), 12)).astype(np.float32))
    vectors.save(place / "vectors.bin")
    vectors.save(place / "vectors.txt")
    asked = random.choice([*WORDS, "unknown"], (80, 4)).tolist()
    pairs = [f"{a}\t{b}\t{random.random():.3f}" for a, b, *_ in asked]
    (place / "pairs.tsv").write_text("\n".join(["# a comment", "Word 1\tWord 2\tScore", *pairs]))
    questions = [" ".join(one) for one in asked]
    for _ in range(20):  # some that are solved
        a, b, c = random.choice(WORDS, 3, replace=False)
        questions.append(f"{a} {b} {c} {vectors.analogy(a, b, c, 1)[0][0].upper()}")
    questions[0:0], questions[50:50] = [": first"], [": gram second"]
    (place / "questions.txt").write_text("\n".join(questions))
    return place


def answers_of(name: str, folder: Path, capsys, monkeypatch, ours: bool):
    """What a script prints, as gensim's or with its imports changed to ours."""
    text = (SCRIPTS / f"{name}.py").read_text()
    if ours:
        text, changes = IMPORT.subn("from embedlayer.compat.gensim import", text)
        assert changes >= 1
    else:
        import_or_skip("gensim.models")
    monkeypatch.setattr(sys, "argv", [name, str(folder)])
    exec(compile(text, f"{name}.py", "exec"), {"__name__": "__main__"})
    return json.loads(capsys.readouterr().out)


def flat(answer, path=""):
    """The numbers and the words of an answer, each by its path."""
    if isinstance(answer, dict | list):
        items = answer.items() if isinstance(answer, dict) else enumerate(answer)
        for key, value in items:
            yield from flat(value, f"{path}/{key}")
    else:
        yield path, answer


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["queries", "evaluate"])
def test_answers_are_gensim_s(name, folder, capsys, monkeypatch):
    theirs = dict(flat(answers_of(name, folder, capsys, monkeypatch, False)))
    ours = dict(flat(answers_of(name, folder, capsys, monkeypatch, True)))
    assert ours.keys() == theirs.keys()
    for path, value in theirs.items():
        if isinstance(value, float):
            assert ours[path] == pytest.approx(value, abs=1e-5), path
        else:
            assert ours[path] == value, path


def check_planted(neighbours: dict[str, list[str]]) -> None:
    same = [other[:2] == word[:2] for word, others in neighbours.items() for other in others]
    assert len(neighbours) == len(WORDS)
    assert np.mean(same) > 0.95


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("ours", [False, True], ids=["gensim", "embedlayer"])
@pytest.mark.parametrize("name", ["train", "pretrained", "callbacks"])
def test_what_is_planted_is_found_by_both(name, ours, folder, capsys, monkeypatch):
    found = answers_of(name, folder, capsys, monkeypatch, ours)
    check_planted(found.pop("neighbours"))
    if name == "train":
        lines = (folder / "corpus.txt").read_text()
        counts = [lines.split().count(word) for word in sorted(WORDS)]
        assert found == {"same": True, "sentences": 1200, "counts": counts}
    elif name == "pretrained":
        taken = Vectors.load(folder / "vectors.txt")["t0w0"]
        np.testing.assert_allclose(found["taken"], taken)
        assert found["near"] == ["t1w1"]
        assert (found["size"], found["far"]) == (50, ["nothing"])
    else:
        assert found["moments"] == ["begin", *["epoch"] * 4, "end"]
        assert found["falls"]
        assert found["words"] == [40, 48]
        assert all(word.startswith("t1") for word in found["predicted"])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("sg", [0, 1])
def test_scores_of_sentences_are_gensim_s(sg):
    """Inner nodes have other numbers here, and a turn may be taken the other way round."""
    models = import_or_skip("gensim.models")
    random = np.random.default_rng(2)
    counts = {key: 1000 // (1 + i) + 7 * i * i for i, key in enumerate(WORDS[:20])}
    options = {"hs": 1, "negative": 0, "min_count": 1, "vector_size": 8, "sg": sg}
    theirs, made = models.Word2Vec(**options), Word2Vec(**options)
    for model in (theirs, made):
        model.build_vocab_from_freq(counts)
    wv = theirs.wv
    theirs.syn1[:] = random.normal(0, 0.5, theirs.syn1.shape)  # gensim cuts off at 6
    made.wv[wv.index_to_key] = wv.vectors = random.standard_normal(wv.vectors.shape).astype("f")
    for key in wv.index_to_key:
        (code, point), (our_code, our_point) = (
            [one.get_vecattr(key, attr) for attr in ("code", "point")] for one in (wv, made.wv)
        )
        sign = np.where(code == our_code, 1, -1)[:, None]
        made.syn1[our_point] = sign * theirs.syn1[point]
    asked = [["t0w0", "unknown", "t0w1"], *random.choice(WORDS[:20], (20, 9)).tolist()]
    # gensim looks σ up in a table of 1,000 numbers, some 0.03 too far to the left.
    np.testing.assert_allclose(made.score(asked), theirs.score(asked, len(asked)), rtol=0.025)
