"""A strict double of CuPy on the CPU: it refuses what CuPy refuses and errs where CuPy errs.

- An array never turns into NumPy's by itself; host arrays, lists and device arrays do not mix.
- Only the names and arguments of the pinned CuPy exist (``surface.json``).
- Reductions and ``a[i]`` give 0-d arrays. Whatever waits for the device is counted, and raises
  inside ``no_sync()``.
- Ids out of range raise where CuPy would silently wrap them.
- Of equal indices any assigned value may stay; ``add.at`` adds in any order; fresh memory is full
  of NaN and huge integers.
- ``RawModule`` runs the kernels on the CPU, by the emulator beside this.

``with installed() as cupy:`` makes it ``sys.modules["cupy"]``.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from . import nccl
from .device_array import ForbiddenSync, counters, ndarray, no_sync
from .library import make_cupy

__all__ = ["ForbiddenSync", "counters", "cupy", "installed", "nccl", "ndarray", "no_sync"]

cupy = make_cupy()


@contextlib.contextmanager
def installed() -> Iterator[Any]:
    """The double in place of CuPy, while the block runs; yields it."""
    modules = {"cupy": cupy, "cupy.cuda.nccl": nccl}  # which no attribute leads to
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules |= modules
    try:
        yield cupy
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
