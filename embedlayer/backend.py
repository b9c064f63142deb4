"""Which array library: NumPy or CuPy, chosen by argument, context, process or environment."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from embedlayer.device import DEVICES, Device, device_of
from embedlayer.errors import BackendError, EmbedlayerError, shown

ON_HOST, ON_GPU = (1, 3), (2, 13)  # DLPack's numbers: pageable and page-locked, CUDA's and managed

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
    if choice == "auto":
        return _first_that_works()
    if not isinstance(choice, str) or choice not in DEVICES:
        raise BackendError(
            f"unknown backend {shown(choice)} ({source}): choose auto, {' or '.join(DEVICES)}"
        )
    if problem := DEVICES[choice].problem():
        raise BackendError(f"backend {choice!r} ({source}) cannot work here: {problem}")
    return choice, source


def get_device(backend: str | None = None) -> Device:
    """The device of the backend in force (or of the one named); BackendError as get_backend."""
    return DEVICES[get_backend(backend)]


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
    return get_device(backend).xp


def array_module(*arrays: Any) -> Any:
    """The library that these arrays belong to: ``cupy`` if they are CuPy's, else ``numpy``.

    Raises:
        TypeError: NumPy and CuPy arrays together, which would copy between host and device.
    """
    return device_of(*arrays).xp


def asarray(values: Any, dtype: Any = None, *, backend: str | None = None) -> Any:
    """``values`` as an array of the backend in force (or the one named), copied only if needed."""
    xp = array_library(backend)
    return xp.asarray(shared(values) if xp is not np else to_numpy(values), dtype=dtype)


def to_numpy(values: Any) -> np.ndarray:
    """``values`` as a NumPy array; an array on a GPU is copied from the device, once.

    Raises:
        EmbedlayerError: lists of different lengths, of which there is no array.
    """
    values = shared(values)
    try:
        return device_of(values).to_numpy(values)
    except ValueError as error:  # rows of different lengths
        raise EmbedlayerError(f"no array can be made of {shown(values)}: {error}") from None


def shared(values: Any) -> Any:
    """Another library's array as NumPy's or CuPy's, on the same memory; all else as it is.

    Another library's is what offers DLPack (https://dmlc.github.io/dlpack) or
    ``__cuda_array_interface__``: torch's, JAX's, numba's. A tensor that requires a gradient is
    taken without it.

    Raises:
        BackendError: it is on a GPU, and CuPy cannot work here.
        EmbedlayerError: a dtype that NumPy lacks, another kind of device.
    """
    if isinstance(values, np.ndarray | list) or device_of(values) is not DEVICES["numpy"]:
        return values
    if not (hasattr(values, "__dlpack_device__") or hasattr(values, "__cuda_array_interface__")):
        return values
    if hasattr(values, "detach"):  # torch, which exports no tensor that requires a gradient
        values = values.detach()
    if hasattr(values, "__cuda_array_interface__"):
        return array_library("cupy").asarray(values)
    kind = int(values.__dlpack_device__()[0])
    try:
        if kind in ON_GPU:
            return array_library("cupy").from_dlpack(values)
        if kind in ON_HOST:  # NumPy marks some arrays that come by DLPack as read-only
            return np.asarray(values) if hasattr(values, "__array__") else np.from_dlpack(values)
    except (TypeError, RuntimeError, BufferError) as error:
        raise EmbedlayerError(
            f"a {type(values).__name__} that cannot be shared ({error}): make it float32 first"
        ) from None
    raise EmbedlayerError(
        f"a {type(values).__name__} on a device of DLPack's kind {kind}: move it to the host first"
    )


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


def _first_that_works() -> tuple[str, str]:
    """What 'auto' takes, and why; the log says it once."""
    reasons: list[str] = []
    for name, device in DEVICES.items():
        problem = device.problem()
        if problem is None:
            why = "; ".join(reasons) or f"{name} works here"
            break
        reasons.append(problem)
    if (name, why) not in _announced:
        _announced.add((name, why))
        _log.info("backend: %s (auto: %s)", name, why.split("; ")[0])  # doctor tells the cure
    return name, f"auto: {why}"
