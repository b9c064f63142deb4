"""Instructions of our own on vectors of integers, against the same in Python."""

import numpy as np
import placed
import pytest

from embedlayer.kernels.cpu.simd import vector
from embedlayer.kernels.cpu.simd.integers import any_equal, any_in_both, odd_in_sixes
from embedlayer.storage.compiled import compiled


@compiled
def compiled_odd(ids):
    return odd_in_sixes(ids.ctypes.data), ids  # a visible use: numba frees an array behind the last


@compiled
def compiled_both(ids):
    return any_in_both(ids.ctypes.data), ids


@compiled
def compiled_equal(ids, first, count):
    return any_equal(ids.ctypes.data + 4 * first, count), ids


@pytest.mark.parametrize("words", [2, 9, 60, 2**31 - 1])
def test_what_is_odd_in_twice_six_integers(words):
    random = np.random.default_rng(words)
    for _ in range(300):
        ids = placed.with_margins(random.integers(0, words, 16).astype(np.int32))
        assert compiled_odd(ids)[0] == placed.odd_in_sixes(ids.ctypes.data)
        ids[random.integers(0, 16)] -= words  # one is negative
        assert compiled_odd(ids)[0] == placed.odd_in_sixes(ids.ctypes.data)


def test_each_pair_of_a_six_is_compared():
    for one in range(16):
        for other in range(one):
            ids = placed.with_margins(np.arange(16, dtype=np.int32))
            ids[one] = ids[other]
            odd = int(compiled_odd(ids)[0])
            of_pair = {1 << one, 1 << other, 1 << one | 1 << other}
            assert odd in of_pair if one // 6 == other // 6 and one < 12 else odd == 0


def test_each_of_six_is_compared_with_each_of_the_six_behind():
    for one in range(16):
        for other in range(one):
            ids = placed.with_margins(np.arange(16, dtype=np.int32))
            ids[one] = ids[other]
            both = compiled_both(ids)[0]
            assert both == (other < 6 <= one < 12) == placed.any_in_both(ids.ctypes.data)


@pytest.mark.parametrize("count", range(17))
def test_each_pair_of_so_many_is_compared(count):
    distinct = np.arange(-1, 15, dtype=np.int32)
    assert not compiled_equal(distinct, 0, count)[0]
    for one in range(16):
        for other in range(one):
            ids = distinct.copy()
            ids[one] = ids[other]
            assert compiled_equal(ids, 0, count)[0] == (one < count)


def test_nothing_behind_so_many_is_read():
    """At the end of an array whose next page nobody may read."""
    ids = placed.at_guarded_page(np.array([4, 7, 4], np.int32), at_end=True)
    assert [bool(compiled_equal(ids, 0, count)[0]) for count in range(4)] == [False] * 3 + [True]


def test_the_features_are_those_that_numba_compiles_for(monkeypatch):
    def unknown():
        raise RuntimeError

    for features, found in (("+avx2,+avx512f", True), ("+avx2,-avx512f,+avx512fp16", False)):
        monkeypatch.setattr(vector.config, "CPU_FEATURES", features)
        assert vector.has_feature("avx512f") == found
    monkeypatch.setattr(vector.config, "CPU_FEATURES", None)
    host = vector.binding.get_host_cpu_features()
    assert all(vector.has_feature(name) == there for name, there in host.items())
    monkeypatch.setattr(vector.config, "ENABLE_AVX", 0)
    assert not vector.has_feature("avx512f")
    monkeypatch.setattr(vector.config, "ENABLE_AVX", 1)
    monkeypatch.setattr(vector.binding, "get_host_cpu_features", unknown)
    assert not vector.has_feature("avx512f")
