"""The devices of the GPU tests, and the count of executed checks of each rung."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import skip_or_fail

from embedlayer.backend import array_library
from embedlayer.errors import BackendError

from . import double

RUNGS = {
    "test_r0_surface": "R0 the double's names are the pinned CuPy's",
    "test_r1_double": "R1 the double's rules",
    "test_r1_xp": "R1 layers and optimizers on the double",
    "test_r2_nvrtc": "R2 compiled by CuPy's NVRTC",
    "test_r3_emulator": "R3 cuda.cu executed on the CPU",
    "test_r3_ptx": "R3 its PTX executed on the CPU",
    "test_r3_sanitizers": "R3 under ASan, UBSan and TSan",
    "test_r4_mutants": "R4 planted bugs rejected",
    "test_end_to_end": "end to end",
    "test_device": "R5 on a real device",
}


@pytest.fixture
def cupy() -> Iterator[Any]:
    """The double, installed as ``cupy``."""
    with double.installed() as module:
        yield module


@pytest.fixture
def device() -> Any:
    """The real CuPy with a device; without them the test is skipped."""
    try:
        return array_library("cupy")
    except BackendError as error:
        return skip_or_fail("cupy", str(error))


@pytest.fixture(params=["cupy", "device"], ids=["double", "device"])
def library(request: pytest.FixtureRequest) -> Any:
    """The double, then the real CuPy."""
    return request.getfixturevalue(request.param)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    passed: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        if report.when == "call" and "/gpu/" in report.nodeid:
            passed[report.nodeid.split("/")[-1].split(".py")[0]] += 1
    if passed:
        terminalreporter.section("checks of the GPU path executed, by rung")
    for name, meaning in RUNGS.items():
        if passed[name]:
            terminalreporter.line(f"{passed[name]:5d}  {meaning}")
