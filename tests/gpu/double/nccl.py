"""``cupy.cuda.nccl`` of the double: what the package uses of it, and where it errs or would hang.

What NCCL would wait for without end raises :class:`NcclHang`. Here that is every send or receive
without its partner in the group: one thread makes the calls of all devices.
"""

import threading
import weakref
from typing import Any, NamedTuple

import numpy as np

available = True
NCCL_FLOAT32 = 7
TYPES = {NCCL_FLOAT32: np.dtype(np.float32)}
_thread = threading.local()
_memory: dict[int, tuple[Any, int]] = {}  # by its address: the array, and its device


class NcclError(RuntimeError):
    """As CuPy's of this name."""


class NcclHang(AssertionError):
    """Where NCCL would wait without end, or is not defined."""


class Call(NamedTuple):
    """Half of a copy from device to device."""

    memory: np.ndarray
    place: str


def address(array: np.ndarray, device: int) -> int:
    """The address of an array's memory, which then may be given to a communicator."""
    _memory[array.ctypes.data] = weakref.ref(array), device
    return array.ctypes.data


class NcclCommunicator:
    """As CuPy's: of several that one process has made at once."""

    def __init__(self, ndev: int, commId: bytes, rank: int, config: Any = None) -> None:
        raise NotImplementedError("the double has initAll alone")

    @staticmethod
    def initAll(devices: Any) -> list["NcclCommunicator"]:
        from .device_array import module

        numbers = list(range(devices)) if isinstance(devices, int) else devices
        if max(numbers) >= module().cuda.runtime.getDeviceCount():
            raise NcclError("NCCL_ERROR_INVALID_ARGUMENT: invalid argument")
        if len(set(numbers)) < len(numbers):
            raise NcclError("NCCL_ERROR_INVALID_USAGE: a device twice")
        made = [NcclCommunicator.__new__(NcclCommunicator) for _ in numbers]
        for rank, (one, device) in enumerate(zip(made, numbers, strict=True)):
            one._rank, one._device, one._all, one._open, one._user = rank, device, made, True, None
        return made

    def send(self, sendbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        self._call("send", (self._rank, peer), sendbuf, count, datatype)

    def recv(self, recvbuf: int, count: int, datatype: int, peer: int, stream: int) -> None:
        self._call("recv", (peer, self._rank), recvbuf, count, datatype)

    def check_async_error(self) -> None:
        self._enter()

    def abort(self) -> None:
        if getattr(_thread, "calls", None) is None and sum(one._open for one in self._all) > 1:
            raise NcclHang("a communicator is aborted while the others of its group wait")
        self._open = False

    def _enter(self) -> None:
        if not self._open:
            raise NcclError("NCCL_ERROR_INVALID_ARGUMENT: invalid argument")
        if self._user not in (None, threading.get_ident()):
            raise NcclHang("two threads call one communicator")

    def _call(self, kind: str, way: tuple[int, int], buffer: int, count: int, type: int) -> None:
        self._enter()
        if not 0 <= way[kind == "send"] < len(self._all):
            raise NcclError("NCCL_ERROR_INVALID_ARGUMENT: invalid argument")
        found, device = _memory.get(buffer, (lambda: None, None))
        array, place = found(), f"{kind}, rank {way[0]} to {way[1]}"
        if array is None or not array.flags.c_contiguous or array.size < count:
            raise NcclHang(f"{place}: {count} values at {buffer:#x} are no whole array's")
        if device != self._device or array.dtype != TYPES[type]:
            raise NcclHang(f"{place}: {array.dtype} on device {device}, not {self._device}")
        if getattr(_thread, "calls", None) is None:
            raise NcclHang(f"{place}: without a group it waits for its partner")
        self._user = threading.get_ident()
        _thread.users.append(self)
        calls = _thread.calls.setdefault((id(self._all), *way), {"send": [], "recv": []})
        calls[kind].append(Call(array.reshape(-1)[:count], place))


def groupStart() -> None:
    if getattr(_thread, "calls", None) is not None:
        raise NcclHang("a group inside a group")
    _thread.calls, _thread.users = {}, []


def groupEnd() -> None:
    if getattr(_thread, "calls", None) is None:
        raise NcclError("NCCL_ERROR_INVALID_USAGE: invalid usage")
    calls, _thread.calls = _thread.calls, None
    for user in _thread.users:
        user._user = None
    for _, halves in sorted(calls.items()):
        sent, taken = halves["send"], halves["recv"]
        if len(sent) != len(taken):
            raise NcclHang(f"{(sent or taken)[0].place}: {len(sent)} sent, {len(taken)} taken")
        for one, other in zip(sent, taken, strict=True):
            if len(one.memory) != len(other.memory):
                raise NcclHang(f"{one.place}: {len(one.memory)} sent, {len(other.memory)} taken")
            other.memory[:] = one.memory
