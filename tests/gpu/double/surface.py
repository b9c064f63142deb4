"""Writes ``surface.json``: the names and arguments of the real CuPy, which imports without a GPU.

Run ``python surface.py`` from here after moving to another CuPy; a test compares the two.
"""

import inspect
import json
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

SURFACE = Path(__file__).with_name("surface.json")
PINNED = "14.2.0"
CURE = f"pip install cupy-cuda13x=={PINNED} nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-nccl-cu13"
# ufunc.at exists for these alone; CuPy's own table is not visible from Python.
WITH_AT = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}


def real_cupy() -> ModuleType:
    """The pinned CuPy.

    Raises:
        RuntimeError: it is missing or another version; the message says how to install it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import cupy
    except ImportError as error:
        raise RuntimeError(f"the GPU checks need CuPy ({error}): {CURE}") from error
    if cupy.__version__ != PINNED:
        raise RuntimeError(f"the GPU checks need CuPy {PINNED}, not {cupy.__version__}: {CURE}")
    return cupy


def surface() -> dict[str, Any]:
    """What the double may offer, as it is checked in."""
    cupy = real_cupy()
    ufuncs = [name for name in _public(cupy) if isinstance(getattr(cupy, name), cupy.ufunc)]
    return {
        "version": cupy.__version__,
        "ufuncs": {name: name in WITH_AT for name in ufuncs},
        "functions": _functions(cupy, exclude=set(ufuncs)),
        "linalg": _functions(cupy.linalg),
        "ndarray": _public(cupy.ndarray),
        "nccl": _nccl(),
    }


def _nccl() -> dict[str, Any]:
    """What communicators take, as compiled code tells it in its documentation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nccl = import_module("cupy.cuda.nccl")
    if not nccl.available:
        raise RuntimeError(f"the GPU checks need NCCL: {CURE}")
    communicator = nccl.NcclCommunicator
    owners = [(nccl, _public(nccl)), (communicator, _public(communicator))]
    found = {
        name: _declared(getattr(owner, name).__doc__)
        for owner, names in owners
        for name in names
        if callable(getattr(owner, name)) and not isinstance(getattr(owner, name), type)
    }
    return found | {name: getattr(nccl, name) for name in dir(nccl) if name.startswith("NCCL_")}


def _declared(documentation: str) -> list[str]:
    """``f(self, size_t count, int peer=0)``, the first line: count and peer."""
    inside = documentation.split("(", 1)[1].split(")", 1)[0]
    names = [one.split("=")[0].split()[-1] for one in inside.split(", ") if one]
    return [name for name in names if name != "self"]


def _public(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def _functions(module: Any, exclude: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    found = {}
    for name in _public(module):
        function = getattr(module, name)
        if name in exclude or isinstance(function, type) or not callable(function):
            continue
        found[name] = _arguments(function)
    return found


def _arguments(function: Any) -> list[str] | None:
    """The arguments' names; ``None`` where they cannot be seen, or any are taken."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    names = [parameter.name for parameter in parameters]
    return None if names == ["self"] else names  # Python 3.13+ sees that of a compiled function


if __name__ == "__main__":
    SURFACE.write_text(json.dumps(surface(), indent=0, sort_keys=True) + "\n")
