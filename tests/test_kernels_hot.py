"""Rows that a thread keeps to itself: nothing that it or another thread adds to them is lost."""

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, SKIPGRAM, check_equal, make_step, run_in_parts, run_step
from numba import njit

from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Tables
from embedlayer.kernels.cpu import hot
from embedlayer.kernels.cpu.lanes import FLOAT, add, lanes
from embedlayer.kernels.cpu.simd import LANES, splat

modes = pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)


@modes
@pytest.mark.parametrize("dim", [16, 33])
@pytest.mark.parametrize("words", [5, 60])
def test_a_thread_alone_learns_what_it_would_without(words, dim, mode):
    """With all rows kept (5 words) and with the first 20 of 60; some exchanged on the way."""
    step = make_step([3, 1, 0, 4] * 170, words=words, dim=dim, width=6, dtype=np.float32)
    assert len(step.rows) > 10 * hot.BLOCK
    kept = []

    def step_with_copies(tables, *arguments):
        with hot.OwnRows(tables, tokens=20 * 500 * hot.TOKENS, threads=500) as own:
            kept.extend(own.hot)
            return cpu.sgd_step(tables, *arguments, own=own)

    wanted = run_in_parts(reference.sgd_step, step, 1 + mode.mean, 0.01, mode)
    check_equal(run_step(step_with_copies, step, 0.01, mode), wanted, 3e-4)
    assert kept == [min(words, 20)] * 2


def test_copies_outlive_a_call():
    """What a call has learnt is seen by the next one, and by the tables at the end."""
    step = make_step([3, 1, 0, 4] * 40, words=9, dim=16, width=6, dtype=np.float32)
    parts = step.part(0, 70), step.part(70, len(step.rows))
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    with hot.OwnRows(tables, tokens=9 * 2 * hot.TOKENS, threads=2) as own:
        for part in parts:
            cpu.sgd_step(tables, part.batch, 0.01, SKIPGRAM, own=own)
        turn = own.turn
    wanted = run_step(cpu.sgd_step, step, 0.01)
    np.testing.assert_allclose(tables.W_in, wanted[0], atol=1e-5)
    np.testing.assert_allclose(tables.W_out, wanted[1], atol=1e-5)
    assert turn == 2 + -(-(len(step.rows) - 70) // hot.BLOCK)


@modes
def test_others_see_on_the_way_what_a_thread_learns(mode):
    step = make_step([3, 1, 0, 4] * 170, words=5, dim=16, width=6, dtype=np.float32)
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    with hot.OwnRows(tables, tokens=5 * 500 * hot.TOKENS, threads=500) as own:
        assert own.hot == [5, 5]
        cpu.sgd_step(tables, step.batch, 0.01, mode, own=own)
        before = [table.copy() for table in tables]
    for start, seen, end in zip(step[:2], before, tables, strict=True):
        unseen = np.linalg.norm(end - seen, axis=1)  # of the last of eleven blocks, up to four
        assert (unseen > 0).any()
        assert (unseen < np.linalg.norm(end - start, axis=1)).all()
        assert (seen != start).any(axis=1).all()


@njit
def add_one(table, row, dim, masked):
    for d in range(0, dim, LANES):
        at = table.own + row * table.pitch + d * FLOAT
        add(at, splat(np.float32(1)), lanes(dim, d, masked))


@pytest.mark.parametrize("dim", [16, 20])
def test_what_threads_add_to_one_row_adds_up(dim):
    W = np.arange(5.0 * dim, dtype=np.float32).reshape(5, dim)
    wanted, masked = W.copy(), True if dim % LANES else None
    threads = [hot.OwnRows((W, W[:0]), tokens=3 * 2 * hot.TOKENS, threads=2) for _ in range(2)]
    for own in threads:
        own.__enter__()
    for own, row in ((threads[0], 1), (threads[1], 1), (threads[1], 2)):
        add_one(own.look(0)[0], row, dim, masked)
        wanted[row] += 1
    W += 4  # a third, without copies
    for _ in range(2):  # what was exchanged once is known to both sides
        for own in threads:
            own.__exit__()
        np.testing.assert_array_equal(W, wanted + 4)


def test_rows_are_kept_that_are_used_often_enough():
    shape = 10_000, 112
    assert hot.hot_rows(shape, 10**9, 2) == hot.HOT_BYTES // 448
    assert hot.hot_rows(shape, 100 * hot.TOKENS, 4) == 25
    assert hot.hot_rows((7, 112), 10**6, 5) == 7
    own = hot.OwnRows([np.zeros(shape, np.float32)] * 2, 100 * hot.TOKENS, 4)
    taken = sum(copies.nbytes - 4 * LANES for copies in own._copies)
    assert hot.own_bytes([shape] * 2, 100 * hot.TOKENS, 4) == 4 * taken


@pytest.mark.parametrize(("threads", "every"), [(2, 32), (3, 16), (500, 4)])
def test_the_more_threads_the_sooner_rows_are_exchanged(threads, every):
    assert hot.OwnRows((np.zeros((3, 16), np.float32),) * 2, 10**6, threads).every == every


def test_rows_due_are_the_hot_ones_whose_turn_it_is_each_once():
    rows = np.array([9, 1, -1, 5, 1, 8, 5, 13, 3, 1], np.int32)
    W, due = np.zeros((14, 16), np.float32), np.zeros(len(rows), np.intp)
    table = hot.Table(W.ctypes.data, W.ctypes.data, hot=9, pitch=64, every=4, turn=2)
    assert hot._ask_for_due(table, rows, 1, due) == 2
    assert due[:2].tolist() == [1, 5]  # with the turn, 3, they are multiples of 4; so are 9 and 13
    assert hot._ask_for_due(table._replace(hot=0), rows, 1, due) == 0
