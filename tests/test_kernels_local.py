"""Local rows: nothing that a thread adds to them is lost, and other threads see it."""

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, SKIPGRAM, check_equal, make_step, run_in_parts, run_step
from numba import njit

from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Share, Tables
from embedlayer.kernels.cpu import local
from embedlayer.kernels.cpu.local import LocalRows
from embedlayer.kernels.cpu.simd.arithmetic import splat
from embedlayer.kernels.cpu.simd.rows import add, columns_from
from embedlayer.kernels.cpu.simd.vector import LANES

modes = pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)


@modes
@pytest.mark.parametrize("dim", [16, 33])
@pytest.mark.parametrize("words", [5, 60])
def test_a_thread_alone_learns_what_it_would_without(words, dim, mode):
    """With local copies of all 5 rows and of the first 20 of 60; some are exchanged on the way."""
    step = make_step([3, 1, 0, 4] * 170, words=words, dim=dim, width=6, dtype=np.float32)
    assert len(step.rows) > 10 * local.BLOCK
    counts = []

    def step_with_copies(tables, *arguments):
        with LocalRows(tables, tokens=20 * 500 * local.TOKENS_PER_ROW, threads=500) as mine:
            counts.extend(mine.counts)
            return cpu.sgd_step(tables, *arguments, local=mine)

    wanted = run_in_parts(reference.sgd_step, step, 1 + mode.mean, 0.01, mode)
    check_equal(run_step(step_with_copies, step, 0.01, mode), wanted, 3e-4)
    assert counts == [min(words, 20)] * 2


def test_copies_outlive_a_call():
    """What a call has learnt is seen by the next one, and by the tables at the end."""
    step = make_step([3, 1, 0, 4] * 40, words=9, dim=16, width=6, dtype=np.float32)
    parts = step.part(0, 70), step.part(70, len(step.rows))
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    with LocalRows(tables, tokens=9 * 2 * local.TOKENS_PER_ROW, threads=2) as mine:
        for part in parts:
            cpu.sgd_step(tables, part.batch, 0.01, SKIPGRAM, local=mine)
        blocks = mine.blocks
    wanted = run_step(cpu.sgd_step, step, 0.01)
    np.testing.assert_allclose(tables.W_in, wanted[0], atol=1e-5)
    np.testing.assert_allclose(tables.W_out, wanted[1], atol=1e-5)
    assert blocks == 2 + -(-(len(step.rows) - 70) // local.BLOCK)


@modes
def test_others_see_on_the_way_what_a_thread_learns(mode):
    step = make_step([3, 1, 0, 4] * 170, words=5, dim=16, width=6, dtype=np.float32)
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    with LocalRows(tables, tokens=5 * 500 * local.TOKENS_PER_ROW, threads=500) as mine:
        assert mine.counts == [5, 5]
        cpu.sgd_step(tables, step.batch, 0.01, mode, local=mine)
        before = [table.copy() for table in tables]
    for start, seen, end in zip(step[:2], before, tables, strict=True):
        unseen = np.linalg.norm(end - seen, axis=1)  # of the last of eleven blocks, up to four
        assert (unseen > 0).any()
        assert (unseen < np.linalg.norm(end - start, axis=1)).all()
        assert (seen != start).any(axis=1).all()


@njit
def add_one(layout, row, dim, masked):
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        add(layout.local + row * layout.pitch, columns, splat(np.float32(1)))


@pytest.mark.parametrize("dim", [16, 20])
def test_what_threads_add_to_one_row_adds_up(dim):
    W = np.arange(5.0 * dim, dtype=np.float32).reshape(5, dim)
    wanted, masked = W.copy(), True if dim % LANES else None
    threads = [
        LocalRows((W, W[:0]), tokens=3 * 2 * local.TOKENS_PER_ROW, threads=2) for _ in range(2)
    ]
    for thread in threads:
        thread.__enter__()
    for thread, row in ((threads[0], 1), (threads[1], 1), (threads[1], 2)):
        add_one(thread.layouts(thread.tables)[0], row, dim, masked)
        wanted[row] += 1
    W += 4  # a third thread, without local rows
    for _ in range(2):  # what was exchanged once is known to both sides
        for thread in threads:
            thread.__exit__()
        np.testing.assert_array_equal(W, wanted + 4)


def test_rows_have_local_copies_that_are_used_often_enough():
    shape = 10_000, 112
    assert local.count_local_rows(shape, 10**9, 2) == local.LOCAL_BYTES // 448
    assert local.count_local_rows(shape, 100 * local.TOKENS_PER_ROW, 4) == 25
    assert local.count_local_rows((7, 112), 10**6, 5) == 7
    share = Share(tokens=100 * local.TOKENS_PER_ROW, workers=4)
    mine = LocalRows([np.zeros(shape, np.float32)] * 2, *share[:2])
    taken = sum(copies.nbytes - 4 * LANES for copies in mine._copies)
    assert cpu.worker_bytes([shape] * 2, 6, share) == 4 * taken
    assert cpu.worker_bytes([shape] * 2, 6, share._replace(workers=1)) == 0


@pytest.mark.parametrize(("threads", "period"), [(2, 32), (3, 16), (500, 4)])
def test_more_threads_exchange_rows_more_often(threads, period):
    assert LocalRows((np.zeros((3, 16), np.float32),) * 2, 10**6, threads).period == period


def test_due_rows_are_the_local_ones_of_this_block_each_once():
    rows = np.array([9, 1, -1, 5, 1, 8, 5, 13, 3, 1], np.int32)
    W, due = np.zeros((14, 16), np.float32), np.zeros(len(rows), np.intp)
    layout = local.Layout(W.ctypes.data, W.ctypes.data, local_rows=9, pitch=64, period=4, block=2)
    assert local.find_due(layout, rows, 1, due) == 2
    assert due[:2].tolist() == [1, 5]  # with the block, 3, they are multiples of 4; so are 9 and 13
    assert local.find_due(layout._replace(local_rows=0), rows, 1, due) == 0


@modes
@pytest.mark.parametrize("dim", [16, 33])
def test_a_table_without_local_rows_is_trained_as_it_is(dim, mode):
    """As a small table that stands for W_in in one step: W_out keeps its local rows."""
    step = make_step([3, 1, 0, 4] * 170, words=20, dim=dim, width=6, dtype=np.float32)
    other_W_in = np.full_like(step.W_in, 7)
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    with LocalRows((other_W_in, tables.W_out), 20 * 500 * local.TOKENS_PER_ROW, 500) as mine:
        layouts = mine.layouts(tables)
        assert [layout.local_rows for layout in layouts] == [0, 20]
        cpu.sgd_step(tables, step.batch, 0.01, mode, local=mine)
        exchanged = tables.W_out.copy()
        W_in = tables.W_in.copy()
    wanted = run_step(cpu.sgd_step, step, 0.01, mode)
    np.testing.assert_allclose(W_in, wanted[0], atol=1e-5)
    np.testing.assert_allclose(tables.W_out, wanted[1], atol=1e-5)
    assert (other_W_in == 7).all()
    assert (exchanged != step.W_out).any(axis=1).all()  # on the way
    assert (exchanged != tables.W_out).any()  # and at the end
