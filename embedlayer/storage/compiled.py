"""Compiled code, kept on disk: ``compiled`` is numba's ``njit`` with a folder that can be written.

numba keeps code beside its source or, where that cannot be written, in the user's cache folder; in
a container both may be read-only. Then our cache folder takes it, or else a temporary one.
Import this before anything that numba compiles.
"""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from numba import config, njit

from embedlayer.storage.folders import cache_folder, is_writable, temporary_folder

PACKAGE = Path(__file__).parents[1]


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


if (PACKAGE.parent / ".git").exists():  # a checkout, whose files change one by one
    drop_stale(PACKAGE)
if place := _place_of_code():
    os.environ["NUMBA_CACHE_DIR"] = str(place)
    config.reload_config()

compiled: Any = partial(njit, nogil=True, cache=True)
inlined: Any = partial(njit, inline="always")  # compiled as a part of each function that calls it
