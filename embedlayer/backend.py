"""Which array library: NumPy or CuPy, chosen by argument, context, process or environment."""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np

from embedlayer.errors import BackendError

BACKENDS = ("numpy", "cupy")
CUPY_CURE = "install CuPy with pip install 'embedlayer[cuda12x]' or 'embedlayer[cuda13x]'"

_log = logging.getLogger("embedlayer")
_context_choice: ContextVar[str | None] = ContextVar("embedlayer_backend", default=None)
_process_choice: str | None = None
_announced: set[tuple[str, str]] = set()


def get_backend(backend: str | None = None) -> str:
    """The name of the array library in force: 'numpy' or 'cupy'.

    Precedence: the argument, ``with use_backend(...)``, ``set_backend(...)``, the environment
    variable ``EMBEDLAYER_BACKEND``, then 'auto'. 'auto' takes CuPy when it imports and sees a
    device, else NumPy, and says so in one log line.

    Raises:
        BackendError: an unknown name, or an explicit 'cupy' that cannot work here.
    """
    return explain_backend(backend)[0]


def explain_backend(backend: str | None = None) -> tuple[str, str]:
    """The array library in force and, in a few words, why it was chosen."""
    choice, source = _choice(backend)
    if choice not in ("auto", *BACKENDS):
        raise BackendError(
            f"unknown backend {choice!r} ({source}): choose auto, {' or '.join(BACKENDS)}"
        )
    if choice == "numpy":
        return "numpy", source
    problem = _cupy_problem()
    if choice == "cupy":
        if problem:
            raise BackendError(f"backend 'cupy' ({source}) cannot work here: {problem}")
        return "cupy", source
    name, why = ("numpy", problem) if problem else ("cupy", "CuPy sees a CUDA device")
    if (name, why) not in _announced:
        _announced.add((name, why))
        _log.info("backend: %s (auto: %s)", name, why)
    return name, f"auto: {why}"


def set_backend(backend: str | None) -> None:
    """Choose the array library for the whole process; ``None`` forgets the choice.

    Raises:
        BackendError: as :func:`get_backend`; the earlier choice then stays.
    """
    global _process_choice
    if backend is not None:
        get_backend(backend)
    _process_choice = backend


@contextmanager
def use_backend(backend: str) -> Iterator[None]:
    """Choose the array library inside a ``with`` block (of this thread or task alone).

    Raises:
        BackendError: as :func:`get_backend`.
    """
    get_backend(backend)
    token = _context_choice.set(backend)
    try:
        yield
    finally:
        _context_choice.reset(token)


def array_library(backend: str | None = None) -> Any:
    """The module itself, ``numpy`` or ``cupy``, for the backend in force (or the one named)."""
    return importlib.import_module(get_backend(backend))


def array_module(*arrays: Any) -> Any:
    """The library that these arrays belong to: ``cupy`` if they are CuPy's, else ``numpy``.

    Raises:
        TypeError: NumPy and CuPy arrays together, which would copy between host and device.
    """
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    on_device = [isinstance(array, cupy.ndarray) for array in arrays]
    if not any(on_device):
        return np
    if any(isinstance(array, np.ndarray) for array in arrays):
        raise TypeError(
            "NumPy and CuPy arrays in one call: move them to one side with asarray or to_numpy"
        )
    return cupy


def asarray(values: Any, dtype: Any = None, *, backend: str | None = None) -> Any:
    """``values`` as an array of the backend in force (or the one named), copied only if needed."""
    xp = array_library(backend)
    return xp.asarray(values if xp is not np else to_numpy(values), dtype=dtype)


def to_numpy(values: Any) -> np.ndarray:
    """``values`` as a NumPy array; a CuPy array is copied from the device, once."""
    return values.get() if array_module(values) is not np else np.asarray(values)


class _CurrentArrayLibrary:
    """``xp``: every attribute is looked up, at each use, in the array library then in force."""

    def __getattr__(self, name: str) -> Any:
        return getattr(array_library(), name)

    def __repr__(self) -> str:
        return f"<embedlayer xp: {get_backend()}>"


xp: Any = _CurrentArrayLibrary()


def _choice(backend: str | None) -> tuple[str, str]:
    for choice, source in (
        (backend, "argument"),
        (_context_choice.get(), "use_backend"),
        (_process_choice, "set_backend"),
        (os.environ.get("EMBEDLAYER_BACKEND"), "EMBEDLAYER_BACKEND"),
    ):
        if choice:
            return choice, source
    return "auto", "default"


def _cupy_problem() -> str | None:
    """Why CuPy cannot work here, with the cure; ``None`` when it can."""
    if "cupy" not in sys.modules and importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed; {CUPY_CURE}"
    try:
        cupy: ModuleType = importlib.import_module("cupy")
    except Exception as error:  # a broken CuPy fails in many ways, with ImportError or others
        return f"CuPy is installed but does not import ({_one_line(error)}); {CUPY_CURE}"
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CUDARuntimeError is not importable without CuPy
        return f"CuPy sees no device ({_one_line(error)}); install or update the NVIDIA driver"
    if devices == 0:
        return "CuPy sees no CUDA device; check CUDA_VISIBLE_DEVICES and nvidia-smi"
    return None


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" \t=")]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
