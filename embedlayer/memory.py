"""How much memory this process has used, as the operating system counts it."""

import sys
from pathlib import Path
from types import TracebackType

STATUS = Path("/proc/self/status")


class MemoryWatch:
    """Keeps the largest anonymous memory seen: each time :meth:`look` is called, on Linux.

    Anonymous memory is what the process allocated; the pages of mapped files, which the system
    drops whenever it needs the room, are not counted.
    """

    def __init__(self) -> None:
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
        """Read the anonymous memory now, and keep it if it is the largest."""
        if STATUS.exists():
            self._anonymous = max(self._anonymous or 0, _status_bytes("RssAnon"))

    def peak(self) -> tuple[int, int | None]:
        """Bytes: the largest resident memory, and the largest anonymous memory that was seen."""
        import resource  # not on Windows

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, self._anonymous


def _status_bytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0
