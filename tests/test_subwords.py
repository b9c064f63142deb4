"""Unseen words: their vectors, in every question, in files; rows that are dropped or rounded."""

import copy
import json
import pickle

import numpy as np
import pytest
from ngram_hashes import ngram_hashes

from embedlayer import EmbedlayerError, Vectors, evaluate
from embedlayer.errors import UnknownWordError
from embedlayer.ngrams import Subwords
from embedlayer.storage.words import pack_words
from embedlayer.vectors.quantized import Quantized
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.word_means import WordMeans

NGRAMS = Subwords(2, 4, 101)
RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((101, 6)).astype(np.float32)
WORDS = ["walk", "walks", "talk", "talks", "한국어", "café"]
MATRIX = RNG.standard_normal((6, 6)).astype(np.float32)
COUNTS = [60, 50, 40, 30, 20, 10]
VECTORS = Vectors(WORDS, MATRIX, COUNTS, {"a": 1}, subwords=SubwordRows(NGRAMS, ROWS))
PLAIN = Vectors(WORDS, MATRIX, COUNTS)


def by_hand(word: str, rows=ROWS) -> np.ndarray:
    """The definition: the mean of the rows of all n-grams, in float64."""
    buckets = [number % len(rows) for number in ngram_hashes(word, 2, 4)]
    return rows[buckets].astype(np.float64).mean(axis=0) if buckets else np.zeros(rows.shape[1])


@pytest.mark.parametrize("word", ["walking", "한국어의", "naïve", "🙂🙂", "x", "aaaa" * 50])
def test_an_unseen_word_is_the_mean_of_its_n_grams(word):
    within = 1e-7 * (5 + len(word))  # the sum is float32's, in fastText's order
    assert np.abs(VECTORS[word] - by_hand(word)).max() < within
    assert VECTORS[word].dtype == np.float32
    assert VECTORS[[word, "walk"]][0].tolist() == VECTORS[word].tolist()


def test_words_that_are_there_are_as_without_n_grams():
    assert VECTORS["walk"].tolist() == MATRIX[0].tolist()
    assert VECTORS[WORDS].tolist() == MATRIX.tolist()
    assert VECTORS.nearest(WORDS, 3) == PLAIN.nearest(WORDS, 3)
    assert VECTORS.analogy("walk", "walks", "talk") == PLAIN.analogy("walk", "walks", "talk")
    assert "walking" not in VECTORS
    assert VECTORS.find(["walk", "walking"]).tolist() == [0, -1]
    with pytest.raises(UnknownWordError, match="'walking'"):
        VECTORS.index("walking")
    with pytest.raises(UnknownWordError, match="'walking'"):
        PLAIN["walking"]
    with pytest.raises(UnknownWordError, match="unknown word 7"):
        VECTORS[["walk", 7]]
    with pytest.raises(EmbedlayerError, match="lone surrogate"):
        VECTORS["\ud800"]


def test_a_word_without_n_grams_is_zeros():
    several = Vectors(["a"], np.ones((1, 6)), subwords=SubwordRows(Subwords(5, 6, 101), ROWS))
    for word in ("x", "", "</s>"):
        assert several[word].tolist() == [0] * 6
        assert several.similarity(word, "a") == 0
    assert VECTORS["</s>"].tolist() == [0] * 6
    assert VECTORS["</s"].any()


def test_questions_take_unseen_words(xp):
    vector = VECTORS["walking"]
    assert VECTORS.nearest("walking", 6) == VECTORS.nearest(vector, 6)
    assert len(VECTORS.nearest("walking", 9)) == 6
    both = VECTORS.nearest(["walking", "walk"], 3)
    for found, word in zip(both, ["walking", "walk"], strict=True):
        alone = dict(VECTORS.nearest(word, 3))
        assert dict(found) == pytest.approx(alone, abs=1e-6)
    unit = [VECTORS[word] / np.linalg.norm(VECTORS[word]) for word in ("walk", "walking", "talk")]
    wanted = VECTORS.nearest(unit[1] - unit[0] + unit[2], 6)
    found = VECTORS.analogy("walk", "walking", "talk", 6)
    assert [word for word, _ in found] == [w for w, _ in wanted if w not in ("walk", "talk")]
    cosine = float(unit[0] @ unit[1])
    assert VECTORS.similarity("walk", "walking") == pytest.approx(cosine, abs=1e-6)
    assert VECTORS.doesnt_match(["walk", "walking", "walked"]) in ("walk", "walking", "walked")


@pytest.mark.parametrize(
    ("weighting", "weights"),
    [
        ("mean", (1, 1, 1)),
        ("tfidf", (1 + np.log(211 / 61), 1 + np.log(211), 1 + np.log(211 / 31))),
        ("sif", (1e-3 / (1e-3 + 60 / 210), 1, 1e-3 / (1e-3 + 30 / 210))),
        ({"walk": 2.0, "walking": 3.0}, (2, 3, 0)),
        (np.arange(1.0, 7.0), (1, 0, 4)),
    ],
    ids=["mean", "tfidf", "sif", "mapping", "array"],
)
def test_sentences_have_unseen_words(weighting, weights):
    words = ["walk", "walking", "talks"]
    total = 3 if isinstance(weighting, str) and weighting == "sif" else sum(weights)
    wanted = sum(w * VECTORS[word] for w, word in zip(weights, words, strict=True)) / total
    found = VECTORS.sentences([words, ["walk"], ["</s>", None], []], weighting)
    assert np.abs(found[0] - wanted).max() < 1e-6
    assert np.abs(found[1] - PLAIN.sentences([["walk"]], weighting)[0]).max() < 1e-6
    assert not found[2:].any()
    beside = VECTORS.sentences([["walk", "</s>"]], weighting)[0]  # a word of none does not count
    assert np.abs(beside - found[1]).max() < 1e-6
    assert not VECTORS.sentences([["</s>"]], weighting).any()
    assert VECTORS.term_counts([words]).sum() == 2  # its columns are the words that are there
    with pytest.raises(EmbedlayerError, match="a sentence is a list of strings"):
        VECTORS.sentences([[["walk"]]])


@pytest.mark.parametrize("words", [["walk", "walking", "talks"], ["walking"], ["</s>"], []])
def test_weights_are_checked_whichever_words_sentences_have(words):
    few = np.arange(1.0, 1.0 + max(1, len(words)))
    for vectors in (VECTORS, PLAIN):
        with pytest.raises(EmbedlayerError, match="finite numbers from 0 up, one for each"):
            vectors.sentences([words], few)
        with pytest.raises(EmbedlayerError, match="weighting"):
            vectors.sentences([words], "nonsense")


def test_evaluation_counts_what_needed_n_grams(tmp_path):
    (tmp_path / "pairs").write_text("walk walks 9\nWALKING talk 5\nwalk </s> 1\ntalk café 2\n")
    found = evaluate(VECTORS, tmp_path / "pairs")
    assert (found.found, found.out_of_vocabulary, found.unseen) == (3, 1, 1)
    assert found.to_dict()["unseen"] == 1
    assert str(found).endswith("3 of 4 pairs (1 with an unknown word), 1 by n-grams")
    plain = evaluate(PLAIN, tmp_path / "pairs")
    assert (plain.found, plain.unseen) == (2, None)
    assert "unseen" not in plain.to_dict()
    limited = evaluate(VECTORS, tmp_path / "pairs", restrict_vocab=3)
    assert (limited.found, limited.unseen) == (2, 1)  # "café" has a row, which is not looked at
    questions = ": gram\nwalk walking talk talks\nwalk walks talk talking\n"
    (tmp_path / "questions").write_text(questions)
    found = evaluate(VECTORS, tmp_path / "questions")
    assert (found.total.asked, found.total.unseen, found.total.out_of_vocabulary) == (1, 1, 1)
    best = VECTORS.analogy("walk", "walking", "talk", 1)[0][0]
    assert found.total.correct == (best == "talks")
    assert json.loads(json.dumps(found.to_dict()))["total"]["unseen"] == 1
    assert "1 of them by n-grams" in str(found)
    assert "unseen" not in evaluate(PLAIN, tmp_path / "questions").to_dict()["total"]


def test_rows_that_no_word_has_are_dropped():
    pruned = VECTORS.pruned()
    buckets = sorted({n % 101 for word in WORDS for n in ngram_hashes(word, 2, 4)})
    assert pruned.subwords.kept.tolist() == buckets
    assert pruned.subwords.rows.tolist() == ROWS[buckets].tolist()
    assert pruned.matrix.tobytes() == VECTORS.matrix.tobytes()
    known = pruned.subwords.means(WORDS).vectors
    assert known.tolist() == VECTORS.subwords.means(WORDS).vectors.tolist()
    left = [n % 101 for n in ngram_hashes("walking", 2, 4) if n % 101 in buckets]
    assert 0 < len(left) < len(list(ngram_hashes("walking", 2, 4)))
    assert np.abs(pruned["walking"] - ROWS[left].mean(axis=0)).max() < 1e-6
    again = pruned.pruned()
    assert again.subwords.kept.tolist() == buckets
    with pytest.raises(EmbedlayerError, match="there are no rows of n-grams"):
        PLAIN.pruned()


def test_rows_that_were_dropped_are_not_kept_again():
    """Nor does an n-gram whose row is gone keep another."""
    walk = VECTORS.subwords.pruned(["walk"])
    shared = {n % 101 for n in ngram_hashes("walk", 2, 4)} & {
        n % 101 for n in ngram_hashes("talk", 2, 4)
    }
    assert walk.pruned(["talk"]).kept.tolist() == sorted(shared)
    assert walk.kept[-1] not in shared


def test_words_in_several_pieces_are_as_in_one(monkeypatch):
    words = ["walking", "한국어의", "naïve", *WORDS]
    means, pruned = VECTORS.subwords.means(words), VECTORS.subwords.pruned(words[:3])
    monkeypatch.setattr("embedlayer.vectors.subwords.NGRAMS_AT_ONCE", 1)
    again = VECTORS.subwords.means(words)
    assert again.vectors.tobytes() == means.vectors.tobytes()
    assert again.sizes.tolist() == means.sizes.tolist()
    assert VECTORS.subwords.pruned(words[:3]).kept.tolist() == pruned.kept.tolist()


def test_no_row_is_kept_where_no_word_has_any(tmp_path):
    empty = Vectors(["</s>"], np.ones((1, 6)), subwords=SubwordRows(NGRAMS, ROWS)).pruned()
    assert len(empty.subwords) == 0
    assert empty["walk"].tolist() == [0] * 6
    empty.save(tmp_path / "v.safetensors")
    assert Vectors.load(tmp_path / "v.safetensors")["walk"].tolist() == [0] * 6


@pytest.mark.parametrize("pruned", [False, True])
def test_the_native_format_keeps_them(tmp_path, pruned):
    vectors = VECTORS.pruned() if pruned else VECTORS
    vectors.save(tmp_path / "v.safetensors")
    found = Vectors.load(tmp_path / "v.safetensors")
    assert found.subwords.subwords == NGRAMS
    assert found.subwords.rows.tobytes() == vectors.subwords.rows.tobytes()
    assert found["walking"].tobytes() == vectors["walking"].tobytes()
    assert found.metadata == {"a": 1}
    found.save(tmp_path / "again.safetensors")
    first = (tmp_path / "v.safetensors").read_bytes()
    assert (tmp_path / "again.safetensors").read_bytes() == first
    few = Vectors.load(tmp_path / "v.safetensors", limit=2)
    assert few["talk"].tolist() == vectors.subwords.means(["talk"]).vectors[0].tolist()


def test_float16_is_half_and_tells_its_error(tmp_path):
    VECTORS.save(tmp_path / "v.safetensors", half=True)
    found = Vectors.load(tmp_path / "v.safetensors")
    assert found.matrix.dtype == np.float32
    assert found.matrix.tolist() == MATRIX.astype(np.float16).astype(np.float32).tolist()
    assert found.subwords.rows.dtype == np.float16
    assert found.subwords.rows.tolist() == ROWS.astype(np.float16).tolist()
    about = found.metadata["float16"]
    error = max(np.abs(a.astype(np.float16) - a.astype(float)).max() for a in (MATRIX, ROWS))
    assert about["largest_error"] == pytest.approx(error, rel=1e-2)
    assert 0.999999 < about["lowest_cosine"] < 1
    assert np.abs(found["walking"] - VECTORS["walking"]).max() <= error
    sizes = []
    for half in (False, True):
        rows = SubwordRows(NGRAMS, np.ones((101, 50), np.float32))
        big = Vectors(["a"], np.ones((1, 50)), subwords=rows)
        big.save(tmp_path / "big.safetensors", half=half)
        sizes.append((tmp_path / "big.safetensors").stat().st_size)
    assert sizes[0] - sizes[1] > 0.45 * sizes[0]
    with pytest.raises(EmbedlayerError, match="word2vec-text keeps no float16; native does"):
        VECTORS.save(tmp_path / "v.vec", half=True)
    with pytest.raises(EmbedlayerError, match="float16 holds numbers up to 65504"):
        Vectors(["a"], [[70000.0]]).save(tmp_path / "big.safetensors", half=True)
    with pytest.raises(EmbedlayerError, match="half is"):
        VECTORS.save(tmp_path / "v.safetensors", half="yes")


@pytest.mark.parametrize("first", [0.1, 0.0])
def test_what_float16_loses_is_told_of_all_rows(tmp_path, monkeypatch, first):
    """Of the block of rows that loses most, be it the first or the last."""
    blocks = [[first, 1 / 8], [first, 1 / 4], [0.1 - first, 1 / 8], [0.1 - first, 1 / 4]]
    matrix = np.array(blocks, np.float32)
    monkeypatch.setattr("embedlayer.vectors.formats.half.AT_ONCE", 2)
    Vectors(["a", "b", "c", "d"], matrix).save(tmp_path / "v.safetensors", half=True)
    about = Vectors.load(tmp_path / "v.safetensors").metadata["float16"]
    assert about["largest_error"] == pytest.approx(0.1 - float(np.float16(0.1)), rel=1e-2)
    assert 0.9999999 < about["lowest_cosine"] < 0.999999999


def test_pickles_and_copies_keep_them():
    for again in (pickle.loads(pickle.dumps(VECTORS)), copy.deepcopy(VECTORS)):
        assert again["walking"].tolist() == VECTORS["walking"].tolist()
        assert "n-grams" in repr(again)


def test_codes_are_rows_too():
    codes = RNG.integers(0, 256, (101, 3)).astype(np.uint8)
    centroids, lengths = RNG.standard_normal(256 * 5).astype("f4"), RNG.random(101).astype("f4")
    table = Quantized(codes, centroids, 2, lengths)
    parts = [centroids[i * 512 : i * 512 + 512].reshape(256, 2) for i in range(2)]
    parts.append(centroids[1024:].reshape(256, 1))
    wanted = np.concatenate([part[codes[:, i]] for i, part in enumerate(parts)], axis=1)
    assert np.abs(table[:] - wanted * lengths[:, None]).max() < 1e-6
    assert table[[7, 7, 3]].tolist() == table[:][[7, 7, 3]].tolist()
    assert table.table_of([5, 2])[:].tolist() == table[[5, 2]].tolist()
    assert Quantized(codes, centroids, 2, None)[:].tolist() == wanted.tolist()
    rows = SubwordRows(NGRAMS, table)
    assert np.abs(rows.means(["walking"])[0] - by_hand("walking", table[:])).max() < 1e-6
    pruned = Vectors(WORDS, MATRIX[:, :5], subwords=rows).pruned()
    assert np.abs(pruned["walks"] - MATRIX[1, :5]).max() == 0
    for part, several in ((0, 3), (3, 3), (6, 1)):
        with pytest.raises(EmbedlayerError, match="damaged"):
            Quantized(codes[:, :several], centroids, part, None)


def test_means_are_made_when_they_are_asked_for():
    data, starts = pack_words(WORDS)
    held = WordMeans(data, starts, MATRIX, SubwordRows(NGRAMS, ROWS))
    vectors = Vectors(WORDS, held, subwords=SubwordRows(NGRAMS, ROWS))
    for row, word in enumerate(WORDS):
        buckets = [n % 101 for n in ngram_hashes(word, 2, 4)]
        mean = (MATRIX[row] + ROWS[buckets].sum(axis=0)) / (len(buckets) + 1)
        assert np.abs(vectors[word] - mean).max() < 1e-6
    assert vectors.matrix.tolist() == vectors[WORDS].tolist()
    assert not vectors.matrix.flags.writeable
    assert held[np.array([4, 1])].tolist() == vectors.matrix[[4, 1]].tolist()
    assert held[2:4].tolist() == vectors.matrix[2:4].tolist()


@pytest.mark.parametrize(
    ("subwords", "message"),
    [
        (lambda: SubwordRows(NGRAMS, ROWS[:100]), r"101 buckets of n-grams need a table \(101,"),
        (lambda: SubwordRows(NGRAMS, ROWS[0]), "need a table"),
        (lambda: SubwordRows(NGRAMS, ROWS.astype(int)), "float32 or float16, not int64"),
        (lambda: SubwordRows(NGRAMS, ROWS[:2], [3, 3]), "whole numbers below 101, rising"),
        (lambda: SubwordRows(NGRAMS, ROWS[:2], [3, 101]), "whole numbers below 101, rising"),
        (lambda: SubwordRows(NGRAMS, ROWS[:2], [-1, 3]), "whole numbers below 101, rising"),
        (lambda: SubwordRows(NGRAMS, ROWS[:2], [0.0, 1.0]), "whole numbers below 101, rising"),
        (lambda: SubwordRows(NGRAMS, ROWS[:2], [2]), r"1 buckets of n-grams need a table \(1, D\)"),
        (lambda: Vectors(["a"], [[1.0]], subwords=SubwordRows(NGRAMS, ROWS)), "have 6 dimensions"),
        (lambda: Vectors(["a"], [[1.0]], subwords=ROWS), "subwords are SubwordRows, not array"),
    ],
)
def test_what_does_not_fit_is_told(subwords, message):
    with pytest.raises(EmbedlayerError, match=message):
        subwords()


def test_a_row_that_is_no_number_is_told_with_the_word():
    rows = ROWS.copy()
    rows[next(ngram_hashes("walking", 2, 4)) % 101] = np.inf
    broken = Vectors(WORDS, MATRIX, subwords=SubwordRows(NGRAMS, rows))
    with pytest.raises(EmbedlayerError, match="the vector of 'walking' holds a NaN or an infinity"):
        broken["walking"]
    assert broken["walk"].tolist() == MATRIX[0].tolist()


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [("max_m", 4, "alone"), ("max_n", 1, "may not be longer"), ("max_n", 101, "at most 100")],
)
def test_damaged_native_files_are_told(tmp_path, name, number, message):
    VECTORS.save(tmp_path / "v.safetensors")
    data = (tmp_path / "v.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + size].replace(rb"\"max_n\": 4", rf"\"{name}\": {number}".encode())
    assert header != data[8 : 8 + size]
    changed = len(header).to_bytes(8, "little") + header + data[8 + size :]
    (tmp_path / "v.safetensors").write_bytes(changed)
    with pytest.raises(EmbedlayerError, match=message):
        Vectors.load(tmp_path / "v.safetensors")
