"""Writes ``surface.json``: the names and arguments of the real CuPy, which imports without a GPU.

Run ``python surface.py`` from here after moving to another CuPy; a test compares the two.
"""

import inspect
import json
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

SURFACE = Path(__file__).with_name("surface.json")
PINNED = "14.2.0"
CURE = f"pip install cupy-cuda13x=={PINNED} nvidia-cuda-nvrtc nvidia-cuda-runtime"
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
    }


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
