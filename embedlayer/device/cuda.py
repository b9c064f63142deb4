"""An NVIDIA GPU: CuPy's arrays, in its own memory."""

import importlib.util
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.device.base import RESIDENT, STREAMED, Device, Send

CUPY_CURE = "pip install cupy-cuda12x (or cupy-cuda13x, for a driver of CUDA 13)"


class Cuda(Device):
    """CuPy."""

    name = "cupy"
    kernels = "embedlayer.kernels.cuda"
    # The thirty launches of a chunk of ``chunk_tokens`` are short beside their work, and so are
    # the ten of a chunk of ``search_scores``. CuPy partitions by sorting, and to look for ties
    # would be to wait: hence no ``top`` of its own.
    corpus_places = (RESIDENT, STREAMED)

    def problem(self) -> str | None:
        if "cupy" not in sys.modules and importlib.util.find_spec("cupy") is None:
            return f"CuPy is not installed; {CUPY_CURE}"
        try:
            cupy = self.xp
        except Exception as error:  # a broken CuPy fails in many ways, with ImportError or others
            return f"CuPy is installed but does not import ({_one_line(error)}); {CUPY_CURE}"
        try:
            devices = cupy.cuda.runtime.getDeviceCount()
        except Exception as error:  # CUDARuntimeError is not importable without CuPy
            return f"CuPy sees no device ({_one_line(error)}); install or update the NVIDIA driver"
        if devices == 0:
            return "CuPy sees no CUDA device; check CUDA_VISIBLE_DEVICES and nvidia-smi"
        return None

    def to_numpy(self, array: Any) -> np.ndarray:
        return array.get()

    def begin_thread(self, table: Any) -> None:
        """Use the device of the table: a new thread begins on CuPy's first."""
        table.device.use()

    def room_bytes(self) -> int:
        """What is free: never used, or given back and kept by CuPy's pool."""
        xp = self.xp
        return xp.cuda.runtime.memGetInfo()[0] + xp.get_default_memory_pool().free_bytes()

    def least_room_bytes(self, numbers: Sequence[int]) -> int:
        rooms = []
        for number in numbers:
            with self.xp.cuda.Device(number):
                rooms.append(self.room_bytes())
        return min(rooms)

    def sender(self, *buffers: tuple[int, Any]) -> Send:
        return _PageLocked(self.xp, buffers)

    def describe(self) -> list[dict[str, Any]]:
        runtime = self.xp.cuda.runtime
        return [
            {
                "name": about["name"].decode(),
                "memory_bytes": about["totalGlobalMem"],
                "compute_capability": f"{about['major']}.{about['minor']}",
            }
            for about in map(runtime.getDeviceProperties, range(runtime.getDeviceCount()))
        ]


def nccl() -> Any:
    """``cupy.cuda.nccl``, no attribute before it is imported: ``available`` if NCCL is here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not, in many lines
        return importlib.import_module("cupy.cuda.nccl")


class _PageLocked:
    """Copies arrays to the device through page-locked memory.

    There are two sets of buffers: one is filled while the device copies from the other. To fill a
    set again is to wait until the device has its last content, which keeps the host at most two
    calls ahead.
    """

    def __init__(self, xp: Any, buffers: Sequence[tuple[int, Any]]) -> None:
        self._xp = xp
        self._sets = [(xp.cuda.Event(), [self._buffer(*one) for one in buffers]) for _ in range(2)]

    def __call__(self, *arrays: np.ndarray) -> tuple[Any, ...]:
        self._sets.reverse()
        copied, buffers = self._sets[0]
        copied.synchronize()
        sent = tuple(map(self._copy, arrays, buffers))
        copied.record()
        return sent

    def _buffer(self, size: int, dtype: Any) -> np.ndarray:
        memory = self._xp.cuda.alloc_pinned_memory(size * np.dtype(dtype).itemsize)
        return np.frombuffer(memory, dtype, size)

    def _copy(self, values: np.ndarray, buffer: np.ndarray) -> Any:
        buffer = buffer[: len(values)]
        buffer[...] = values
        array = self._xp.empty(len(values), values.dtype)
        array.set(buffer, stream=self._xp.cuda.get_current_stream())
        return array


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" \t=")]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
