"""The vocabulary: order, choice, subsampling probabilities, and words as bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.storage.words import pack_words, unpack_words
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
    with pytest.raises(EmbedlayerError, match="2 words need 2 counts"):
        Vocabulary(["a", "b"], [1])
    with pytest.raises(EmbedlayerError, match="falling count"):
        Vocabulary(["a", "b"], [1, 2])
    with pytest.raises(EmbedlayerError, match="'a' more than once"):
        Vocabulary(["a", "b", "a"], [3, 2, 1])["b"]


def test_keep_probabilities_known_answers():
    vocabulary = Vocabulary(["common", "middling", "rare"], [9000, 990, 10])
    # sqrt(s / f) + s / f with s = 1e-3 and f = 0.9, 0.099, 0.001
    expected = [np.sqrt(1e-3 / 0.9) + 1e-3 / 0.9, np.sqrt(1e-3 / 0.099) + 1e-3 / 0.099, 1.0]
    np.testing.assert_allclose(vocabulary.keep_probabilities(1e-3), expected, rtol=1e-15)
    np.testing.assert_allclose(vocabulary.keep_probabilities(1e-3)[0], 0.034444444444, rtol=1e-9)
    assert vocabulary.keep_probabilities(0).tolist() == [1, 1, 1]
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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_packed_words_come_back(words):
    data, offsets = pack_words(words)
    assert data.dtype == np.uint8
    assert offsets.dtype == np.int64
    assert data.tobytes() == "".join(words).encode()
    assert unpack_words(data, offsets) == words


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
