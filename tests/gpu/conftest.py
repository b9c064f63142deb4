"""The devices of the GPU tests, and the count of executed checks of each rung."""

import re
from collections import Counter
from typing import Any

import pytest

ON_DOUBLE = re.compile(r"[\[-]double[\]-]")  # a test's name, where a parameter chose the double
SUITE = "the suite"
RUNGS = {
    "test_r0_surface": "R0 the double's names are the pinned CuPy's",
    "test_r1_double": "R1 the double's rules",
    "test_r1_limits": "R1 the devices' limits",
    "test_r1_gpus": "R1 replicas on several devices",
    "test_r1_nccl": "R1 what they send each other, over the double's NCCL",
    SUITE: "R1 layers, optimizers, kernels, models, training, vectors and evaluation on the double",
    "test_r2_nvrtc": "R2 compiled by CuPy's NVRTC",
    "test_r3_emulator": "R3 cuda.cu executed on the CPU",
    "test_r3_scratch": "R3 with scratch for shared memory",
    "test_r3_ptx": "R3 its PTX executed on the CPU",
    "test_r3_sanitizers": "R3 under ASan, UBSan and TSan",
    "test_r4_mutants": "R4 planted bugs rejected",
    "test_end_to_end": "end to end",
    "test_session": "the session on a machine with a GPU, without one",
    "test_device": "R5 on a real device",
}


@pytest.fixture
def cupy(on_double: Any) -> Any:
    """CuPy's double alone: what is checked here needs no device."""
    return on_double


@pytest.fixture(params=["on_double", "on_device"], ids=["double", "device"])
def library(request: pytest.FixtureRequest) -> Any:
    """The double, then the real CuPy: the rules are the same."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def gpus(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The double with three devices."""
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 3)
    return cupy


def pytest_terminal_summary(terminalreporter: Any) -> None:
    passed: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        if report.when != "call":
            continue
        if "gpu/" in report.nodeid:
            passed[report.nodeid.split("/")[-1].split(".py")[0]] += 1
        elif ON_DOUBLE.search(report.nodeid):
            passed[SUITE] += 1
    if passed:
        terminalreporter.section("checks of the GPU path executed, by rung")
    for name, meaning in RUNGS.items():
        if passed[name]:
            terminalreporter.line(f"{passed[name]:5d}  {meaning}")
