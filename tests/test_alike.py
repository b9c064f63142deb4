"""Words that are spelt alike: what an unknown word may have meant, and where that is told."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embedlayer import Vectors
from embedlayer.compat.gensim import KeyedVectors
from embedlayer.errors import UnknownWordError
from embedlayer.storage import alike as module
from embedlayer.storage.alike import alike
from embedlayer.text.vocabulary import Vocabulary

WORDS = ["the", "france", "french", "fence", "New_York", "서울", "부산", "receive", "Zürich"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("France", ["france"]),
        ("FRANCE ", ["france"]),
        ("frence", ["france", "french", "fence"]),
        ("recieve", ["receive"]),
        ("New York", ["New_York"]),
        ("new york", ["New_York"]),
        ("서욹", ["서울"]),
        ("서울", ["서울"]),  # decomposed, as macOS names files
        ("zurich", ["Zürich"]),
        ("th", []),  # too short to tell
        ("", []),
        ("x" * 65, []),
        ("qqqqqqq", []),
    ],
)
def test_what_may_have_been_meant(word, found):
    assert alike(word, WORDS, set(WORDS)) == found


def distance(a, b):
    """Restricted Damerau-Levenshtein, from its definition."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            steps = [table[i - 1, j] + 1, table[i, j - 1] + 1]
            steps.append(table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                steps.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(steps)
    return table[len(a), len(b)]


@given(st.text("abcd", min_size=3, max_size=9), st.lists(st.text("abcd\0\n", max_size=9)))
@example("abcd", [])
@example("abcd", ["ab\0cd", ""])
def test_it_is_the_nearest_by_edits_and_the_first_of_those_alike(word, words):
    edits = 2 if len(word) >= 6 else 1
    far = [(distance(word, other.replace("\0", " " if "\0" in "".join(words) else "\0")), row)
           for row, other in enumerate(words)]  # fmt: skip
    wanted = [words[row] for edit, row in sorted(far) if edit <= edits][:3]
    assert alike(word, words) == wanted


def test_of_a_large_vocabulary_the_most_frequent_are_looked_at(monkeypatch):
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    assert alike("recieve", WORDS) == []
    assert alike("frence", WORDS) == ["france", "french"]


def test_the_errors_of_python_say_it_and_are_key_errors():
    vectors = Vectors(WORDS, np.eye(len(WORDS)))
    vocabulary = Vocabulary(WORDS, range(len(WORDS), 0, -1))
    keyed = KeyedVectors(2)
    keyed.add_vectors(WORDS, np.ones((len(WORDS), 2)))
    for ask in (
        lambda: vectors["France"],
        lambda: vectors.nearest("France"),
        lambda: vocabulary["France"],
        lambda: keyed["France"],
    ):
        with pytest.raises(KeyError) as caught:
            ask()
        assert str(caught.value).endswith("; did you mean 'france'?")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(UnknownWordError, match=r"did you mean 'france', 'french' or 'fence'\?$"):
        vectors["frence"]
    with pytest.raises(UnknownWordError, match=r"\(case matters\)$"):
        vectors["qqqqqqq"]


def test_nothing_is_looked_for_until_the_error_is_shown(monkeypatch):
    """A program that asks for many words, and catches KeyError, pays nothing for it."""
    asked = []
    monkeypatch.setattr(module, "alike", lambda word, *_: asked.append(word) or [])
    vectors = Vectors(WORDS, np.eye(len(WORDS)))
    with pytest.raises(KeyError) as caught:
        vectors["France"]
    assert asked == []
    assert "unknown word" in str(caught.value)
    assert asked == ["France"]
