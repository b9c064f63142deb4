"""Compiled code, kept on disk: ``compiled`` is numba's ``njit`` with a folder that can be written.

numba keeps code beside its source or, where that cannot be written, in the user's cache folder; in
a container both may be read-only. Then our cache folder takes it, or else a temporary one.
Import this before anything that numba compiles.
"""

import os
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import config, njit

from embedlayer.storage.folders import cache_folder, is_writable, temporary_folder

PACKAGE = Path(__file__).parents[1]
BLAS = "scipy.linalg.cython_blas"


def _place_of_code() -> Path | None:
    """The folder to keep compiled code in; None: where numba does it by itself."""
    if os.environ.get("NUMBA_CACHE_DIR") or is_writable(PACKAGE / "__pycache__"):
        return None
    folder = cache_folder() / "compiled"
    return folder if is_writable(folder) else temporary_folder("embedlayer-compiled")


def drop_stale(package: Path) -> None:
    """Delete the compiled code that is older than the sources beside any of it.

    numba looks at the file of a function alone; of other files much is compiled into it.
    """
    kept = [*package.rglob("*.nbi")]
    folders = {package, *(one.parents[1] for one in kept)}
    changed = max(one.stat().st_mtime_ns for folder in folders for one in folder.glob("*.py"))
    for index in kept:
        with suppress(OSError):  # gone, as another process does the same
            if index.stat().st_mtime_ns < changed:
                index.unlink()


class _Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        _drop_stand_in()
        return getattr(import_module(self.__name__), name)


def _drop_stand_in() -> None:
    if isinstance(sys.modules.get(BLAS), _Later):
        del sys.modules[BLAS]


def _begin_numba() -> None:
    """Import what numba would at its first function, but not the linear algebra of SciPy: 0.3 s.

    numba asks for it to see whether there is any, and again where a function multiplies matrices.
    """
    if sys.modules.get("scipy") and "scipy.linalg" not in sys.modules:  # numba has imported it
        sys.modules[BLAS] = _Later(BLAS)
    try:
        import_module("numba.np.arraymath")
    finally:
        _drop_stand_in()


_begin_numba()
if (PACKAGE.parent / ".git").exists():  # a checkout, whose files change one by one
    drop_stale(PACKAGE)
if place := _place_of_code():
    os.environ["NUMBA_CACHE_DIR"] = str(place)
    config.reload_config()

compiled: Any = partial(njit, nogil=True, cache=True)
inlined: Any = partial(njit, inline="always")  # compiled as a part of each function that calls it
