"""What every test may ask for: the array libraries, the real data, and a cache of its own."""

import os
import signal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import hypothesis
import numpy as np
import pytest
from gpu import double
from hosted import hosted_kernels

from embedlayer.backend import array_library, use_backend
from embedlayer.errors import BackendError
from embedlayer.kernels import load_kernels
from embedlayer.vectors.files import FORMATS, LIBRARIES

hypothesis.settings.register_profile("any machine", deadline=None)  # busy ones, too
hypothesis.settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell begins what is in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def skip_or_fail(name: str, reason: str) -> None:
    """Skip a test that needs ``name``; fail it when EMBEDLAYER_REQUIRE names it."""
    if name in os.environ.get("EMBEDLAYER_REQUIRE", "").split(","):
        pytest.fail(f"EMBEDLAYER_REQUIRE={name}, but {reason}")
    pytest.skip(reason, allow_module_level=True)


def import_or_skip(name: str) -> ModuleType:
    """A module that some tests are held against; they skip, or fail, without it."""
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        skip_or_fail(package, f"{package} is not installed")


# The formats of files that can be written here: those of the extra `arrow` need its library.
FORMATS_HERE = [name for name in FORMATS if name not in LIBRARIES or find_spec("pyarrow")]


@pytest.fixture
def on_double():
    """The strict double of CuPy, installed in its place; kernels are executed by the emulator."""
    with double.installed() as module:
        yield module


@pytest.fixture
def on_device():
    """The real CuPy with a device; without them the test is skipped."""
    try:
        return array_library("cupy")
    except BackendError as error:
        skip_or_fail("cupy", str(error))


@pytest.fixture(params=["double", "device"])
def cupy(request):
    """CuPy: its double, then the real one."""
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture(params=["numpy", "double", "device"])
def xp(request):
    """The array library in force: NumPy, the double of CuPy, then the real one."""
    on_numpy = request.param == "numpy"
    library = np if on_numpy else request.getfixturevalue(f"on_{request.param}")
    with use_backend("numpy" if on_numpy else "cupy"):
        yield library


@pytest.fixture(params=["reference", "fused"])
def kernels(request, xp):
    """The kernels of each implementation, on each library; called with NumPy arrays."""
    return hosted_kernels(load_kernels(xp.__name__, request.param), xp)


@pytest.fixture
def data():
    """The folder of real corpora and evaluation sets that EMBEDLAYER_DATA names."""
    folder = os.environ.get("EMBEDLAYER_DATA", "")
    if not folder or not Path(folder).is_dir():
        skip_or_fail("data", "EMBEDLAYER_DATA names no folder of corpora and evaluation sets")
    return Path(folder)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def browser():
    """Chromium, one session for all tests of a module."""
    from browser import started

    with started() as one:
        yield one
