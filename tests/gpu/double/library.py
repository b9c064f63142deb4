"""The module ``cupy`` of the double: NumPy's functions under the names and arguments CuPy has."""

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..emulator import RawModule
from ..emulator.limits import CUDADriverError
from .device_array import (
    SURFACE,
    TABLE_TYPES,
    checked_index,
    copies_under_way,
    counters,
    ndarray,
    scatter,
    sync,
    unwrap,
    unwrap_all,
    wrap,
)
from .devices import MEMORY, Device, current

UFUNC_KEYWORDS = {"out", "dtype", "casting"}
# The size of their result, or what they check, is known to the device alone.
WAITING = {"nonzero", "flatnonzero", "argwhere", "unique", "bincount", "array_equal", "allclose"}
WAITING |= {"extract", "compress", "setdiff1d", "intersect1d", "union1d", "array_split"}
TYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ dtype"
CONSTANTS = "newaxis pi e inf nan integer floating number generic iinfo finfo result_type"


class Ufunc:
    """As ``cupy.ufunc``: no keyword that CuPy lacks, ``at`` where CuPy has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.function = getattr(np, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if unknown := set(kwargs) - UFUNC_KEYWORDS:
            raise TypeError(f"cupy.{self.name} has no keyword {unknown}")
        out = kwargs.get("out")
        found = self.function(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()})
        return wrap(found) if out is None else out

    def at(self, array: ndarray, indices: Any, values: Any = None) -> None:
        if not SURFACE["ufuncs"][self.name]:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if self.name == "add" and str(array.dtype) not in TABLE_TYPES:
            raise TypeError(f"cupy.add.at has no atomic addition for {array.dtype}")
        index = checked_index(indices, array.shape)
        scatter(unwrap(array), index, unwrap(values), self.function.at)

    def __getattr__(self, name: str) -> Any:
        if name not in ("reduce", "accumulate", "outer"):  # reduceat rounds: not to be used
            raise AttributeError(name)
        method = getattr(self.function, name)
        return lambda *args, **kwargs: wrap(method(*map(unwrap, args), **kwargs))


def _function(name: str, arguments: list[str] | None, function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if arguments is not None:
            unknown = set(kwargs) - set(arguments)
            if unknown or len(args) > len(arguments):
                raise TypeError(f"cupy.{name}() takes {arguments}: got {len(args)}, {unknown}")
        if name in WAITING:
            sync(name)
        out = kwargs.get("out")
        found = function(*unwrap_all(args), **{k: unwrap_all(v) for k, v in kwargs.items()})
        return wrap(found) if out is None else out

    call.__name__ = name
    return call


class _SeenFromHost:
    """What lies on the device, for NumPy's own importers: here it is memory as any other."""

    def __init__(self, values: Any) -> None:
        self.values = values
        if hasattr(values, "__cuda_array_interface__"):
            self.__array_interface__ = values.__cuda_array_interface__

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__()


def _from_dlpack(values: Any) -> ndarray:
    if values.__dlpack_device__()[0] not in (2, 13):
        raise ValueError("CuPy takes what is on its device alone")
    return ndarray(np.from_dlpack(_SeenFromHost(values)))


def _array(values: Any, dtype: Any = None, copy: bool | None = True) -> ndarray:
    if isinstance(values, ndarray):
        return ndarray(np.array(values._here(), dtype=dtype, copy=copy))
    if hasattr(values, "__cuda_array_interface__"):
        return ndarray(np.array(_SeenFromHost(values), dtype=dtype, copy=copy))
    if isinstance(values, list | tuple) and any(isinstance(item, ndarray) for item in values):
        return ndarray(np.array([unwrap(item) for item in values], dtype=dtype))
    counters["to_device"] += 1
    return ndarray(np.array(values, dtype=dtype))  # always a copy: it is another memory


class Stream:
    """Everything runs at once here; only waiting is noted."""

    ptr = 0

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        pass

    def synchronize(self) -> None:
        sync("stream.synchronize()")

    def record(self, event: Any = None) -> "Event":
        return event or Event()

    def wait_event(self, event: Any) -> None:
        pass

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Event:
    """As ``cupy.cuda.Event``: once it is waited for, what was copied before it may be changed."""

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self.copies: list[np.ndarray] = []

    def record(self, stream: Any = None) -> None:
        self.copies, copies_under_way[:] = [*copies_under_way], []

    def synchronize(self) -> None:
        sync("event.synchronize()")
        for source in self.copies:
            source.flags.writeable = True


def _properties(device: int) -> dict[str, Any]:
    major, minor = divmod(RawModule.device, 10)
    return {"name": b"a double", "totalGlobalMem": MEMORY, "major": major, "minor": minor}


def make_cupy() -> Any:
    """The module; ``cupy.cuda`` has what the package uses and no more."""
    cupy: Any = ModuleType("cupy")
    cupy.__version__ = SURFACE["version"]
    for name in f"{TYPES} {CONSTANTS}".split():
        setattr(cupy, name, getattr(np, name))
    for name in filter(lambda name: hasattr(np, name), SURFACE["ufuncs"]):
        setattr(cupy, name, Ufunc(name))
    for name, arguments in SURFACE["functions"].items():
        if callable(getattr(np, name, None)) and not hasattr(cupy, name):
            setattr(cupy, name, _function(name, arguments, getattr(np, name)))
    cupy.linalg = SimpleNamespace(
        **{
            name: _function(name, arguments, getattr(np.linalg, name))
            for name, arguments in SURFACE["linalg"].items()
            if hasattr(np.linalg, name)
        }
    )
    cupy.ndarray, cupy.RawModule = ndarray, RawModule
    cupy.array = _array
    cupy.asarray = lambda a, dtype=None, order=None: _array(a, dtype, None)
    cupy.ascontiguousarray = lambda a, dtype=None: ndarray(
        np.ascontiguousarray(_array(a, dtype, None)._device_buffer)
    )
    cupy.from_dlpack = _from_dlpack
    cupy.empty = ndarray
    cupy.empty_like = lambda a, dtype=None: ndarray(a.shape, dtype or a.dtype)
    cupy.take = lambda a, indices, axis=None, out=None: a.take(indices, axis)
    cupy.argsort = lambda a, axis=-1, kind=None: a.argsort(axis, kind)
    cupy.asnumpy = lambda a: a.get() if isinstance(a, ndarray) else np.asarray(a)
    cupy.get_default_memory_pool = lambda: SimpleNamespace(
        free_all_blocks=lambda: None, free_bytes=lambda: 0, used_bytes=lambda: 0
    )
    cupy.cuda = SimpleNamespace(
        Stream=Stream,
        Event=Event,
        Device=Device,
        get_current_stream=Stream,
        is_available=lambda: True,
        alloc_pinned_memory=bytearray,
        driver=SimpleNamespace(CUDADriverError=CUDADriverError),
        runtime=SimpleNamespace(
            getDevice=current,
            getDeviceCount=lambda: 1,
            streamQuery=lambda stream: 0,
            memGetInfo=lambda: (MEMORY, MEMORY),
            getDeviceProperties=_properties,
        ),
    )
    return cupy
