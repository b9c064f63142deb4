"""Bags of rows for a piece of text: each implementation does what the definition says."""

import numpy as np
import pytest

from embedlayer.backend import to_numpy
from embedlayer.kernels import kernels_for, reference

ROWS = 50


def made(dim, words=30, seed=0, dtype=np.float32):
    """A table, and bags of 1 to 9 rows of it; rows repeat within and between bags."""
    random = np.random.default_rng(seed)
    W = random.standard_normal((ROWS, dim)).astype(dtype)
    offsets = np.concatenate([[0], np.cumsum(random.integers(1, 10, words))]).astype(np.int64)
    return W, random.integers(0, ROWS, offsets[-1]).astype(np.int32), offsets


@pytest.mark.parametrize("size", [0, 1, 7, 3000])
def test_distinct_ids_and_their_places(xp, size):
    ids = np.random.default_rng(1).integers(-1, 40, size).astype(np.int32)
    kernels = kernels_for(xp.zeros(1))
    found, places = map(to_numpy, kernels.distinct(xp.asarray(ids), 40))
    assert (found.dtype, places.dtype) == (np.int32, np.int32)
    assert sorted(found) == sorted(set(ids.tolist()) - {-1})
    assert ((places < 0) == (ids < 0)).all()
    assert (found[places[ids >= 0]] == ids[ids >= 0]).all()


def test_distinct_ids_that_share_a_slot(xp):
    """Among 500 ids in 4,096 slots some thirty pairs share one."""
    random = np.random.default_rng(4)
    ids = np.unique(random.integers(0, 2**31 - 1, 500)).astype(np.int32)
    ids = random.permutation(ids.repeat(3))
    kernels = kernels_for(xp.zeros(1))
    found, places = map(to_numpy, kernels.distinct(xp.asarray(ids), 2**31 - 1))
    assert sorted(found) == sorted(set(ids.tolist()))
    assert (found[places] == ids).all()


@pytest.mark.parametrize("dim", [1, 16, 17, 64, 100, 112, 200])
@pytest.mark.parametrize("bags", [[], [3], [5, 2, 29, 0, 2]])
def test_means_of_bags(xp, dim, bags):
    W, ids, offsets = made(dim)
    bags = np.array(bags, np.int32)
    given = [xp.asarray(array) for array in (W, ids, offsets, bags)]
    found = to_numpy(kernels_for(given[0]).bag_means(*given))
    assert found.dtype == np.float32
    assert found.shape == (len(bags), dim)
    for b, mean in zip(bags, found, strict=True):
        wanted = W[ids[offsets[b] : offsets[b + 1]]].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(mean, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dim", [1, 16, 17, 64, 100, 112, 200])
@pytest.mark.parametrize("bags", [[], [3], [5, 2, 29, 0, 2]])
def test_values_added_to_bags(xp, dim, bags):
    W, ids, offsets = made(dim)
    bags = np.array(bags, np.int32)
    values = np.random.default_rng(2).standard_normal((len(bags), dim)).astype(np.float32)
    wanted = W.astype(np.float64)
    for b, value in zip(bags, values, strict=True):
        np.add.at(wanted, ids[offsets[b] : offsets[b + 1]], value)
    given = [xp.asarray(array) for array in (W.copy(), ids, offsets, bags, values)]
    kernels_for(given[0]).add_to_bags(*given)
    np.testing.assert_allclose(to_numpy(given[0]), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_left_to_the_reference(xp, dtype):
    W, ids, offsets = made(5, dtype=dtype)
    bags, values = np.array([1, 4], np.int32), np.ones((2, 5), dtype)
    given = [xp.asarray(array) for array in (W.copy(), ids, offsets, bags)]
    kernels = kernels_for(given[0])
    assert kernels.bag_means(*given).dtype == dtype
    kernels.add_to_bags(*given, xp.asarray(values))
    wanted = W.copy()
    reference.add_to_bags(wanted, ids, offsets, bags, values)
    np.testing.assert_array_equal(to_numpy(given[0]), wanted)
