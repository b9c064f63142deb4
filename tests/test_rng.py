"""Random numbers are a pure function of key and counter, the same wherever they are computed."""

import numpy as np
import pytest
from numba import njit
from scipy.stats import chisquare

from embedlayer import rng

WORD = 2**64


def hash_by_integers(key: int, counter: int) -> int:
    """SplitMix64's finaliser on Python's integers."""
    bits = (key + (counter + 1) * 0x9E3779B97F4A7C15) % WORD
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % WORD
    return bits ^ (bits >> 31)


COUNTERS = [0, 1, 2, 17, 2**31, 2**40 + 3, WORD - 2]


@pytest.mark.parametrize("key", [0, 1, 12345678901234567890])
def test_hash_equals_python_integers_and_its_compiled_self(key):
    wanted = [hash_by_integers(key, counter) for counter in COUNTERS]
    counters = np.array(COUNTERS, np.uint64)
    assert rng.hash64(np.array(key, np.uint64), counters).tolist() == wanted
    compiled = njit(rng.hash64)
    assert [int(compiled(np.uint64(key), np.uint64(c))) for c in COUNTERS] == wanted


def test_first_number_of_splitmix64():
    """The published first output of SplitMix64 seeded with 0."""
    assert int(rng.hash64(np.array(0, np.uint64), np.zeros(1, np.uint64))[0]) == 0xE220A8397B1DCDAF


def test_keys_differ_by_seed_purpose_and_epoch():
    keys = {
        int(rng.make_key(seed, purpose, epoch))
        for seed in range(5)
        for purpose in ("window", "negative")
        for epoch in range(5)
    }
    assert len(keys) == 50
    assert rng.make_key(3, "window", 2) == rng.make_key(3, "window", 2)


def test_below_is_uniform_and_in_range():
    bits = rng.hash64(np.array(5, np.uint64), np.arange(60_000, dtype=np.uint64))
    numbers = rng.below(bits, np.uint64(7))
    assert numbers.max() == 6
    assert chisquare(np.bincount(numbers.astype(np.int64))).pvalue > 1e-3


def test_uniform_is_in_range_and_can_be_made_in_parts():
    key = rng.make_key(1, "W_in")
    whole = rng.uniform(np, key, (100, 30))
    assert whole.dtype == np.float32
    assert (whole >= 0).all()
    assert (whole < 1).all()
    assert abs(whole.mean() - 0.5) < 4 / np.sqrt(12 * whole.size)
    np.testing.assert_array_equal(rng.uniform(np, key, (40, 30), 60 * 30), whole[60:])
