"""Rows that a thread keeps to itself: nothing that it or another thread adds to them is lost."""

import numpy as np
import pytest
from examples import check_equal, make_step, run_in_parts, run_step
from numba import njit

from embedlayer.kernels import cpu, reference
from embedlayer.kernels.cpu import hot
from embedlayer.kernels.cpu.lanes import FLOAT, add, lanes
from embedlayer.kernels.cpu.simd import LANES, splat

modes = pytest.mark.parametrize(("mean", "divide"), [(False, False), (True, False), (True, True)])


def two_threads(*arguments):
    return cpu.sgd_step(*arguments, threads=2)


@modes
@pytest.mark.parametrize("dim", [16, 33])
@pytest.mark.parametrize("words", [5, 60])
def test_a_thread_alone_learns_what_it_would_without(words, dim, mean, divide):
    """With all rows kept (5 words) and with the first 21 of 60; some exchanged on the way."""
    step = make_step([3, 1, 0, 4] * 170, words=words, dim=dim, width=6, dtype=np.float32)
    assert hot.hot_rows(step.W_in, len(step.rows), 2)[0] == min(words, 21)
    assert len(step.rows) > 10 * hot.BLOCK
    wanted = run_in_parts(reference.sgd_step, step, 1 + mean, 0.01, mean, divide)
    check_equal(run_step(two_threads, step, 0.01, mean, divide), wanted, 3e-4)


@njit
def keep(W, own, rows, masked):
    return hot.open_table(W, own, rows, 4, masked)


@njit
def add_one(table, row, dim, masked):
    for d in range(0, dim, LANES):
        at = table.own + row * table.pitch + d * FLOAT
        add(at, splat(np.float32(1)), lanes(dim, d, masked))


@pytest.mark.parametrize("dim", [16, 20])
def test_what_threads_add_to_one_row_adds_up(dim):
    W = np.arange(5.0 * dim, dtype=np.float32).reshape(5, dim)
    wanted, masked = W.copy(), True if dim % LANES else None
    scratch = [hot.own_rows(3, W) for _ in range(2)]
    one, two = (keep(W, own, 3, masked) for own in scratch)
    for table, row in ((one, 1), (two, 1), (two, 2)):
        add_one(table, row, dim, masked)
        wanted[row] += 1
    W += 4  # a third, without copies
    for _ in range(2):  # what was exchanged once is known to both sides
        hot.close_table(one, dim, masked)
        hot.close_table(two, dim, masked)
        np.testing.assert_array_equal(W, wanted + 4)


def test_rows_are_kept_where_others_write_and_the_call_is_long_enough():
    W = np.zeros((10_000, 112), np.float32)
    assert hot.hot_rows(W, 10**6, 1) == (0, 1)
    assert hot.hot_rows(W, 10**6, 2) == (hot.HOT_BYTES // 448, 64)
    assert hot.hot_rows(W, 3_200, 2) == (100, 64)
    assert hot.hot_rows(W[:7], 10**6, 5) == (7, 16)
    assert hot.hot_rows(W, 10**6, 500)[1] == 4
