"""The host: NumPy's arrays, in the memory of the processor."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.device.base import MAPPED, Device
from embedlayer.threads import available_cores

LINE = 64  # bytes of a cache line
HUGE_PAGE, HUGE_BYTES = 1 << 21, 1 << 22  # from which size on NumPy asks Linux for huge pages
KEPT_BYTES = 32 << 20  # the most that mallopt takes
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
GROUP_LIMITS = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"


class Host(Device):
    """NumPy."""

    name = "numpy"
    kernels = "embedlayer.kernels.cpu"
    searches = "embedlayer.vectors.by_blocks"
    chunk_tokens = 50_000  # a chunk's small integer arrays then fit the caches of a core
    shared_windows = 128  # whose rows stay in the cache of a core until they are written
    piece_bytes = 1 << 20  # as large as a core's own cache; 2**18 and 2**22 cost a fifth more
    search_scores = 2**20  # 4 MiB stay near the cache
    corpus_places = (MAPPED,)

    @property
    def xp(self) -> Any:
        return np

    def problem(self) -> str | None:
        return None

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def workers(self, asked: int | None) -> int:
        return asked or available_cores()

    def begin_thread(self, table: np.ndarray) -> None:
        """Let the process keep the memory of a chunk's arrays for those of the next chunk.

        New pages for each chunk took 5 to 9 % of the time: glibc gives freed memory back to the
        system, what is larger than a threshold at once. (mallopt(3); no other C library has it.)
        In a worker of Dask it was a fifth, as its nanny sets ``MALLOC_TRIM_THRESHOLD_`` to 64 KiB.
        """
        if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
            mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
            mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)

    def zeros(self, rows: int, columns: int) -> np.ndarray:
        """Each table begins on a cache line, and so do its rows if they fill whole ones."""
        memory = _aligned(np.zeros(rows * columns * 4 + LINE, np.uint8), LINE)
        return memory.view(np.float32).reshape(rows, columns)

    def take(self, table: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Much of a large copy's time goes into new pages: it begins where large ones do.

        Elsewhere up to 512 small pages stand for one large: 40 MB take 4 to 7 % longer.
        """
        size = ids.size * table.shape[1] * table.itemsize
        if size < HUGE_BYTES:
            return super().take(table, ids)
        memory = _aligned(np.empty(size + HUGE_PAGE, np.uint8), HUGE_PAGE)
        out = memory.view(table.dtype).reshape(*ids.shape, table.shape[1])
        return table.take(ids, axis=0, out=out, mode="clip")  # mode "raise" would copy once more

    def room_bytes(self) -> int:
        """What is free, in swap too, and no more than a container may have."""
        import psutil

        free = psutil.virtual_memory().available + psutil.swap_memory().free
        return min([free, *_group_limits()])


def _aligned(memory: np.ndarray, boundary: int) -> np.ndarray:
    """``memory``, uint8, less ``boundary`` bytes, from the first multiple of it on."""
    start = -memory.ctypes.data % boundary
    return memory[start : start + len(memory) - boundary]


def _group_limits() -> Iterator[int]:
    """The bytes that Linux allows a container, if this is one: its control groups, 2 and 1."""
    for file in GROUP_LIMITS:
        with suppress(OSError, ValueError):  # no such group; "max", which is no number
            yield int(Path(file).read_text())
