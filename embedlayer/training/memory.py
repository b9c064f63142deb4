"""The memory that this process has used."""

import sys
from types import TracebackType
from typing import Any


class MemoryWatch:
    """Keeps the largest memory seen: each time :meth:`look` is called, and at both ends.

    Anonymous memory is what the process allocated; the pages of mapped files, which the system
    drops whenever it needs the room, are not counted. Linux alone tells it.
    """

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._resident = 0
        self._anonymous: int | None = None

    def __enter__(self) -> "MemoryWatch":
        self.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.look()

    def look(self) -> None:
        """Read the memory in use now, and keep what is the largest."""
        about: Any = self._process.memory_info()
        self._resident = max(self._resident, getattr(about, "peak_wset", about.rss))
        if hasattr(about, "shared"):
            self._anonymous = max(self._anonymous or 0, about.rss - about.shared)

    def peak(self) -> tuple[int, int | None]:
        """Bytes: the largest resident memory, and the largest anonymous memory that was seen."""
        return max(self._resident, _peak_of_process()), self._anonymous


def _peak_of_process() -> int:
    """The system's own record, which misses nothing between two looks; 0 where it keeps none."""
    try:
        import resource
    except ImportError:  # Windows; there psutil knows the peak
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
