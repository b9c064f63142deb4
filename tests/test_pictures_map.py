"""Maps of words: which words, what is told of each, and the command plot."""

import base64
import json
import re

import numpy as np
import pytest
from command import mistake, run
from test_pictures_page import HOSTILE

from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.ngrams import Subwords
from embedlayer.pictures import neighbourhoods, word_map
from embedlayer.pictures.choosing import read_labels, read_words
from embedlayer.pictures.panel import NEIGHBOURS, NO_LABEL
from embedlayer.pictures.spelling import MOST_LETTERS, shown_word
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

SIZE, DIM = 200, 12
ROYAL = ["man", "woman", "king", "queen"]
PAGE_DATA = re.compile(r'<script type="application/json" id="page-data">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def vectors():
    """Words w0, w1, …, behind four whose vectors are a parallelogram."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((SIZE, DIM)).astype(np.float32)
    matrix[:4] = [
        np.eye(DIM)[0],
        np.eye(DIM)[0] + np.eye(DIM)[1],
        np.eye(DIM)[2] + np.eye(DIM)[0],
        np.eye(DIM)[2] + np.eye(DIM)[0] + np.eye(DIM)[1],
    ]
    words = ROYAL + [f"w{i}" for i in range(4, SIZE)]
    return Vectors(words, matrix, np.arange(SIZE, 0, -1) ** 2)


@pytest.fixture
def path(vectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors.save("v.safetensors")
    return "v.safetensors"


def data_of(html: str) -> dict:
    return json.loads(PAGE_DATA.search(html)[1])["maps"]["map-0"]


def array(value: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(value["base64"]), value["dtype"])


def test_the_commonest_words_and_their_nearest_of_this_map(vectors):
    (panel,) = word_map(vectors, 50).panels
    assert panel.words == vectors.words[:50]
    assert panel.counts.tolist() == vectors.counts[:50].tolist()
    only = Vectors(vectors.words[:50], vectors.matrix[:50])
    for word, rows, cosines in zip(panel.words, panel.neighbours, panel.cosines, strict=True):
        wanted = only.nearest(word, NEIGHBOURS)
        assert [panel.words[row] for row in rows] == [near for near, _ in wanted]
        np.testing.assert_allclose(cosines, [cosine for _, cosine in wanted], atol=1e-6)


def test_a_page_holds_what_the_map_has(vectors):
    made = word_map(vectors, 50)
    (panel,) = made.panels
    data = data_of(made.to_html())
    assert data["words"] == list(panel.words)
    assert data["shown"] == {}
    np.testing.assert_array_equal(array(data["points"]).reshape(-1, 2), panel.points)
    np.testing.assert_array_equal(array(data["neighbours"]).reshape(50, -1), panel.neighbours)
    np.testing.assert_allclose(array(data["cosines"]) / 1e4, panel.cosines.ravel(), atol=6e-5)
    np.testing.assert_array_equal(array(data["counts"]), panel.counts)


def test_words_that_are_named_each_once_and_those_of_n_grams(vectors):
    (panel,) = word_map(vectors, ["w9", "king", "w9"]).panels
    assert panel.words == ("w9", "king")
    assert panel.neighbours.tolist() == [[1], [0]]
    rows = np.random.default_rng(0).standard_normal((50, DIM)).astype(np.float32)
    known = Vectors(
        vectors.words,
        vectors.matrix,
        vectors.counts,
        subwords=SubwordRows(Subwords(3, 4, 50), rows),
    )
    (panel,) = word_map(known, ["king", "kingly"]).panels
    assert panel.counts.tolist() == [vectors.counts[2], -1]


def test_a_word_that_is_unknown_is_told_with_those_that_are_meant(vectors):
    with pytest.raises(UnknownWordError, match=r"unknown word 'quen': .* did you mean 'queen'"):
        word_map(vectors, ["quen"])
    with pytest.raises(UnknownWordError, match=r"unknown word '서울': .* \(case matters\)"):
        word_map(vectors, ["서울"])
    with pytest.raises(EmbedlayerError, match="words is 0: it must be at least 1"):
        word_map(vectors, 0)
    with pytest.raises(EmbedlayerError, match="words is 'king': it must be a whole number"):
        word_map(vectors, "king")
    with pytest.raises(EmbedlayerError, match="no words to show"):
        word_map(vectors, [])
    with pytest.raises(EmbedlayerError, match="words are strings, not 3"):
        word_map(vectors, [3])


def test_analogies_have_their_answers_and_are_a_map_of_their_own(vectors):
    made = word_map(vectors, analogies=[("man", "woman", "king")])
    (panel,) = made.panels
    assert panel.words == ("man", "woman", "king", "queen")
    assert panel.analogies == ((0, 1, 2, 3),)
    (panel,) = word_map(vectors, ["w5", "king"], analogies=[("man", "woman", "king")]).panels
    assert [panel.words[i] for i in panel.analogies[0]] == ["man", "woman", "king", "queen"]
    assert panel.words[:2] == ("w5", "king")
    for wrong in ([("man", "king")], ["man"]):
        with pytest.raises(EmbedlayerError, match="an analogy is three words"):
            word_map(vectors, analogies=wrong)
    three = Vectors(ROYAL[:3], vectors.matrix[:3])
    with pytest.raises(EmbedlayerError, match="no word is left that could answer"):
        word_map(three, analogies=[("man", "woman", "king")])


def test_two_neighbourhoods_and_what_both_have(vectors):
    made = neighbourhoods(vectors, "king", "queen", 20)
    for panel, word in zip(made.panels, ("king", "queen"), strict=True):
        assert panel.words == (word, *(near for near, _ in vectors.nearest(word, 20)))
        assert panel.centre == 0
    left, right = made.panels
    both = set(left.words) & set(right.words)
    assert {"king", "queen"} <= both
    told = {
        word for word, g in zip(left.words, left.groups, strict=True) if left.labels[g] == "in both"
    }
    assert told == both
    assert made.title == "The neighbourhoods of king and queen"


def test_labels_the_most_frequent_first(vectors):
    labels = {"man": "b", "woman": "a", "king": "a", "elsewhere": "c"}
    (panel,) = word_map(vectors, 4, labels=labels).panels
    assert panel.labels == ("a", "b")
    assert panel.groups.tolist() == [1, 0, 0, NO_LABEL]


def test_vectors_without_counts_and_one_word():
    (panel,) = word_map(Vectors(["one"], np.ones((1, 1)))).panels
    assert panel.counts is None
    assert panel.neighbours.shape == (1, 0)
    assert data_of(word_map(Vectors(["one"], np.ones((1, 1)))).to_html())["counts"] is None
    assert word_map(Vectors(["one"], np.ones((1, 1)))).about() == "1 word · principal components"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("서울", "서울"), ("שלום", "שלום"), ("a b", "a b"), ("<b>", "<b>"),
        ("", "(empty)"), (" ", "U+0020"), ("\u200b\u200b", "U+200B U+200B"),
        ("\ufeff" * 9, "U+FEFF U+FEFF U+FEFF …"), ("\u0301", "\u25cc\u0301"),
        ("\u202ea", "\ufffda"), ("a\nb", "a\ufffdb"), ("\ud800a", "\ufffda"),
        ("x" * 99, "x" * (MOST_LETTERS - 1) + "…"),
    ],
)  # fmt: skip
def test_a_word_is_shown_so_that_it_can_be_seen(word, shown):
    assert shown_word(word) == shown


def test_hostile_words_are_data_and_nothing_else():
    made = word_map(Vectors(HOSTILE, np.random.default_rng(0).standard_normal((len(HOSTILE), 3))))
    html = made.to_html()
    assert data_of(html)["words"] == HOSTILE
    plain = word_map(Vectors(["a", "b"], np.eye(2))).to_html()
    assert re.findall("<(/?[a-z]+)", html) == re.findall("<(/?[a-z]+)", plain)
    assert word_map(Vectors(["a"], np.eye(1)), title="<b>&").to_html().count("&lt;b&gt;&amp;") == 2


def test_files_of_words_and_labels(tmp_path):
    words, labels = tmp_path / "words.txt", tmp_path / "labels.tsv"
    words.write_bytes("\ufeffking\r\n\nnew york\n서울".encode())
    assert read_words(words) == ["king", "new york", "서울"]
    labels.write_text("king\tperson\nseoul\tcity\nking\tperson\n", encoding="utf-8")
    assert read_labels(labels) == {"king": "person", "seoul": "city"}
    for text, message in (
        ("king person", r"labels\.tsv, line 1: it needs a word, a tab and a label"),
        ("a\tb\n\na\tc\n", r"line 3: 'a' has another label above"),
        ("\n", "has no labels"),
    ):
        labels.write_text(text, encoding="utf-8")
        with pytest.raises(EmbedlayerError, match=message):
            read_labels(labels)
    words.write_bytes(b"ok\n\xff\n")
    with pytest.raises(EmbedlayerError, match="is not UTF-8"):
        read_words(words)
    words.write_text("\n")
    with pytest.raises(EmbedlayerError, match="has no words"):
        read_words(words)


def test_plot_writes_a_page(path, tmp_path):
    done = run("plot", path, "-o", "map.html", "--words", 20, "--title", "Twenty <words>")
    assert done.stdout == ""
    assert done.stderr == (
        "wrote map.html: 20 words · principal components; open it in a browser\n"
    )
    html = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<h1>Twenty &lt;words&gt;</h1>" in html
    assert len(data_of(html)["words"]) == 20
    run("plot", path, "-o", "again.html", "--words", 20, "--title", "Twenty <words>")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_plot_of_words_that_are_named_with_labels_and_an_analogy(path, tmp_path):
    (tmp_path / "words.txt").write_text("w7\nw8\n")
    (tmp_path / "labels.tsv").write_text("w7\tseventh\n")
    done = run(
        *("plot", path, "-o", "map.html", "--word", "w5", "--words-file", "words.txt"),
        *("--labels", "labels.tsv", "--analogy", "man", "woman", "king"),
    )
    assert done.stderr.startswith("man is to woman as king is to queen\n")
    data = data_of((tmp_path / "map.html").read_text(encoding="utf-8"))
    assert data["words"] == ["w5", "w7", "w8", *ROYAL]
    assert data["labels"] == ["seventh"]
    run("plot", path, "-o", "both.html", "--neighbours", "king", "queen")
    assert "Around queen" in (tmp_path / "both.html").read_text(encoding="utf-8")


def test_mistakes_of_plot_are_told_before_any_work(path, tmp_path):
    made = ("plot", path, "-o", "map.html")
    assert "map.gif' is none of these" in mistake("plot", path, "-o", "map.gif")
    assert mistake("plot", path, "-o", "absent/map.html").startswith("cannot write absent/map.html")
    assert "not both" in mistake(*made, "--words", 3, "--word", "king")
    assert "a picture of its own" in mistake(*made, "--neighbours", "king", "queen", "--words", 3)
    assert "did you mean 'king'" in mistake(*made, "--word", "kign")
    assert "t-SNE needs 10 words" in mistake(*made, "--method", "tsne", "--words", 9)
    assert [one.name for one in tmp_path.iterdir()] == ["v.safetensors"]
