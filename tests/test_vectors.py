"""Vectors: what they hold and refuse, and queries whose answers are known by hand."""

import math
import pickle
from copy import copy, deepcopy
from functools import partial

import numpy as np
import pytest
from gpu import double
from hypothesis import given
from hypothesis import strategies as st

from embedlayer import backend
from embedlayer.device import Cuda, Host
from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.vectors.evaluation import evaluate
from embedlayer.vectors.vectors import Vectors

# man, woman, king, queen: two directions; "far" points the other way; "zero" nowhere.
WORDS = ["man", "woman", "king", "queen", "far", "zero"]
MATRIX = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-2, 0, 0], [0, 0, 0]], np.float32)


@pytest.fixture(autouse=True)
def every_library(xp):
    """Every question is asked on NumPy, on the double of CuPy and on a device."""


@pytest.fixture
def vectors() -> Vectors:
    return Vectors(WORDS, MATRIX, counts=[9, 8, 7, 6, 5, 1], metadata={"seed": 1, "args": ["a"]})


def brute_force(matrix: np.ndarray, query: np.ndarray, excluded: set[int], k: int) -> list[int]:
    """Rows by falling float64 cosine, then by number: the definition, one row at a time."""

    def cosine(row: np.ndarray) -> float:
        lengths = float(np.linalg.norm(row) * np.linalg.norm(query))
        return float(row @ query) / lengths if lengths else 0.0

    cosines = [cosine(row.astype(np.float64)) for row in matrix]
    order = sorted(range(len(matrix)), key=lambda i: (-cosines[i], i))
    return [i for i in order if i not in excluded][:k]


def test_holds_what_it_was_given(vectors):
    assert vectors.words == tuple(WORDS)
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, MATRIX)
    assert vectors.counts.dtype == np.int64
    assert vectors.counts.tolist() == [9, 8, 7, 6, 5, 1]
    assert vectors.metadata == {"seed": 1, "args": ["a"]}
    assert (len(vectors), vectors.dim) == (6, 3)
    assert "king" in vectors
    assert "King" not in vectors
    assert 3 not in vectors
    assert vectors.index("king") == 2
    assert vectors["king"].tolist() == [1, 0, 1]
    assert vectors[["king", "man", "king"]].tolist() == [[1, 0, 1], [1, 0, 0], [1, 0, 1]]
    assert vectors[[]].shape == (0, 3)
    assert repr(vectors) == "<Vectors: 6 words, 3 dimensions>"


def test_counts_and_metadata_may_be_unknown():
    vectors = Vectors(["a"], [[1.0]])
    assert vectors.counts is None
    assert vectors.metadata == {}


def test_is_immutable_and_does_not_copy():
    matrix = MATRIX.copy()
    counts = np.arange(6)
    vectors = Vectors(WORDS, matrix, counts)
    assert np.shares_memory(vectors.matrix, matrix)
    for array in (vectors.matrix, vectors["man"], vectors.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    vectors.metadata["new"] = 1
    assert vectors.metadata == {}
    matrix[0, 0] = 5  # the giver's own array stays writable


def test_any_real_layout_becomes_float32_in_row_order():
    for matrix in (
        MATRIX.astype(np.float64),
        MATRIX.astype(np.int8),
        np.asfortranarray(MATRIX),
        MATRIX[:, ::-1][:, ::-1],
        MATRIX.tolist(),
    ):
        held = Vectors(WORDS, matrix).matrix
        assert held.dtype == np.float32
        assert held.flags.c_contiguous
        np.testing.assert_array_equal(held, MATRIX)
    assert Vectors(WORDS, MATRIX, np.arange(6)[::-1]).counts.flags.c_contiguous


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], np.zeros((0, 3))), "no words"),
        ((["a", "b", "a"], np.zeros((3, 2))), "'a' is given twice, as 0 and 2"),
        ((["a", 7], np.zeros((2, 2))), "word 1 is 7"),
        ((["a", "b"], np.zeros((3, 2))), r"need a matrix \(2, D\); this is \(3, 2\)"),
        ((["a", "b"], np.zeros(2)), r"this is \(2,\)"),
        ((["a"], np.zeros((1, 0))), r"this is \(1, 0\)"),
        ((["a"], [["x"]]), "real numbers"),
        ((["a"], [[1j]]), "real numbers"),
        ((["a", "b", "c"], [[1, 2], [1, math.nan], [math.inf, 0]]), "the vector of 'b'"),
        ((["a", "b"], [[1.0], [-math.inf]]), "the vector of 'b'"),
        ((["a", "b"], [[1.0], [1e200]]), "the vector of 'b'"),
        ((["a"], [[1]], [1, 2]), "counts are 1 integers"),
        ((["a"], [[1]], [1.5]), "counts are 1 integers"),
        ((["a"], [[1]], [-1]), "counts are 1 integers"),
        ((["a"], [[1]], [1], {"x": object()}), "what JSON can hold"),
        ((["a"], [[1]], [1], {"x": math.nan}), "what JSON can hold"),
        ((["a"], [[1]], [1], 3), "metadata is a dict, not a int"),
        (("ab", np.eye(2)), "words are of type str: give a list of strings"),
        (({"a", "b"}, np.eye(2)), "words are of type set"),
        (({"a": 1, "b": 2}, np.eye(2)), "words are of type dict"),
        ((2, np.eye(2)), "words are of type int"),
        ((["a"], [[1]], [1], {"x": "\ud800"}), "what JSON can hold"),
        ((["a"], [[1]], [1], ["x"]), "metadata is a dict, not a list"),
        ((["a"], [[1]], [1], []), "metadata is a dict, not a list"),
        ((["a", "b"], np.eye(2), [2**62, 2**62]), "sum to more than 64 bits"),
        ((np.array("a"), [[1]]), "words are of type ndarray"),
        ((["a", "b"], [[1, 2], [3]]), r"no array can be made of \[\[1, 2\], \[3\]\]"),
        ((["a", "b"], np.eye(2), [1, [2]]), "no array can be made of"),
    ],
)
def test_refuses_what_does_not_fit(arguments, message):
    with pytest.raises(EmbedlayerError, match=message):
        Vectors(*arguments)


@pytest.mark.parametrize(
    "ask",
    [
        lambda v: v["King"],
        lambda v: v[["man", "King"]],
        lambda v: v.index("King"),
        lambda v: v.nearest("King"),
        lambda v: v.nearest(["man", "King"]),
        lambda v: v.analogy("man", "King", "woman"),
        lambda v: v.similarity("man", "King"),
        lambda v: v.doesnt_match(["man", "woman", "King"]),
    ],
)
def test_unknown_word_is_named(vectors, ask):
    with pytest.raises(UnknownWordError, match=r"unknown word 'King': .* 6 words \(case matters\)"):
        ask(vectors)


def test_no_cosine_is_beyond_one():
    """Rounding brings dot products of unit rows to 1.0000002, of which there is no arc cosine."""
    matrix = np.random.default_rng(1).standard_normal((300, 50), np.float32)
    words = [str(i) for i in range(len(matrix))]
    vectors = Vectors([*words, *(f"-{word}" for word in words)], np.concatenate([matrix, -matrix]))
    found = [pair for pairs in vectors.nearest(matrix, len(vectors)) for pair in pairs]
    found += [pair for pairs in vectors.analogy(words, words, words[::-1], 9) for pair in pairs]
    cosines = [cosine for _, cosine in found]
    cosines += [vectors.similarity(word, f"{sign}{word}") for word in words for sign in ("", "-")]
    assert (min(cosines), max(cosines)) == (-1, 1)
    assert min(map(math.acos, cosines)) == 0


def test_nearest_of_a_word(vectors):
    answer = vectors.nearest("man", k=3)
    assert [word for word, _ in answer] == ["woman", "king", "queen"]  # a tie goes by row
    np.testing.assert_allclose([s for _, s in answer], [0.5**0.5, 0.5**0.5, 3**-0.5], rtol=1e-6)
    assert all(type(score) is float for _, score in answer)


def test_nearest_takes_all_there_is(vectors):
    answer = vectors.nearest("man", k=100)
    assert [word for word, _ in answer] == ["woman", "king", "queen", "zero", "far"]
    assert answer[-2:] == [("zero", 0.0), ("far", -1.0)]


def test_nearest_of_a_vector_excludes_nothing_and_ignores_its_length(vectors):
    expected = [("man", 1.0)]
    assert vectors.nearest(MATRIX[0], k=1) == expected
    assert vectors.nearest([1000, 0, 0], k=1) == expected
    assert vectors.nearest(np.array([1e-30, 0, 0]), k=1) == expected
    assert vectors.nearest([-1.0, 0, 0], k=1) == [("far", 1.0)]


def test_nearest_of_a_batch_is_the_list_of_its_answers(vectors):
    batch = vectors.nearest(["man", "queen", "man"], k=2)
    assert batch == [vectors.nearest(word, k=2) for word in ("man", "queen", "man")]
    assert vectors.nearest(("far",), k=1) == [[("zero", 0.0)]]
    assert vectors.nearest([]) == []
    matrix = vectors.nearest(MATRIX[:2], k=4)
    assert matrix == [vectors.nearest(row, k=4) for row in MATRIX[:2]]
    assert vectors.nearest(np.zeros((0, 3))) == []


def test_nearest_to_nothing_goes_by_row(vectors):
    assert vectors.nearest("zero", k=2) == [("man", 0.0), ("woman", 0.0)]
    assert vectors.nearest([0, 0, 0], k=1) == [("man", 0.0)]


@pytest.mark.parametrize(
    ("query", "k", "message"),
    [
        ("man", 0, "k is 0: it must be at least 1"),
        (["man"], -3, "k is -3: it must be at least 1"),
        ("man", 2.5, "k is 2.5: it must be a whole number"),
        ("man", "2", "k is '2': it must be a whole number"),
        ("man", 2.0, "k is 2.0: it must be a whole number"),
        ("man", True, "k is True: it must be a whole number"),
        ([1.0, 2.0], 1, r"has 3 numbers, \(D,\) or \(n, D\); this is \(2,\)"),
        (np.zeros((2, 2, 3)), 1, r"this is \(2, 2, 3\)"),
        (5.0, 1, r"this is \(\)"),
        (["man", 1.0, 2.0], 1, "a query is a word, words, a vector or a matrix"),
        (np.array([1j, 0, 0]), 1, "a query is a word, words, a vector or a matrix"),
        ("man", np.zeros((3, 3)), r"^k is array\(\[\[0., 0., 0.\], .* whole number$"),
        ([math.nan, 0, 0], 1, "NaN or an infinity"),
        ([1e300, 0, 0], 1, "NaN or an infinity"),
    ],
)
def test_nearest_refuses(vectors, query, k, message):
    with pytest.raises(EmbedlayerError, match=message):
        vectors.nearest(query, k)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "a path is a string or a Path, not None"),
        (b"v.vec", "a path is a string or a Path, not b'v.vec'"),
        (["v.vec"], "a path is a string or a Path"),
        (3, "a path is a string or a Path, not 3"),
        ("a\0b.vec", "no file can have the name"),
        ("\ud800.vec", "no file can have the name"),
    ],
)
def test_what_is_no_path_is_refused(vectors, path, message):
    for use in (Vectors.load, vectors.save, partial(evaluate, vectors)):
        with pytest.raises(EmbedlayerError, match=message):
            use(path)


def test_analogy(vectors):
    answer = vectors.analogy("man", "woman", "king", k=1)
    assert answer[0][0] == "queen"
    unit = [MATRIX[i] / np.linalg.norm(MATRIX[i]) for i in range(4)]
    target = unit[1] - unit[0] + unit[2]
    assert answer[0][1] == pytest.approx(target @ unit[3] / np.linalg.norm(target), rel=1e-6)


def test_analogy_never_answers_its_own_words(vectors):
    assert vectors.analogy("man", "man", "man", k=1)[0][0] == "woman"
    answers = [word for word, _ in vectors.analogy("man", "woman", "king", k=9)]
    assert sorted(answers) == ["far", "queen", "zero"]


def test_analogies_of_a_batch(vectors):
    a, b, c = ["man", "woman"], ["woman", "man"], ["king", "queen"]
    batch = vectors.analogy(a, b, c, k=2)
    assert batch == [vectors.analogy(*words, k=2) for words in zip(a, b, c, strict=True)]
    assert [answer[0][0] for answer in batch] == ["queen", "king"]
    assert vectors.analogy([], [], []) == []
    with pytest.raises(EmbedlayerError, match="of one length, not 2, 2 and 1 words"):
        vectors.analogy(a, b, ["king"])
    for mixed in (("man", b, "king"), (a, b, MATRIX[:2])):
        with pytest.raises(EmbedlayerError, match="three words, or three lists of words"):
            vectors.analogy(*mixed)


def test_arrays_of_strings_are_words(vectors):
    words = ["queen", "man"]
    for dtype in (str, object, np.dtypes.StringDType()):
        given = np.array(words, dtype)
        np.testing.assert_array_equal(vectors[given], vectors[words])
        assert vectors.nearest(given, 2) == vectors.nearest(words, 2)
        assert vectors.analogy(given, given, given) == vectors.analogy(words, words, words)
    one = np.array("king")
    assert vectors[one].shape == (3,)
    assert vectors.nearest(one, 2) == vectors.nearest(np.str_("king"), 2)
    assert {type(word) for word, _ in vectors.nearest(one)} == {str}
    with pytest.raises(UnknownWordError, match="unknown word 7"):
        vectors[7]


@pytest.mark.parametrize("size", [1, 2, 4, 6, 100])
def test_answers_among_the_first_words_are_those_of_fewer_vectors(vectors, size):
    fewer = Vectors(WORDS[:size], MATRIX[:size])
    for k in (1, 9):
        found = vectors.nearest(MATRIX, k, restrict_vocab=size)
        assert found == fewer.nearest(MATRIX, k)
        for word, near in zip(WORDS, vectors.nearest(WORDS, k, restrict_vocab=size), strict=True):
            wanted = fewer.nearest(vectors[word], 9)
            assert near == [pair for pair in wanted if pair[0] != word][:k]
    assert vectors.analogy("man", "woman", "king", restrict_vocab=3) == []
    for wrong in (0, 1.5):
        with pytest.raises(EmbedlayerError, match=f"restrict_vocab is {wrong}: it must be"):
            vectors.nearest("man", restrict_vocab=wrong)


def test_iteration_gives_the_words(vectors):
    assert list(vectors) == WORDS
    assert dict.fromkeys(vectors) == dict.fromkeys(WORDS)
    assert (["man"] in vectors, np.str_("man") in vectors) == (False, True)


@pytest.mark.parametrize("duplicate", [copy, deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_equal_and_read_only(vectors, duplicate):
    vectors.unit()
    other = duplicate(vectors)
    assert type(other) is Vectors
    assert (other.words, other.metadata) == (vectors.words, vectors.metadata)
    np.testing.assert_array_equal(other.matrix, MATRIX)
    assert other.counts.tolist() == [9, 8, 7, 6, 5, 1]
    for array in (other.matrix, other.counts):
        assert not array.flags.writeable
    assert other.nearest("man") == vectors.nearest("man")
    same = other is vectors  # as a deep copy of a str is: nothing of it can change
    assert (other == vectors, len({other, vectors})) == (same, 1 if same else 2)


def test_a_pickle_is_as_small_as_what_is_held():
    """Neither the vectors at length 1 nor the table that these are a part of."""
    table = np.random.default_rng(0).standard_normal((4000, 50), np.float32)
    vectors = Vectors([str(i) for i in range(400)], table[:400])
    vectors.unit()
    assert len(pickle.dumps(vectors)) < vectors.matrix.nbytes + 400 * 10 + 1000


def test_similarity(vectors):
    assert vectors.similarity("man", "queen") == pytest.approx(3**-0.5, rel=1e-15)
    assert vectors.similarity("man", "far") == -1.0
    assert vectors.similarity("man", "zero") == 0.0


def test_doesnt_match(vectors):
    assert vectors.doesnt_match(["man", "far", "woman", "queen"]) == "far"
    assert vectors.doesnt_match(("woman", "king", "queen")) == "woman"  # as far as king: the first
    assert vectors.doesnt_match(np.array(["man", "far", "woman"])) == "far"
    with pytest.raises(EmbedlayerError, match="three words or more, not 2"):
        vectors.doesnt_match(["man", "woman"])
    for no_list in ("king", np.zeros(3), 7):
        with pytest.raises(EmbedlayerError, match="doesnt_match takes a list of words, not"):
            vectors.doesnt_match(no_list)


def test_unit_rows_of_any_size():
    matrix = np.array([[3, 4], [3e38, 3e38], [1e-37, 0], [0, 0], [-1e-30, 0]], np.float32)
    expected = [[0.6, 0.8], [0.5**0.5, 0.5**0.5], [1, 0], [0, 0], [-1, 0]]
    unit = backend.to_numpy(Vectors(list("abcde"), matrix).unit())
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, expected, rtol=1e-6)


def test_unit_is_computed_once_for_a_backend(vectors):
    assert vectors.unit() is vectors.unit()


@pytest.mark.parametrize("k", [1, 2, 7, 39, 40])
def test_chunks_and_ties_agree_with_the_definition(monkeypatch, k):
    for device in (Host, Cuda):
        monkeypatch.setattr(device, "search_scores", 100)  # two directions at a time
    rng = np.random.default_rng(0)
    axes = np.vstack([np.eye(3), -np.eye(3), np.zeros((1, 3))])  # cosines of −1, 0 and 1: ties
    rows = 3 * axes[rng.integers(0, 7, 40)]
    vectors = Vectors([f"w{i}" for i in range(40)], rows)
    queries = axes[rng.permutation(7)]
    for query, answer in zip(queries, vectors.nearest(queries, k), strict=True):
        assert [vectors.index(word) for word, _ in answer] == brute_force(rows, query, set(), k)
    words = list(vectors.words[:7])
    for row, answer in enumerate(vectors.nearest(words, k)):
        expected = brute_force(rows, rows[row], {row}, k)
        assert [vectors.index(word) for word, _ in answer] == expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 40))
def test_random_vectors_agree_with_the_definition(seed, size, k):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((size, 5)).astype(np.float32)
    vectors = Vectors([str(i) for i in range(size)], matrix)
    answer = vectors.nearest("0", k)
    assert [int(word) for word, _ in answer] == brute_force(matrix, matrix[0], {0}, k)
    scores = [score for _, score in answer]
    assert scores == sorted(scores, reverse=True)


def test_a_batch_comes_back_from_the_device_once(on_double, monkeypatch):
    """Whatever the number of questions and of chunks: two uploads, one answer."""
    monkeypatch.setattr(Cuda, "search_scores", 100)  # two directions at a time
    matrix = np.random.default_rng(0).standard_normal((40, 5))
    vectors = Vectors([f"w{i}" for i in range(40)], matrix)
    with backend.use_backend("numpy"):
        expected = vectors.nearest(vectors.words, 3), vectors.nearest(matrix, 1)
    with backend.use_backend("cupy"):
        vectors.unit()
        before = double.counters.copy()
        found = vectors.nearest(vectors.words, 3), vectors.nearest(matrix, 1)
        taken = {name: double.counters[name] - before[name] for name in before}
        assert taken == {"sync": 2, "to_device": 4, "to_host": 2}
        assert backend.array_module(vectors.unit()) is on_double
    for ours, theirs in zip([*expected[0], *expected[1]], [*found[0], *found[1]], strict=True):
        assert [word for word, _ in ours] == [word for word, _ in theirs]
        np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], atol=1e-6)
