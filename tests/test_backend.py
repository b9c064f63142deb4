"""The shim: which array library is chosen, by whom, and what is said when it cannot work."""

import logging
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import embedlayer
from embedlayer import backend
from embedlayer.device import cuda as cuda_device
from embedlayer.errors import BackendError


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv("EMBEDLAYER_BACKEND", raising=False)
    monkeypatch.setattr(backend, "_announced", set())
    yield
    backend.set_backend(None)


def pretend_cupy(monkeypatch, devices=1, error=None):
    """A ``cupy`` that imports and says how many devices it sees."""

    def count():
        if error:
            raise error
        return devices

    cupy = ModuleType("cupy")
    cupy.ndarray = type("ndarray", (), {})
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy


def no_cupy(monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    real = cuda_device.importlib.util.find_spec
    monkeypatch.setattr(
        cuda_device.importlib.util, "find_spec", lambda name: None if name == "cupy" else real(name)
    )


def test_precedence(monkeypatch):
    pretend_cupy(monkeypatch)
    assert backend.get_backend() == "cupy"  # auto
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")
    assert backend.explain_backend() == ("numpy", "EMBEDLAYER_BACKEND")
    backend.set_backend("cupy")
    assert backend.explain_backend() == ("cupy", "set_backend")
    with backend.use_backend("numpy"):
        assert backend.explain_backend() == ("numpy", "use_backend")
        assert backend.explain_backend("cupy") == ("cupy", "argument")
    assert backend.get_backend() == "cupy"
    backend.set_backend(None)
    assert backend.get_backend() == "numpy"


def test_auto_falls_back_with_one_log_line(monkeypatch, caplog):
    no_cupy(monkeypatch)
    caplog.set_level(logging.INFO, "embedlayer")
    assert [backend.get_backend(), backend.get_backend()] == ["numpy", "numpy"]
    (record,) = caplog.records
    assert record.message == "backend: numpy (auto: CuPy is not installed)"
    assert "; pip install cupy-cuda12x" in backend.explain_backend()[1]


@pytest.mark.parametrize(
    ("devices", "error", "reason"),
    [
        (0, None, "CuPy sees no CUDA device; check CUDA_VISIBLE_DEVICES"),
        (1, RuntimeError("driver\nis old"), r"sees no device \(RuntimeError: driver\); install or"),
    ],
)
def test_cupy_without_a_device(monkeypatch, devices, error, reason):
    pretend_cupy(monkeypatch, devices, error)
    assert backend.get_backend() == "numpy"
    with pytest.raises(BackendError, match=reason):
        backend.get_backend("cupy")


def test_a_broken_cupy_is_named_with_its_cure(monkeypatch):
    def fail(name):
        raise ImportError(f"{'=' * 20}\nno libcuda for {name}\nmore")

    monkeypatch.setitem(sys.modules, "cupy", ModuleType("cupy"))
    monkeypatch.setattr(cuda_device.importlib, "import_module", fail)
    with pytest.raises(BackendError) as raised:
        backend.get_backend("cupy")
    assert "does not import (ImportError: no libcuda for cupy); pip install" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_cupy_is_named_with_its_cure(monkeypatch):
    no_cupy(monkeypatch)
    for choose in (backend.get_backend, backend.set_backend):
        with pytest.raises(BackendError, match="not installed; pip install cupy-cuda12x"):
            choose("cupy")
    with pytest.raises(BackendError), backend.use_backend("cupy"):
        pass
    assert backend.explain_backend()[0] == "numpy"


def test_an_unknown_backend_is_refused(monkeypatch):
    with pytest.raises(BackendError, match=r"unknown backend \['numpy'\] \(argument\)"):
        backend.get_backend(["numpy"])
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "torch")
    with pytest.raises(
        BackendError, match=r"unknown backend 'torch' \(EMBEDLAYER_BACKEND\): choose"
    ):
        backend.get_backend()


def test_xp_is_looked_up_at_use(monkeypatch):
    cupy = pretend_cupy(monkeypatch)
    xp = embedlayer.xp
    with backend.use_backend("numpy"):
        assert xp.zeros is np.zeros
        assert repr(xp) == "<embedlayer xp: numpy>"
    with backend.use_backend("cupy"):
        assert xp.ndarray is cupy.ndarray


def test_array_module_asks_the_arrays(monkeypatch):
    cupy = pretend_cupy(monkeypatch)
    here, there = np.zeros(1), cupy.ndarray()
    assert backend.array_module(here, 3) is np
    assert backend.array_module(there, 3) is cupy
    with pytest.raises(TypeError, match="numpy and cupy arrays in one call"):
        backend.array_module(here, there)


def test_arrays_come_and_go(monkeypatch):
    cupy = pretend_cupy(monkeypatch)
    cupy.ndarray.get = lambda self: np.ones(2)
    assert backend.to_numpy(cupy.ndarray()).tolist() == [1, 1]
    assert backend.to_numpy([1, 2]).tolist() == [1, 2]
    values = backend.asarray(cupy.ndarray(), np.float32, backend="numpy")
    assert (values.dtype, values.tolist()) == (np.float32, [1, 1])
    cupy.asarray = lambda values, dtype: ("on the device", values, dtype)
    assert backend.asarray([3], int, backend="cupy") == ("on the device", [3], int)
