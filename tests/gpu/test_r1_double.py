"""R1: the rules of the double. The same list runs on the real CuPy where there is a device."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from embedlayer.backend import array_module, get_backend, to_numpy

from . import double

HOST = np.ones((5, 3), np.float32)


def table(cupy: Any) -> Any:
    return cupy.asarray(np.arange(15, dtype=np.float32).reshape(5, 3))


def ids(cupy: Any) -> Any:
    return cupy.asarray(np.array([1, 3, 1]))


REFUSED: dict[str, tuple[type[Exception], Callable[[Any], Any]]] = {
    "np.asarray": (TypeError, lambda cupy: np.asarray(table(cupy))),
    "device + host": (TypeError, lambda cupy: table(cupy) + HOST),
    "host + device": (TypeError, lambda cupy: HOST + table(cupy)),
    "a function of a host array": (TypeError, lambda cupy: cupy.exp(HOST)),
    "a function of a list": (TypeError, lambda cupy: cupy.exp([1.0, 2.0])),
    "concatenating host and device": (
        TypeError,
        lambda cupy: cupy.concatenate([table(cupy), HOST]),
    ),
    "a host array filled from the device": (
        TypeError,
        lambda cupy: HOST.copy().__setitem__(slice(None), table(cupy)),
    ),
    "a slice assigned from the host": (
        ValueError,
        lambda cupy: table(cupy).__setitem__(slice(None), HOST),
    ),
    "an index of floats": (IndexError, lambda cupy: table(cupy)[table(cupy)[0]]),
    "a scalar index out of range": (IndexError, lambda cupy: table(cupy)[5]),
    "take with a mode": (TypeError, lambda cupy: cupy.take(table(cupy), ids(cupy), mode="clip")),
    "a name CuPy lacks": (AttributeError, lambda cupy: cupy.insert),
    "multiply.at": (
        NotImplementedError,
        lambda cupy: cupy.multiply.at(table(cupy), ids(cupy), table(cupy)[:3]),
    ),
    "add.at of bytes": (
        TypeError,
        lambda cupy: cupy.add.at(cupy.zeros(5, np.int8), ids(cupy), cupy.ones(3, np.int8)),
    ),
    "an unstable sort": (ValueError, lambda cupy: cupy.argsort(ids(cupy), kind="quicksort")),
}

# On the device, and equal to what NumPy makes of the same.
ALLOWED: dict[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "arithmetic": lambda xp, a: a(HOST) * 2.0 - a(HOST) / 3,
    "a NumPy scalar widens": lambda xp, a: a(HOST) * np.float64(2),
    "np.exp dispatches": lambda xp, a: np.exp(a(HOST)),
    "np.linalg dispatches": lambda xp, a: np.linalg.norm(a(HOST)),
    "in place": lambda xp, a: a(HOST).__imul__(3),
    "rows by index": lambda xp, a: a(HOST)[a(np.array([1, 3, 1]))],
    "the last row by -1": lambda xp, a: a(HOST)[a(np.array([-1]))],
    "a mask": lambda xp, a: a(HOST)[a(np.array([True, False, True, False, True]))],
    "a sum": lambda xp, a: a(HOST).sum(dtype=np.float64),
    "a running sum": lambda xp, a: xp.cumsum(a(np.arange(4) > 1), dtype=np.int64),
    "where": lambda xp, a: xp.where(a(HOST) > 0.5, a(HOST), 0.0),
    "einsum": lambda xp, a: xp.einsum("ij,ij->i", a(HOST), a(HOST)),
    "searchsorted": lambda xp, a: xp.searchsorted(a(np.arange(4)), a(np.arange(3)), side="right"),
    "a stable order": lambda xp, a: xp.argsort(a(np.array([2, 1, 2, 1])), kind="stable"),
    "an item of a 1-D array": lambda xp, a: a(np.arange(3))[2],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, library: Any) -> None:
    error, use = REFUSED[name]
    with pytest.raises(error):
        use(library)


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed_and_equal_to_numpy(name: str, library: Any) -> None:
    wanted = ALLOWED[name](np, np.array)
    found = ALLOWED[name](library, library.asarray)
    assert isinstance(found, library.ndarray)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found.get(), wanted, rtol=1e-6)


def test_repeated_ids_accumulate_in_add_at(library: Any) -> None:
    sums = library.zeros((5, 3), np.float32)
    library.add.at(sums, ids(library), table(library)[:3])
    np.testing.assert_array_equal(sums.get()[1], [6, 8, 10])


def test_the_backend_sees_the_library(library: Any) -> None:
    assert get_backend("cupy") == "cupy"
    assert array_module(table(library)) is library
    np.testing.assert_array_equal(to_numpy(table(library)), np.arange(15).reshape(5, 3))
    with pytest.raises(TypeError, match="numpy and cupy arrays in one call"):
        array_module(table(library), HOST)


WAITS: dict[str, Callable[[Any], Any]] = {
    "float": lambda array: float(array.sum()),
    "int": lambda array: int(array.sum()),
    "if": lambda array: bool((array > 0).all()),
    "a size": lambda array: range(array[0, 1]),
    "get": lambda array: array.get(),
    "item": lambda array: array.sum().item(),
    "print": repr,
    "format": lambda array: f"{array.sum():.3f}",
    "a mask": lambda array: array[array > 3],
    "nonzero": lambda array: np.nonzero(array),
}


@pytest.mark.parametrize("name", WAITS)
def test_waiting_for_the_device_is_noticed(name: str, cupy: Any) -> None:
    array = table(cupy).astype(np.int64)
    before = double.counters["sync"]
    WAITS[name](array)
    assert double.counters["sync"] > before
    with double.no_sync(), pytest.raises(double.ForbiddenSync):
        WAITS[name](array)


def test_an_index_out_of_range_raises_where_cupy_would_wrap_it(cupy: Any) -> None:
    with pytest.raises(AssertionError, match="index 9 is outside axis 0 of size 5"):
        table(cupy)[cupy.asarray(np.array([9]))]


def test_fresh_memory_is_poisoned(cupy: Any) -> None:
    assert np.isnan(cupy.empty(3).get()).all()
    assert (cupy.empty(3, np.int32).get() > 2**30).all()


def test_of_equal_places_any_value_may_stay(cupy: Any) -> None:
    stayed = set()
    for _ in range(50):
        array = cupy.zeros(1, np.int64)
        array[cupy.zeros(2, np.int64)] = cupy.asarray(np.array([1, 2]))
        stayed.add(int(array[0]))
    assert stayed == {1, 2}
