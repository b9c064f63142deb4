"""What a backend brings along besides its kernels: an array library, and where its arrays live."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from embedlayer.threads import available_cores

CUPY_CURE = "install CuPy with pip install 'embedlayer[cuda12x]' or 'embedlayer[cuda13x]'"
MAPPED, RESIDENT, STREAMED = "mapped from disk", "on the device", "streamed to the device"
LINE = 64  # bytes of a cache line

Send = Callable[..., tuple[Any, ...]]


class Device:
    """Where the arrays of one library live. A backend is one of these and one set of kernels.

    The defaults here suit a device of its own memory that one thread feeds.

    Attributes:
        name: of the backend, and of its array library, a module that is imported by this name.
        kernels: the module of its fused kernels, by its full name.
        chunk_tokens: tokens of the corpus that are trained on at once.
        piece_bytes: what a loop over a large array takes at once; None: all of it.
        search_scores: how many scores a search holds at once.
        corpus_places: where a corpus may lie, the best place first.
    """

    name: ClassVar[str]
    kernels: ClassVar[str]
    chunk_tokens: ClassVar[int] = 1_000_000
    piece_bytes: ClassVar[int | None] = None
    search_scores: ClassVar[int] = 2**24
    corpus_places: ClassVar[Sequence[str]] = (RESIDENT,)

    @property
    def xp(self) -> Any:
        """The array library."""
        return importlib.import_module(self.name)

    def problem(self) -> str | None:
        """Why it cannot work here, with the cure; None when it can."""
        raise NotImplementedError

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy of an array in the host's memory."""
        raise NotImplementedError

    def workers(self, asked: int | None) -> int:
        """How many threads train, where so many were asked for, or None."""
        return 1

    def begin_thread(self, table: Any) -> None:
        """Called in each thread that trains, before it does."""

    def zeros(self, rows: int, columns: int) -> Any:
        """A table of zeros: float32, (rows, columns)."""
        return self.xp.zeros((rows, columns), np.float32)

    def room_bytes(self) -> int:
        """The most bytes that arrays may take here."""
        raise NotImplementedError

    def sender(self, *buffers: tuple[int, Any]) -> Send:
        """A function that copies NumPy arrays here, call by call, while earlier ones are used.

        Args:
            buffers: for each array of a call, the largest size that it can have and its dtype.
        """
        return lambda *arrays: tuple(map(self.xp.asarray, arrays))

    def top(self, scores: Any, k: int) -> Any:
        """int64, (n, k): the columns of each row's k highest scores, (n, V), the best first.

        Equal scores go by column.
        """
        if k == 1:
            return scores.argmax(axis=1)[:, None]
        return self.xp.argsort(-scores, axis=1, kind="stable")[:, :k]

    def describe(self) -> list[dict[str, Any]]:
        """The devices found, as JSON can hold them."""
        return []


class Host(Device):
    """NumPy: arrays in the memory of the processor."""

    name = "numpy"
    kernels = "embedlayer.kernels.cpu"
    chunk_tokens = 50_000  # a chunk's small integer arrays then fit the caches of a core
    piece_bytes = 1 << 20  # as large as a core's own cache; 2**18 and 2**22 cost a fifth more
    search_scores = 2**20  # 4 MiB, and 8 MiB of row numbers, stay near the cache
    corpus_places = (MAPPED,)

    def problem(self) -> str | None:
        return None

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def workers(self, asked: int | None) -> int:
        return asked or available_cores()

    def zeros(self, rows: int, columns: int) -> np.ndarray:
        """Each table begins on a cache line, and so do its rows if they fill whole ones."""
        memory = np.zeros(rows * columns * 4 + LINE, np.uint8)
        start = -memory.ctypes.data % LINE
        return memory[start : start + rows * columns * 4].view(np.float32).reshape(rows, columns)

    def room_bytes(self) -> int:
        """All memory and swap: the system drops cached files, and moves others' memory, for it."""
        import psutil

        return psutil.virtual_memory().total + psutil.swap_memory().total

    def top(self, scores: np.ndarray, k: int) -> np.ndarray:
        if k == 1:
            return super().top(scores, k)
        edge = scores.shape[1] - k
        best = np.argpartition(scores, edge, axis=1)[:, edge:]
        least = np.take_along_axis(scores, best, axis=1).min(axis=1, keepdims=True)
        tied = np.nonzero((scores >= least).sum(axis=1) > k)[0]  # some as good were left out
        best[tied] = np.argsort(-scores[tied], axis=1, kind="stable")[:, :k]
        best = np.sort(best, axis=1)
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        return np.take_along_axis(best, order, axis=1)


class Cuda(Device):
    """CuPy: arrays in the memory of an NVIDIA GPU."""

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


# The backends by name; 'auto' takes the first that works.
DEVICES: dict[str, Device] = {device.name: device for device in (Cuda(), Host())}


def device_of(*arrays: Any) -> Device:
    """The device that these arrays are on: the host, unless another's library made one of them.

    Raises:
        TypeError: arrays of two libraries, which would have to be copied.
    """
    host = DEVICES["numpy"]
    for name, device in DEVICES.items():
        library = sys.modules.get(name)
        if device is host or library is None:
            continue
        if any(isinstance(array, library.ndarray) for array in arrays):
            if any(isinstance(array, np.ndarray) for array in arrays):
                raise TypeError(
                    f"numpy and {name} arrays in one call: move them to one side with asarray "
                    "or to_numpy"
                )
            return device
    return host
