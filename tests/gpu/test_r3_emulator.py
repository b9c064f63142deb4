"""R3: the shipped cuda.cu, executed on the CPU through cuda.py, equals the reference."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, SKIPGRAM, Step

from embedlayer.kernels import check_contract, cuda, reference
from embedlayer.kernels.arguments import Batch, Mode, Tables

from . import double
from .cases import (
    KEY,
    STEPS,
    TEXTS,
    Text,
    device,
    filled,
    filled_windows,
    on_device,
    one_by_one,
    require_equal_steps,
    schedule,
    step,
)
from .emulator import RawModule

SCHEDULES = [(0, 1), (1, 1), (2, 4), (3, 4)]


def test_the_contract_is_kept() -> None:
    check_contract(cuda, reference)


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("name", STEPS)
def test_one_window_in_flight_is_the_reference_window_by_window(
    name: str, mode: Mode, cupy: Any
) -> None:
    wanted = one_by_one(STEPS[name], mode)
    with schedule(), double.no_sync():
        found = on_device(cupy, STEPS[name], mode)
    require_equal_steps(found, wanted)


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize(("seed", "resident"), SCHEDULES)
def test_windows_that_share_no_rows_may_run_in_any_order(
    seed: int, resident: int, mode: Mode, cupy: Any
) -> None:
    case = step(D=20, sizes=(5, 2, 9, 1, 40, 3, 4), apart=True)
    wanted = one_by_one(case, mode)
    with schedule(seed=seed, resident=resident, in_flight=5):
        found = on_device(cupy, case, mode)
    require_equal_steps(found, wanted)


@pytest.mark.parametrize(("seed", "resident"), SCHEDULES[2:])
def test_windows_that_share_rows_stay_near_the_reference(
    seed: int, resident: int, cupy: Any
) -> None:
    case = step(D=20, V=200, sizes=(5,) * 40)
    W_in, W_out, loss, pairs = one_by_one(case, SKIPGRAM)
    with schedule(seed=seed, resident=resident, in_flight=8):
        found = [array.get() for array in on_device(cupy, case, SKIPGRAM)]
    assert abs(found[2] / loss - 1) < 0.02
    assert found[3] == pairs
    for before, after, wanted in zip(case, found[:2], (W_in, W_out), strict=False):
        assert np.abs(after - wanted).max() < 0.2 * np.abs(wanted - before).max()


def test_rows_that_do_not_start_on_16_bytes_are_read_float_by_float(cupy: Any) -> None:
    case = STEPS["D = 100"]
    wanted = one_by_one(case, SKIPGRAM)
    memory = [cupy.zeros(table.size + 1, np.float32) for table in case[:2]]
    tables = [flat[1:].reshape(case.W_in.shape) for flat in memory]
    for table, values in zip(tables, case, strict=False):
        table[...] = cupy.asarray(values)
    batch = Batch(*map(cupy.asarray, case.batch))
    with schedule():
        outcome = cuda.sgd_step(Tables(*tables), batch, 0.1, SKIPGRAM)
    require_equal_steps([*tables, *outcome], wanted)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("D", [100, 300])
def test_each_row_is_read_once_and_written_once(
    D: int, capability: int, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = step(D, V=60, sizes=(10, 7, 40, 1))
    rows = 0
    for b, outputs in enumerate(case.rows):
        contexts = case.contexts[case.offsets[b] : case.offsets[b + 1]]
        rows += len(np.unique(contexts)) + len(np.unique(outputs[outputs >= 0]))
    for mean, reads in ((False, 1), (True, 1)):
        monkeypatch.setattr(RawModule, "loaded", 0)
        monkeypatch.setattr(RawModule, "added", 0)
        with device(capability), schedule():
            on_device(cupy, case, Mode(mean))
        assert RawModule.loaded == reads * rows * D * 4
        assert RawModule.added == rows * D * 4


@pytest.mark.parametrize(("seed", "resident"), SCHEDULES[::2])
@pytest.mark.parametrize("name", TEXTS)
def test_the_integer_kernels_are_the_reference_bit_by_bit(
    name: str, seed: int, resident: int, cupy: Any
) -> None:
    case: Text = TEXTS[name]
    random = np.random.default_rng(3)
    prob = random.integers(0, 2**32, len(case.keep), np.uint32)
    alias = random.integers(0, len(case.keep), len(case.keep), np.int32)

    kept = reference.subsample(case.ids, case.offsets, case.start, case.keep, KEY)
    widths = (case.window + 1) // 2, case.window, case.window
    made = reference.windows(*kept, *widths, KEY)
    rows = reference.draw(prob, alias, *made[2:], case.negative, KEY)

    ids, offsets, keep, prob, alias = (
        cupy.asarray(array) for array in (case.ids, case.offsets, case.keep, prob, alias)
    )
    with schedule(seed=seed, resident=resident), double.no_sync():
        kept_there = cuda.subsample(ids, offsets, case.start, keep, KEY)
        made_there = cuda.windows(*kept_there, *widths, KEY)
        rows_there = cuda.draw(prob, alias, *made_there[2:], case.negative, KEY)
    found = [*filled(*kept_there), *filled_windows(*made_there, rows_there)]
    for found_array, wanted in zip(found, (*kept, *made, rows), strict=True):
        assert found_array.dtype == wanted.dtype
        np.testing.assert_array_equal(found_array, wanted)


@pytest.mark.parametrize("D", [1, 33, 100])
@pytest.mark.parametrize("sizes", [(), (0,), (1, 0, 5), (40, 1, 1)])
def test_bag_sum_is_the_reference(sizes: tuple[int, ...], D: int, cupy: Any) -> None:
    case = step(D, sizes=sizes)
    arguments = [cupy.asarray(array) for array in (case.W_in, case.contexts, case.offsets)]
    for mean in (False, True):
        wanted = reference.bag_sum(case.W_in, case.contexts, case.offsets, mean)
        found = cuda.bag_sum(*arguments, mean).get()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("D", [1, 33, 100])
@pytest.mark.parametrize("bags", [(), (2,), (1, 0, 2, 1)])
def test_bags_that_are_chosen_are_the_reference(bags: tuple[int, ...], D: int, cupy: Any) -> None:
    case, chosen = step(D, sizes=(4, 1, 40)), np.array(bags, np.int32)
    W, arguments = case.W_in, (case.contexts, case.offsets, chosen)
    table, *there = (cupy.asarray(array) for array in (W, *arguments))
    found = cuda.bag_means(table, *there).get()
    np.testing.assert_allclose(found, reference.bag_means(W, *arguments), rtol=1e-5, atol=1e-6)
    values = np.random.default_rng(0).standard_normal((len(bags), D)).astype(np.float32)
    with schedule(seed=1, resident=4):
        cuda.add_to_bags(table, *there, cupy.asarray(values))
    wanted = W.copy()
    reference.add_to_bags(wanted, *arguments, values)
    np.testing.assert_allclose(table.get(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("N", [0, 1, 200])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("D", [1, 33])
def test_scatter_add_is_the_reference(
    D: int, dtype: Any, N: int, cupy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    W = random.normal(size=(9, D)).astype(np.float32)
    rows, values = random.integers(-1, 9, N).astype(dtype), random.normal(size=(N, D))
    wanted = W.copy()
    reference.scatter_add(wanted, rows, values.astype(np.float32))
    found = []
    for deterministic, seed in (("0", 1), ("1", 1), ("1", 2)):
        monkeypatch.setenv("EMBEDLAYER_DETERMINISTIC", deterministic)
        table = cupy.asarray(W)
        with schedule(seed=seed, resident=4):
            cuda.scatter_add(table, cupy.asarray(rows), cupy.asarray(values.astype(np.float32)))
        np.testing.assert_allclose(table.get(), wanted, rtol=1e-5, atol=1e-5)
        found.append(table.get())
    np.testing.assert_array_equal(found[1], found[2])  # in one order, bit by bit


def test_add_products_is_the_reference(cupy: Any) -> None:
    random = np.random.default_rng(6)
    W, rows = random.normal(size=(9, 33)).astype(np.float32), random.integers(-1, 9, (20, 6))
    factors, values = (random.normal(size=(20, n)).astype(np.float32) for n in (6, 33))
    wanted, table = W.copy(), cupy.asarray(W)
    reference.add_products(wanted, rows, factors, values)
    with schedule(seed=1, resident=4):
        cuda.add_products(table, *map(cupy.asarray, (rows, factors, values)))
    np.testing.assert_allclose(table.get(), wanted, rtol=1e-5, atol=1e-5)


def test_a_row_beyond_two_to_the_31_numbers_is_found(cupy: Any, tmp_path: Path) -> None:
    """A table of 8.6 GB, of which the last row alone is touched: the rest of its file is a hole."""
    D, last = 1024, 2**21 + 3
    case = step(D, V=1, sizes=(1,), R=1, row=0)
    table = np.memmap(tmp_path / "W", np.float32, "w+", shape=(last + 1, D))
    table[last] = case.W_in[0]
    W, rows = cupy.ndarray(np.asarray(table)), cupy.asarray(np.array([last], np.int32))
    values = cupy.asarray(case.W_out)
    cuda.scatter_add(W, rows, values)
    np.testing.assert_allclose(table[last], case.W_in[0] + case.W_out[0], atol=1e-6)
    cuda.scatter_add_sorted(W, rows, values)
    wanted = case.W_in[0] + 2 * case.W_out[0]
    np.testing.assert_allclose(table[last], wanted, atol=1e-6)
    offsets = cupy.asarray(np.array([0, 1]))
    np.testing.assert_allclose(cuda.bag_sum(W, rows, offsets, True).get()[0], wanted, atol=1e-6)
    table[last] = case.W_in[0]
    batch = Batch(*map(cupy.asarray, case.batch._replace(contexts=rows.get())))
    with schedule():
        cuda.sgd_step(Tables(W, values), batch, 0.1, SKIPGRAM)
    np.testing.assert_allclose(table[last], one_by_one(case, SKIPGRAM)[0][0], atol=1e-5)


def test_wrong_arrays_are_named(cupy: Any) -> None:
    case: Step = STEPS["D = 3"]
    arrays = {name: cupy.asarray(array) for name, array in case._asdict().items()}

    def require(error: type[Exception], message: str, **wrong: Any) -> None:
        bent = Step(**arrays | wrong)
        with pytest.raises(error, match=message):
            cuda.sgd_step(bent.tables, bent.batch, 0.1, SKIPGRAM)

    require(
        TypeError, r"rows\): dtype int32 is needed, not int64", rows=arrays["rows"].astype("i8")
    )
    require(TypeError, r"contexts\): a CuPy array is needed, not ndarray", contexts=case.contexts)
    require(ValueError, r"W_out\): the array must be C-contiguous", W_out=arrays["W_out"][:, ::2])


def test_few_windows_are_in_flight_for_few_words() -> None:
    found = [cuda.default_in_flight(words) for words in (1, 1000, 70_000, 10**7)]
    assert found == [1, 31, 2187, 8192]
