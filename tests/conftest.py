"""What every test may ask for: the array libraries, the real data, and a cache of its own."""

import os
from pathlib import Path

import pytest

from embedlayer.backend import array_library
from embedlayer.errors import BackendError


def skip_or_fail(name: str, reason: str) -> None:
    """Skip a test that needs ``name``; fail it when EMBEDLAYER_REQUIRE names it."""
    if name in os.environ.get("EMBEDLAYER_REQUIRE", "").split(","):
        pytest.fail(f"EMBEDLAYER_REQUIRE={name}, but {reason}")
    pytest.skip(reason)


@pytest.fixture
def cupy():
    """The real CuPy with a device; without them the test is skipped."""
    try:
        return array_library("cupy")
    except BackendError as error:
        skip_or_fail("cupy", str(error))


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
