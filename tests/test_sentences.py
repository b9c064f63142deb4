"""Sentence vectors: weighted means that are known by hand, and those of the definitions."""

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.sentences import principal_directions, without_directions
from embedlayer.vectors.vectors import Vectors

WORDS = ["the", "tea", "cup", "car"]
MATRIX = np.array([[4, 0], [0, 2], [2, 2], [-1, 0]], np.float32)
COUNTS = [70, 20, 9, 1]


@pytest.fixture
def vectors() -> Vectors:
    return Vectors(WORDS, MATRIX, COUNTS)


def defined(vectors: Vectors, sentence, weight, by_size=False) -> np.ndarray:
    """The weighted mean, word by word, in float64."""
    words = [word for word in sentence if word in vectors]
    total = len(words) if by_size else sum(map(weight, words))
    rows = [weight(word) * vectors[word].astype(np.float64) for word in words]
    return sum(rows, np.zeros(vectors.dim)) / (total or 1)


def test_a_sentence_is_the_mean_of_its_known_words(vectors):
    found = vectors.sentence(["the", "tea", "unknown", "tea"])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [4 / 3, 4 / 3], rtol=1e-6)
    batch = vectors.sentences([["the", "tea", "unknown", "tea"], [], ("no", "word"), ["car"]])
    assert (batch.dtype, batch.shape) == (np.float32, (4, 2))
    np.testing.assert_allclose(batch, [[4 / 3, 4 / 3], [0, 0], [0, 0], [-1, 0]], rtol=1e-6)
    assert vectors.sentences([]).shape == (0, 2)
    assert vectors.sentences(iter([iter(["car"])])).tolist() == [[-1, 0]]


def test_each_weighting_is_its_definition():
    random = np.random.default_rng(3)
    words = [f"w{i}" for i in range(60)]
    counts = random.integers(1, 1000, 60)
    vectors = Vectors(words, random.standard_normal((60, 7)), counts)
    sentences = [random.choice([*words, "?"], size).tolist() for size in (0, 1, 2, 30, 500)]
    count, total = dict(zip(words, counts.tolist(), strict=True)), int(counts.sum())
    own = {word: i % 5 for i, word in enumerate(words[:40])}
    weights = np.arange(60) % 7
    for weighting, weight, by_size in (
        ("mean", lambda word: 1, False),
        ("tfidf", lambda word: 1 + np.log((1 + total) / (1 + count[word])), False),
        ("sif", lambda word: 0.01 / (0.01 + count[word] / total), True),
        (own, lambda word: own.get(word, 0), False),
        (weights, lambda word: weights[words.index(word)], False),
    ):
        wanted = [defined(vectors, sentence, weight, by_size) for sentence in sentences]
        found = vectors.sentences(sentences, weighting, a=0.01)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
        alone = [vectors.sentence(sentence, weighting, a=0.01) for sentence in sentences]
        np.testing.assert_array_equal(alone, found)  # none depends on its neighbours


def test_words_without_weight_give_zeros(vectors):
    found = vectors.sentences([["the", "tea"], ["the"]], {"tea": 2})
    assert found.tolist() == [[0, 2], [0, 0]]


@pytest.mark.parametrize("form", [csr_array, coo_matrix])
def test_counts_by_word_may_stand_for_sentences(vectors, form):
    sentences = [["tea", "the", "tea"], [], ["car"]]
    counts = form(np.array([[1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]))
    for weighting in ("mean", "tfidf", "sif", {"tea": 1, "the": 2}):
        np.testing.assert_allclose(
            vectors.sentences(counts, weighting),
            vectors.sentences(sentences, weighting),
            rtol=1e-6,
        )
    assert vectors.term_counts(sentences).toarray().tolist() == counts.toarray().tolist()


def test_sif_removes_what_all_sentences_have_in_common():
    """The first right singular vector of the sentences, as in the paper."""
    random = np.random.default_rng(5)
    words = [f"w{i}" for i in range(50)]
    common = 3 * np.ones(6)
    vectors = Vectors(words, random.standard_normal((50, 6)) + common, np.arange(50, 0, -1))
    sentences = [random.choice(words, 12).tolist() for _ in range(40)]
    plain = vectors.sentences(sentences, "sif").astype(np.float64)
    first = np.linalg.svd(plain)[2][0]
    wanted = plain - np.outer(plain @ first, first)
    found = vectors.sentences(sentences, "sif", components=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert abs(first @ common) / np.linalg.norm(common) > 0.99


def test_as_many_directions_as_there_can_be():
    rows = np.array([[3, 0, 0], [0, 0, 2]], np.float32)
    directions = principal_directions(rows, 5)
    np.testing.assert_allclose(np.abs(directions), [[1, 0, 0], [0, 0, 1]], atol=1e-7)
    np.testing.assert_allclose(without_directions(rows, directions), 0, atol=1e-6)
    assert principal_directions(rows[:0], 1).shape == (0, 3)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda v: v.sentence("the tea"), r"sentence 0 is the str 'the tea': .*text.split\(\)"),
        (lambda v: v.sentences(["the tea"]), "sentence 0 is the str"),
        (lambda v: v.sentences([["tea"], 3]), "sentence 1 is the int 3"),
        (lambda v: v.sentences([["tea"], {"tea": 1}]), "sentence 1 is the dict"),
        (lambda v: v.sentences("tea"), "lists of words, not the str 'tea'"),
        (lambda v: v.sentences(3), "lists of words, not the int 3"),
        (lambda v: v.sentences([[["tea"]]]), "list of strings"),
        (lambda v: v.sentences(csr_array((2, 3))), r"matrix \(2, 3\) is not \(n, 4\).*vocabulary"),
        (lambda v: v.sentences(csr_array([[1, -1, 0, 0]])), "counts .* finite numbers from 0 up"),
        (lambda v: v.sentences(csr_array([[1, np.nan, 0, 0]])), "counts .* finite numbers"),
        (lambda v: v.sentence(["tea"], "idf"), "weighting 'idf': choose mean, tfidf, sif"),
        (lambda v: v.sentence(["tea"], 3), "weighting 3: choose"),
        (lambda v: v.sentence(["tea"], {"tea": -1}), "finite numbers from 0 up"),
        (lambda v: v.sentence(["tea"], {"tea": "x"}), "weights of words are numbers"),
        (lambda v: v.sentence(["tea"], np.ones(3)), "one for each"),
        (lambda v: v.sentence(["tea"], np.full(4, np.nan)), "finite numbers"),
        (lambda v: v.sentence(["tea"], np.full(4, 1j)), "weights of words are numbers"),
        (lambda v: v.sentence(np.array("tea")), r"sentence 0 is the ndarray array\('tea'"),
        (lambda v: v.sentences(np.array("tea")), "lists of words, not the ndarray"),
        (lambda v: v.sentence(["tea"], "sif", a=0), "a is 0: SIF needs a number above 0"),
        (lambda v: v.sentence(["tea"], "sif", a="x"), "a is 'x'"),
        (lambda v: v.sentences([["tea"]], components=-1), "components is -1"),
        (lambda v: Vectors(v.words, v.matrix).sentence(["tea"], "sif"), "needs the counts"),
    ],
)
def test_what_is_refused(vectors, ask, message):
    with pytest.raises(EmbedlayerError, match=message):
        ask(vectors)


def test_vectors_are_pickled_read_only_and_never_copied_deeply(vectors):
    vectors.unit()
    loaded = pickle.loads(pickle.dumps(vectors))
    assert (loaded.words, loaded.counts.tolist()) == (vectors.words, COUNTS)
    np.testing.assert_array_equal(loaded.matrix, MATRIX)
    assert not loaded.matrix.flags.writeable
    assert copy.deepcopy(vectors) is vectors
