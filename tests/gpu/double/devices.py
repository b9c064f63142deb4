"""The devices of the double, and which of them a thread uses: by default the first."""

import threading
from typing import Any, Self

from ..emulator import RawModule
from ..emulator.limits import SHARED

MEMORY = 1 << 30  # bytes that each device says it has
_thread = threading.local()


class OtherDevice(ValueError):
    """An array of another device than the thread's: CuPy refuses it, or reaches it slowly."""


def current() -> int:
    """The number of the thread's device."""
    return getattr(_thread, "device", 0)


class Device:
    """As ``cupy.cuda.Device``."""

    def __init__(self, device: int | None = None) -> None:
        self.id = current() if device is None else device
        self.attributes = {"MaxSharedMemoryPerBlockOptin": SHARED[RawModule.device]}
        self.mem_info = (MEMORY, MEMORY)
        self._before: list[int] = []

    def use(self) -> None:
        from .device_array import module

        if self.id >= module().cuda.runtime.getDeviceCount():
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        _thread.device = self.id

    def synchronize(self) -> None:
        from .device_array import sync

        sync("device.synchronize()")

    def __enter__(self) -> Self:
        self._before.append(current())
        self.use()
        return self

    def __exit__(self, *error: Any) -> None:
        _thread.device = self._before.pop()
