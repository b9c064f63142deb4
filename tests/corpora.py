"""Corpora compared: words, counts, ids and sentences, to the bit."""

import numpy as np


def check_same_corpus(found, wanted):
    """Raise unless a corpus has the bits of another."""
    assert found.vocabulary.words == wanted.vocabulary.words
    np.testing.assert_array_equal(found.vocabulary.counts, wanted.vocabulary.counts)
    np.testing.assert_array_equal(found.ids, wanted.ids)
    np.testing.assert_array_equal(found.offsets, wanted.offsets)
    assert found.tokens_read == wanted.tokens_read
    assert found.checked().fingerprint() == wanted.fingerprint()
