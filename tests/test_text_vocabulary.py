"""The vocabulary: order, choice, subsampling probabilities, and words as bytes."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.storage.words import PIECE_WORDS, pack_words, unpack_words
from embedlayer.text.vocabulary import Vocabulary

COUNTS = {"the": 9, "zebra": 5, "apple": 5, "é": 5, "rare": 1, "of": 7}


def test_words_fall_in_count_and_ties_follow_code_points():
    vocabulary = Vocabulary.from_counts(COUNTS, min_count=5)
    assert vocabulary.words == ["the", "of", "apple", "zebra", "é"]
    assert vocabulary.counts.tolist() == [9, 7, 5, 5, 5]
    assert vocabulary.counts.dtype == np.int64
    assert vocabulary.total == 31
    assert len(vocabulary) == 5
    assert list(vocabulary) == vocabulary.words


def test_the_order_of_the_counts_does_not_matter():
    backwards = dict(reversed(COUNTS.items()))
    forwards = Vocabulary.from_counts(COUNTS, min_count=1)
    assert Vocabulary.from_counts(backwards, min_count=1).words == forwards.words


@pytest.mark.parametrize("max_size", [1, 2, 3, 4, 5, 6, 100])
def test_max_size_keeps_the_most_frequent(max_size):
    everything = Vocabulary.from_counts(COUNTS, min_count=1)
    vocabulary = Vocabulary.from_counts(COUNTS, min_count=1, max_size=max_size)
    assert vocabulary.words == everything.words[:max_size]
    assert vocabulary.counts.tolist() == everything.counts.tolist()[:max_size]


def test_lookup():
    vocabulary = Vocabulary.from_counts(COUNTS, min_count=5)
    assert [vocabulary[word] for word in vocabulary.words] == [0, 1, 2, 3, 4]
    assert "apple" in vocabulary
    assert "rare" not in vocabulary
    with pytest.raises(UnknownWordError, match="'rare' is not among the 5 words"):
        vocabulary["rare"]


def test_no_word_is_frequent_enough():
    with pytest.raises(EmbedlayerError, match=r"occurs 10 times .* occurs 9 times; lower min_cou"):
        Vocabulary.from_counts(COUNTS, min_count=10)
    with pytest.raises(EmbedlayerError, match="occurs 0 times"):
        Vocabulary.from_counts({})


@pytest.mark.parametrize(("name", "value"), [("min_count", 0), ("max_size", 0), ("max_size", -3)])
def test_options_below_one(name, value):
    with pytest.raises(EmbedlayerError, match=f"{name} is {value}: it must be at least 1"):
        Vocabulary.from_counts(COUNTS, **{name: value})


def test_what_the_constructor_refuses():
    with pytest.raises(EmbedlayerError, match="counts are 2 integers"):
        Vocabulary(["a", "b"], [1])
    with pytest.raises(EmbedlayerError, match="falling count"):
        Vocabulary(["a", "b"], [1, 2])
    with pytest.raises(EmbedlayerError, match="'a' more than once"):
        Vocabulary(["a", "b", "a"], [3, 2, 1])
    for words in ([], [1, 2], ["a", None]):
        with pytest.raises(EmbedlayerError, match="needs words"):
            Vocabulary(words, [1] * len(words))


@pytest.mark.parametrize(
    "counts",
    [
        [2.0, 1.0],
        [np.nan, 1],
        [2, -1],
        [2j, 1],
        ["2", "1"],
        [True, False],
        [None, 1],
        [[2], [1]],
        np.array([2**63, 1], np.uint64),
        [2**64, 1],
        [2**62, 2**62],
    ],
)
def test_counts_that_are_none(counts):
    with pytest.raises(EmbedlayerError, match="counts"):
        Vocabulary(["a", "b"], counts)
    with pytest.raises(EmbedlayerError, match="counts"):
        Vocabulary.from_counts(dict(zip("ab", counts, strict=True)), min_count=1)


def test_unsigned_counts_that_fall():
    assert Vocabulary(["a", "b"], np.array([2, 1], np.uint32)).counts.tolist() == [2, 1]
    with pytest.raises(EmbedlayerError, match="falling count"):
        Vocabulary(["a", "b"], np.array([1, 2], np.uint32))


def test_keep_probabilities_known_answers():
    vocabulary = Vocabulary(["common", "middling", "rare"], [9000, 990, 10])
    # sqrt(s / f) + s / f with s = 1e-3 and f = 0.9, 0.099, 0.001
    expected = [np.sqrt(1e-3 / 0.9) + 1e-3 / 0.9, np.sqrt(1e-3 / 0.099) + 1e-3 / 0.099, 1.0]
    np.testing.assert_allclose(vocabulary.keep_probabilities(1e-3), expected, rtol=1e-15)
    np.testing.assert_allclose(vocabulary.keep_probabilities(1e-3)[0], 0.034444444444, rtol=1e-9)
    assert vocabulary.keep_probabilities(0).tolist() == [1, 1, 1]
    once = Vocabulary(["common", "once", "never"], [999, 1, 0]).keep_probabilities(1e-5)
    np.testing.assert_allclose(once[1:], 0.1 + 0.01, rtol=1e-15)  # s / f = 1e-5 / 1e-3
    for sample in (-1e-3, np.nan, np.inf):
        with pytest.raises(EmbedlayerError, match="sample is"):
            vocabulary.keep_probabilities(sample)


def test_save_and_load(tmp_path):
    path = tmp_path / "vocabulary.safetensors"
    vocabulary = Vocabulary(["the", "한국", "naïve", "🎵"], [9, 4, 2, 1])
    vocabulary.save(path)
    loaded = Vocabulary.load(path)
    assert loaded.words == vocabulary.words
    assert loaded.counts.tolist() == vocabulary.counts.tolist()
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(EmbedlayerError, match="holds no vocabulary"):
        Vocabulary.load(path)
    with pytest.raises(EmbedlayerError, match="cannot write"):
        vocabulary.save(tmp_path / "absent" / "vocabulary.safetensors")


WORDS, OFFSETS = np.frombuffer(b"ab", np.uint8), np.array([0, 1, 2])
NO_VOCABULARY = [
    ({"counts": np.array([2.0, 1.0])}, "the tensor counts is not int64, 1-D"),
    ({"counts": np.array([2, 1], np.uint64)}, "the tensor counts is not int64, 1-D"),
    ({"counts": np.array([2, -1])}, "integers from 0 up"),
    ({"counts": np.array([1, 2])}, "falling count"),
    ({"word_offsets": np.array([0, 2**63 - 1, -2, 2])}, "offsets fall"),
    ({"word_offsets": np.array([0])}, "do not span"),
    ({"words": np.frombuffer(b"aa", np.uint8)}, "'a' more than once"),
    ({"words": WORDS[:0], "word_offsets": OFFSETS[:1], "counts": OFFSETS[:0]}, "needs words"),
]


@pytest.mark.parametrize(("changed", "message"), NO_VOCABULARY)
def test_files_that_hold_no_vocabulary(tmp_path, changed, message):
    path = tmp_path / "vocabulary.safetensors"
    good = {"words": WORDS, "word_offsets": OFFSETS, "counts": np.array([2, 1])}
    save_file(good, path)
    assert Vocabulary.load(path).words == ["a", "b"]
    save_file(good | changed, path)
    with pytest.raises(EmbedlayerError, match=f"holds no vocabulary: .*{message}"):
        Vocabulary.load(path)


def test_a_pipe_in_the_place_of_a_vocabulary_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EmbedlayerError, match="no such file"):
        Vocabulary.load(tmp_path / "pipe")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_packed_words_come_back(words):
    data, offsets = pack_words(words)
    assert data.dtype == np.uint8
    assert offsets.dtype == np.int64
    assert data.tobytes() == "".join(words).encode()
    assert unpack_words(data, offsets) == words


@pytest.mark.parametrize("odd", [[], ["", "é", "日本"], ["a\nb", "\n", "é\n"], ["\r", "a b"]])
def test_many_packed_words_come_back(odd):
    words = [f"w{i}" for i in range(PIECE_WORDS - 2)] + odd + ["ö"] * (PIECE_WORDS + 1) + odd
    assert unpack_words(*pack_words(words)) == words


def test_a_lone_surrogate_is_named():
    with pytest.raises(EmbedlayerError, match=r"the word 'b\\ud800' holds a lone surrogate"):
        pack_words(["a", "b\ud800"])


@pytest.mark.parametrize(
    ("data", "offsets", "message"),
    [
        (b"abc", [0, 1], "do not span the 3 bytes"),
        (b"abc", [1, 3], "do not span"),
        (b"abc", [], "do not span"),
        (b"abc", [0, 2, 1, 3], "fall"),
        (b"a\xff", [0, 2], "not UTF-8"),
        ("é".encode(), [0, 1, 2], "inside a UTF-8 character"),
    ],
)
def test_bytes_that_are_no_words(data, offsets, message):
    with pytest.raises(EmbedlayerError, match=message):
        unpack_words(np.frombuffer(data, np.uint8), np.array(offsets, np.int64))
