"""n-grams: compiled and plain are one, and fastText's."""

import numpy as np
import pytest
from ngram_hashes import ngram_hashes

from embedlayer.errors import EmbedlayerError
from embedlayer.ngrams import Subwords, bags

WORDS = [
    "a",
    "ab",
    "where",
    "한국어",
    "naïve",
    "🙂🙂",
    "</s>",
    "<>",
    "x" * 300,
    "aaaa",
    "é",
    "loss",
    "</s<",
]


@pytest.mark.parametrize(("min_n", "max_n"), [(3, 6), (1, 1), (1, 4), (2, 2), (5, 100)])
@pytest.mark.parametrize("buckets", [1, 7, 2_000_000, 2**31 - 1])
def test_the_buckets_are_the_hashes_of_the_definition(min_n, max_n, buckets):
    offsets, found = bags(WORDS, Subwords(min_n, max_n, buckets))
    assert (offsets.dtype, found.dtype) == (np.int64, np.int32)
    assert offsets[0] == 0
    assert offsets[-1] == len(found)
    for i, word in enumerate(WORDS):
        wanted = [] if word == "</s>" else list(ngram_hashes(word, min_n, max_n))
        assert found[offsets[i] : offsets[i + 1]].tolist() == [h % buckets for h in wanted]


def test_the_ngrams_of_a_word_are_those_of_the_paper():
    """Section 3.2: where has <wh, whe, her, ere, re>; FNV-1a of each."""

    def fnv(text):
        number = 2166136261
        for byte in text.encode():
            number = (number ^ byte) * 16777619 % 2**32
        return number

    wanted = [fnv(part) for part in ("<wh", "whe", "her", "ere", "re>")]
    assert list(ngram_hashes("where", 3, 3)) == wanted
    _, found = bags(["where"], Subwords(3, 3, 10**6))
    assert found.tolist() == [number % 10**6 for number in wanted]


def test_bytes_above_127_are_signed():
    """fastText's hash of "é" (c3 a9), each byte extended by its sign, by hand."""
    number = 2166136261
    for byte in (0xFFFFFFC3, 0xFFFFFFA9):
        number = (number ^ byte) * 16777619 % 2**32
    assert list(ngram_hashes("é", 1, 1)) == [number]


def test_no_words_have_no_ngrams():
    offsets, found = bags([], Subwords())
    assert offsets.tolist() == [0]
    assert len(found) == 0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"min_n": 0}, "min_n is 0"),
        ({"max_n": 101}, "max_n is 101"),
        ({"min_n": 5, "max_n": 4}, "min_n 5, max_n 4"),
        ({"buckets": 0}, "buckets is 0"),
        ({"buckets": 2**31}, "buckets is 2147483648"),
        ({"min_n": 2.5}, "min_n is 2.5"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given, named):
    with pytest.raises(EmbedlayerError, match=named):
        Subwords(**given)
