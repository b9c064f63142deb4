"""A large array a piece at a time, so that what is made of each piece stays in the cache."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from embedlayer.backend import array_module

CACHED = (
    1 << 20
)  # bytes of a piece: as large as a core's own cache; 2**18 and 2**22 cost a fifth more


def pieces(size: int, like: Any) -> Iterator[slice]:
    """Slices that cover ``size`` rows as long as those of ``like``; on a GPU a single one."""
    step = size
    if array_module(like) is np:
        row = like.itemsize * int(np.prod(like.shape[1:]))
        step = max(1, CACHED // max(1, row))
    for begin in range(0, size, max(1, step)):
        yield slice(begin, begin + step)
