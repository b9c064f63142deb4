"""Bags of rows and sums by row: the definition's numbers, the same on any number of threads."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from embedlayer.arrays import pieces
from embedlayer.device import Host
from embedlayer.kernels import cpu, reference
from embedlayer.kernels.cpu import rows as compiled
from embedlayer.kernels.cpu import sums
from embedlayer.threads import in_parts

IMPLEMENTATIONS = pytest.mark.parametrize("kernels", [reference, cpu])
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64"])
IDS = pytest.mark.parametrize("id_dtype", ["int32", "int64"])
V, N = 23, 400


def numbers(shape, dtype, seed=0):
    """Whole numbers, whose sums are exact in every dtype and order."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def skewed_ids(dtype="int32", seed=0):
    """Half of the ids are 0 to 2, some are of no row."""
    random = np.random.default_rng(seed)
    return np.where(
        random.random(N) < 0.5, random.integers(-1, 3, N), random.integers(0, V, N)
    ).astype(dtype)


@IMPLEMENTATIONS
@DTYPES
@IDS
@pytest.mark.parametrize("dim", [1, 15, 100])
def test_scatter_add_is_a_sum_over_each_row(kernels, dtype, id_dtype, dim):
    rows, values = skewed_ids(id_dtype), numbers((N, dim), dtype)
    before = numbers((V, dim), dtype, seed=1)
    found = before.copy()
    kernels.scatter_add(found, rows, values)
    for row in range(V):
        wanted = before[row] + values[rows == row].sum(axis=0, dtype=dtype)
        np.testing.assert_array_equal(found[row], wanted)


@IMPLEMENTATIONS
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@IDS
@pytest.mark.parametrize("dim", [1, 15, 100])
@pytest.mark.parametrize("width", [1, 6])
def test_add_products_adds_what_scatter_add_would(kernels, dtype, id_dtype, dim, width):
    rows = skewed_ids(id_dtype)[: N // width * width].reshape(-1, width)
    factors, values = numbers(rows.shape, dtype), numbers((len(rows), dim), dtype, seed=2)
    before = numbers((V, dim), dtype, seed=1)
    found, wanted = before.copy(), before.copy()
    kernels.add_products(found, rows, factors, values)
    products = (factors[:, :, None] * values[:, None, :]).reshape(-1, dim)
    reference.scatter_add(wanted, rows.reshape(-1), products)
    np.testing.assert_array_equal(found, wanted)


def test_add_products_rounds_each_product_as_scatter_add_gets_it():
    random = np.random.default_rng(4)
    rows = skewed_ids().reshape(-1, 4)
    factors, values = (random.standard_normal((len(rows), n), np.float32) for n in (4, 33))
    found, wanted = np.ones((2, V, 33), np.float32)
    cpu.add_products(found, rows, factors, values)
    products = (factors[:, :, None] * values[:, None, :]).reshape(-1, 33)
    cpu.scatter_add(wanted, rows.reshape(-1), products)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda array: np.repeat(array, 2, 1)[:, ::2]]
)
def test_scatter_add_of_any_layout(layout):
    rows, values = skewed_ids(), numbers((N, 5), "float32")
    found, wanted = layout(np.ones((V, 5), np.float32)), np.ones((V, 5), np.float32)
    cpu.scatter_add(found, np.repeat(rows, 3)[::3], layout(values))
    reference.scatter_add(wanted, rows, values)
    np.testing.assert_array_equal(found, wanted)


@IMPLEMENTATIONS
@DTYPES
@IDS
@pytest.mark.parametrize("part", [sums.PART_BYTES, 1 << 9])  # of some dtypes and dim, 1 to 8 parts
@pytest.mark.parametrize("dim", [1, 15, 100])
def test_sum_by_row_is_a_sum_over_each_row(monkeypatch, kernels, dtype, id_dtype, part, dim):
    monkeypatch.setattr(sums, "PART_BYTES", part)
    rows, values = skewed_ids(id_dtype), numbers((N, dim), dtype)
    rows[rows == 7] = 8  # a row of the table that does not occur
    found, found_sums = kernels.sum_by_row(rows, values, V)
    assert found.dtype == np.int64
    assert found_sums.dtype == dtype
    assert found.tolist() == sorted(set(rows.tolist()) - {-1})
    for row, row_sum in zip(found, found_sums, strict=True):
        wanted = values[rows == row].sum(axis=0, dtype=dtype)
        np.testing.assert_array_equal(row_sum, wanted)


@IMPLEMENTATIONS
@pytest.mark.parametrize("size", [V, 2_000_000])  # beyond: ids are sorted, rows not marked
def test_sum_by_row_of_a_large_table_and_of_no_ids(kernels, size):
    rows, values = np.array([size - 1, -1, 3, size - 1]), numbers((4, 5), "float32")
    found, found_sums = kernels.sum_by_row(rows, values, size)
    assert found.tolist() == [3, size - 1]
    np.testing.assert_array_equal(found_sums, [values[2], values[0] + values[3]])
    for nothing in (rows[:0], rows[1:2]):
        found, found_sums = kernels.sum_by_row(nothing, values[: len(nothing)], size)
        assert found.shape == (0,)
        assert found_sums.shape == (0, 5)


@IMPLEMENTATIONS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@IDS
@pytest.mark.parametrize("dim", [1, 15, 100])
@pytest.mark.parametrize("mean", [True, False])
def test_bag_sum_is_the_sum_or_mean_of_each_bag(kernels, dtype, id_dtype, dim, mean):
    W, ids = numbers((V, dim), dtype), np.maximum(skewed_ids(id_dtype), 0)
    offsets = np.array([0, 0, 1, 40, 40, 399, 400, 400])
    sums = kernels.bag_sum(W, ids, offsets, mean)
    assert sums.dtype == dtype
    for found, begin, end in zip(sums, offsets, offsets[1:], strict=False):
        wanted = W[ids[begin:end]].sum(axis=0) / (max(1, end - begin) if mean else 1)
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


class TestThreads:
    """Random floats: another order of summation would show in the last bits."""

    @pytest.fixture
    def side_by_side(self, monkeypatch):
        """Have even small inputs worked on by several threads, as many as are asked for."""
        monkeypatch.setattr(compiled, "MIN_BYTES", 0)
        monkeypatch.setattr(compiled, "MIN_ROW_BYTES", 0)
        used = []

        def counted(work, parts):
            used.append(parts)
            in_parts(work, parts)

        def run(threads, kernel, *arguments):
            monkeypatch.setattr(compiled, "in_parts", counted)
            monkeypatch.setattr(compiled, "available_cores", lambda: threads)
            result = kernel(*arguments)
            assert used.pop() == threads
            return result

        return run

    @pytest.mark.parametrize("threads", [2, 3, 7])
    @IDS
    def test_scatter_add_is_bitwise_the_same(self, side_by_side, threads, id_dtype):
        random = np.random.default_rng(3)
        rows, values = skewed_ids(id_dtype), random.standard_normal((N, 37), np.float32)
        wanted = random.standard_normal((V, 37), np.float32)
        found = wanted.copy()
        compiled.add_rows(wanted, rows, values)
        side_by_side(threads, cpu.scatter_add, found, rows, values)
        np.testing.assert_array_equal(found, wanted)

    @pytest.mark.parametrize("part", [37 * 4 * N, 37 * 4 * N // 2, 37 * 4 * N // 5, 1])
    @IDS
    def test_sum_by_row_is_bitwise_the_same(self, monkeypatch, part, id_dtype):
        monkeypatch.setattr(sums, "PART_BYTES", part)
        rows = skewed_ids(id_dtype)
        values = np.random.default_rng(3).standard_normal((N, 37), np.float32)
        results = []
        for threads in (1, 2, 3, 7):
            monkeypatch.setattr(sums, "available_cores", lambda threads=threads: threads)
            results.append(cpu.sum_by_row(rows, values, V))
        for found, found_sums in results[1:]:
            np.testing.assert_array_equal(found, results[0][0])
            np.testing.assert_array_equal(found_sums, results[0][1])

    def test_only_rows_of_an_earlier_part_have_another_place(self):
        rows = np.array([4, 2, -1, 4, 7, 2, 2, 7, 9, 4, 2, -1], np.int32)
        unique, places, firsts, more = sums._places(rows, np.array([0, 4, 8, 12]), size=12)
        assert unique.tolist() == [2, 4, 7, 9]
        assert places.tolist() == [1, 0, -1, 1, 2, 4, 4, 2, 3, 6, 5, -1]
        assert firsts.tolist() == [0, 0, 1]
        assert more.tolist() == [0, 0, 1, 3]

    @pytest.mark.parametrize("threads", [1, 2])
    def test_parts_are_summed_in_other_threads_if_there_are_cores(self, monkeypatch, threads):
        monkeypatch.setattr(sums, "PART_BYTES", 1)
        monkeypatch.setattr(sums, "available_cores", lambda: threads)
        names = set()

        def add(*arguments):
            names.add(threading.current_thread().name)
            compiled.add_rows(*arguments)

        monkeypatch.setattr(sums, "add_rows", add)
        cpu.sum_by_row(skewed_ids(), numbers((N, 5), "float32"), V)
        assert (names == {threading.current_thread().name}) == (threads == 1)

    @pytest.mark.parametrize("threads", [2, 3, 7])
    @pytest.mark.parametrize(
        "offsets", [[0, 0, 1, 40, 40, 399, 400, 400], [0, 400], [0, 0, 400, 400], [*range(401)]]
    )
    def test_bag_sum_is_bitwise_the_same(self, monkeypatch, side_by_side, threads, offsets):
        W = np.random.default_rng(3).standard_normal((V, 37), np.float32)
        ids, offsets = np.maximum(skewed_ids(), 0), np.array(offsets)
        found = side_by_side(threads, cpu.bag_sum, W, ids, offsets, True)
        monkeypatch.undo()
        np.testing.assert_array_equal(found, cpu.bag_sum(W, ids, offsets, True))

    @pytest.mark.parametrize("threads", [2, 7])
    def test_no_ids(self, side_by_side, threads):
        W = np.ones((V, 5), np.float32)
        ids, values = np.zeros(0, np.int32), np.zeros((0, 5), np.float32)
        side_by_side(threads, cpu.scatter_add, W, ids, values)
        assert (W == 1).all()
        assert not side_by_side(threads, cpu.bag_sum, W, ids, np.zeros(4, np.int64), True).any()
        assert side_by_side(threads, cpu.bag_sum, W, ids, np.zeros(1, np.int64), True).shape == (
            0,
            5,
        )


class TestParts:
    def test_are_done_once_each_in_threads_that_meet(self):
        meeting, done = threading.Barrier(2, timeout=20), []

        def work(part):
            meeting.wait()  # neither part is done before both have begun
            done.append((part, threading.current_thread()))

        in_parts(work, 2)
        assert sorted(part for part, _ in done) == [0, 1]
        assert dict(done)[1] is threading.current_thread()

    def test_more_parts_than_threads(self):
        done = []
        in_parts(done.append, 50)
        assert sorted(done) == [*range(50)]

    def test_an_error_in_another_thread_is_raised_here(self):
        with pytest.raises(ZeroDivisionError):
            in_parts(lambda part: 1 / part, 2)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
    def test_a_forked_process_has_threads_of_its_own(self):
        code = (
            "import os, signal, time\n"
            "from embedlayer.threads import in_parts\n"
            "done = []\n"
            "in_parts(done.append, 3)\n"
            "time.sleep(0.1)\n"  # the pool's threads wait for work, as if they did in the child
            "child = os.fork()\n"
            "if child == 0:\n"
            "    signal.alarm(20)\n"
            "    in_parts(done.append, 2)\n"
            "    os._exit(len(done))\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "5\n"


class TestPieces:
    @pytest.mark.parametrize("size", [0, 1, 7, 8, 9])
    def test_cover_all_rows_once_in_order(self, monkeypatch, size):
        monkeypatch.setattr(Host, "piece_bytes", 2 * 5 * 8)
        rows = np.arange(size)
        found = [rows[piece] for piece in pieces(size, np.zeros((3, 5)))]
        assert [len(piece) for piece in found] == [2] * (size // 2) + [1] * (size % 2)
        np.testing.assert_array_equal(np.concatenate([rows[:0], *found]), rows)

    def test_hold_a_row_at_least(self, monkeypatch):
        monkeypatch.setattr(Host, "piece_bytes", 1)
        assert len([*pieces(4, np.zeros((1, 9)))]) == 4
        assert len([*pieces(4, np.zeros((1, 0)))]) == 4
