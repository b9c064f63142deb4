"""The machine under a benchmark: what it is, how busy, how fast it copies and multiplies."""

import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

PACKAGES = ("embedlayer", "numpy", "numba", "scipy", "gensim", "fasttext-wheel", "torch")
# They make OpenBLAS take other code than it would choose; no trainer and no peer should feel them.
BLAS_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
COPY_BYTES = 1 << 28  # many times the caches
SGEMM_SIZE = 2048
TRIES = 5  # the best one counts: these two are limits, not averages


def plain_environment() -> dict[str, str]:
    """This process's environment without the settings that bend OpenBLAS."""
    return {name: value for name, value in os.environ.items() if name not in BLAS_SETTINGS}


def use_cores(count: int) -> None:
    """Let this process, and every library in it, see ``count`` cores and no bent OpenBLAS.

    Thread pools are sized when a library is loaded, so the program starts anew if it must.
    """
    cores = sorted(os.sched_getaffinity(0))
    environment = plain_environment()
    if count < len(cores) or environment != dict(os.environ):
        os.sched_setaffinity(0, cores[:count])
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def describe() -> dict[str, Any]:
    """The machine, its load at this moment, and the versions of what is compared."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def copy_bandwidth(threads: int, size: int = COPY_BYTES) -> float:
    """Bytes per second, read and written, of copying between two arrays of ``size`` bytes."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return 2 * size / _best(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))


def sgemm_rate(size: int = SGEMM_SIZE) -> float:
    """Floating-point operations per second of NumPy's float32 matrix product, on all cores."""
    a = np.random.default_rng(1).standard_normal((size, size), np.float32)
    return 2 * size**3 / _best(lambda: a @ a)


def _best(work: Callable[[], object]) -> float:
    """The least seconds of a few tries, after one that does not count."""
    work()
    seconds = []
    for _ in range(TRIES):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    return min(seconds)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
