"""``cupy.ndarray`` as a strict wrapper of a NumPy array: see the package for what it refuses."""

import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import nccl
from .devices import OtherDevice, current
from .surface import SURFACE as PATH

SURFACE = json.loads(PATH.read_text())
TABLE_TYPES = ("int32", "int64", "uint32", "uint64", "float16", "float32", "float64")
counters = {"sync": 0, "to_device": 0, "to_host": 0}
copies_under_way: list[np.ndarray] = []
_random = np.random.default_rng(12345)
_may_sync = True


class ForbiddenSync(AssertionError):
    """Something waited for the device inside :func:`no_sync`."""


@contextlib.contextmanager
def no_sync() -> Iterator[None]:
    """Inside, whatever would wait for the device raises :class:`ForbiddenSync`."""
    global _may_sync
    before, _may_sync = _may_sync, False
    try:
        yield
    finally:
        _may_sync = before


def sync(what: str) -> None:
    """Note that ``what`` waits for the device."""
    counters["sync"] += 1
    if not _may_sync:
        raise ForbiddenSync(f"{what} waits for the device")


def unwrap(value: Any) -> Any:
    """The NumPy array inside; host arrays and lists are refused, as CuPy refuses them."""
    if isinstance(value, ndarray):
        return value._here()
    if isinstance(value, np.ndarray | list | tuple):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def unwrap_all(value: Any) -> Any:
    """As :func:`unwrap`, for arguments that may be sequences: of device arrays, or of numbers."""
    if not isinstance(value, list | tuple):
        return unwrap(value)
    if any(isinstance(item, np.ndarray) for item in value):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return type(value)(unwrap_all(item) for item in value)


def wrap(value: Any) -> Any:
    """Results as CuPy gives them: arrays of any dimension, 0 too, never NumPy scalars."""
    if isinstance(value, tuple | list):
        return type(value)(wrap(item) for item in value)
    return ndarray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def poison(shape: Any, dtype: Any) -> np.ndarray:
    """Fresh memory, full of what nobody wants to meet."""
    dtype = np.dtype(dtype)
    worst = np.nan if dtype.kind in "fc" else True if dtype.kind == "b" else np.iinfo(dtype).max - 7
    return np.full(shape, worst, dtype)


def checked_index(key: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The key for NumPy; host arrays are refused and so is what CuPy would silently wrap."""
    keys = key if isinstance(key, tuple) else (key,)
    used = sum(_axes(item) for item in keys)
    found: list[Any] = []
    axis = 0
    for item in keys:
        if isinstance(item, np.ndarray | list):
            raise TypeError("an index is a host array: CuPy would copy it to the device silently")
        if isinstance(item, ndarray):
            _check_range(item, shape, axis)
            found.append(item._here())
        else:
            found.append(item)
        axis += len(shape) - used if item is Ellipsis else _axes(item)
    return tuple(found)


def _axes(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, ndarray) and item.dtype == bool else 1


def _check_range(item: "ndarray", shape: tuple[int, ...], axis: int) -> None:
    index = item._device_buffer
    if index.dtype == bool:
        return
    if index.dtype.kind not in "iu":
        raise IndexError(f"arrays used as indices must be integer or boolean, not {index.dtype}")
    size = shape[axis]
    outside = (index >= size) | (index < -size)
    if outside.any():
        raise AssertionError(
            f"index {index[outside].flat[0]} is outside axis {axis} of size {size}: "
            "CuPy would silently wrap it"
        )


def _has_integers(index: tuple[Any, ...]) -> bool:
    return any(isinstance(item, np.ndarray) and item.dtype != bool for item in index)


def scatter(array: np.ndarray, index: tuple[Any, ...], values: Any, store: Any) -> None:
    """``store(flat, places, values)`` for the indexed places, in an arbitrary order."""
    places = np.arange(array.size).reshape(array.shape)[index]
    values = np.broadcast_to(
        np.asarray(values).astype(array.dtype, casting="same_kind"), places.shape
    )
    order = _random.permutation(places.size)
    flat = np.ascontiguousarray(array).reshape(-1)
    store(flat, places.reshape(-1)[order], values.reshape(-1)[order])
    array[...] = flat.reshape(array.shape)


class ndarray:
    """An array on the device. ``_device_buffer`` is for the double and the emulator alone."""

    __array_priority__ = 100
    __slots__ = ("_device_buffer", "_device_id")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float) -> None:
        is_memory = isinstance(shape, np.ndarray)
        self._device_buffer = shape if is_memory else poison(shape, dtype)
        self._device_id = current()

    def _here(self) -> np.ndarray:
        """The NumPy array inside, of an array on the thread's device."""
        if self._device_id != current():
            raise OtherDevice(
                "Array device must be same as the current device: array device = "
                f"{self._device_id} while current = {current()}"
            )
        return self._device_buffer

    def _view(self, memory: np.ndarray) -> "ndarray":
        """Memory of this array, on its device."""
        view = ndarray(memory)
        view._device_id = self._device_id
        return view

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use .get()")

    def __array_ufunc__(
        self, ufunc: Any, method: str, *args: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        for operand in (*args, *(out or ())):
            unwrap(operand)  # a host array refuses
        if out is not None:
            kwargs["out"] = out[0]
        function = getattr(module(), ufunc.__name__)
        return (function if method == "__call__" else getattr(function, method))(*args, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        owner = module()
        for part in function.__module__.split(".")[1:]:
            owner = getattr(owner, part)
        return getattr(owner, function.__name__)(*args, **kwargs)

    @property
    def data(self) -> SimpleNamespace:
        return SimpleNamespace(ptr=nccl.address(self._device_buffer, self._device_id))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self._device_buffer.__array_interface__, "version": 3}

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._device_id  # CUDA's

    def __dlpack__(self, **options: Any) -> Any:
        return self._device_buffer.__dlpack__()

    @property
    def T(self) -> "ndarray":
        return self._view(self._device_buffer.T)

    def __len__(self) -> int:
        return len(self._device_buffer)

    def __iter__(self) -> Iterator["ndarray"]:
        return (self[i] for i in range(len(self)))

    def get(self, stream: Any = None, order: str = "C", out: Any = None) -> np.ndarray:
        self._read(".get()")
        if out is None:
            return self._device_buffer.copy()
        out[...] = self._device_buffer
        return out

    def set(self, values: np.ndarray, stream: Any = None) -> None:
        counters["to_device"] += 1
        if values.dtype != self.dtype or values.shape != self.shape:
            raise ValueError(f"set: {values.dtype}{values.shape} into {self.dtype}{self.shape}")
        self._here()[...] = values
        if stream is not None:  # the device copies later: until an event says so, hands off
            source = values if values.base is None else values.base
            source.flags.writeable = False
            copies_under_way.append(source)

    @property
    def device(self) -> Any:
        return module().cuda.Device(self._device_id)

    def _read(self, what: str) -> np.ndarray:
        sync(what)
        counters["to_host"] += 1
        return self._device_buffer

    def item(self, *index: int) -> Any:
        return self._read(".item()").item(*index)

    def tolist(self) -> Any:
        return self._read(".tolist()").tolist()

    def __float__(self) -> float:
        return float(self._read("float()"))

    def __int__(self) -> int:
        return int(self._read("int()"))

    def __index__(self) -> int:
        return self._read("use as a size or index").__index__()

    def __bool__(self) -> bool:
        return bool(self._read("bool(), an `if` on a device value,"))

    def __repr__(self) -> str:
        return repr(self._read("repr()"))

    def __format__(self, spec: str) -> str:
        return format(self._read("format()").item() if self.ndim == 0 else str(self), spec)

    def __getitem__(self, key: Any) -> "ndarray":
        index = checked_index(key, self.shape)
        if any(isinstance(item, np.ndarray) and item.dtype == bool for item in index):
            sync("a boolean mask")  # whose count sizes the result
        if any(isinstance(item, np.ndarray) for item in index):
            self._here()  # a kernel; all else is a view
        found = self._device_buffer[index]
        if isinstance(found, np.ndarray):
            return self._view(found)
        return self._view(self._device_buffer[(*index, Ellipsis)])  # a 0-d view, not a scalar

    def __setitem__(self, key: Any, value: Any) -> None:
        index = checked_index(key, self.shape)
        if isinstance(value, np.ndarray | list | tuple) and np.ndim(value):
            raise ValueError("a host array is assigned: CuPy refuses it, or copies it silently")
        value = unwrap(value)
        if _has_integers(index):  # of equal places any value may stay

            def store(flat: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
                flat[places] = values

            scatter(self._here(), index, value, store)
        else:
            self._here()[index] = value

    def astype(self, dtype: Any, order: str = "K", casting: Any = None, copy: bool = True) -> Any:
        return ndarray(self._here().astype(dtype, copy=copy))

    def copy(self, order: str = "C") -> "ndarray":
        """On the thread's device, from any other where its memory is whole."""
        if self._device_id != current() and not self._device_buffer.flags.c_contiguous:
            raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
        return ndarray(self._device_buffer.copy(order))

    def fill(self, value: Any) -> None:
        self._here().fill(unwrap(value))

    def take(self, indices: "ndarray", axis: int | None = None, out: Any = None) -> "ndarray":
        flat = self.ravel() if axis is None else self
        return flat[(slice(None),) * (axis or 0) + (indices,)]

    def argsort(self, axis: int = -1, kind: str | None = None) -> "ndarray":
        if kind not in (None, "stable"):
            raise ValueError("CuPy sorts stably or not at all")
        return ndarray(self._here().argsort(axis=axis, kind="stable"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in SURFACE["ndarray"]:
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        found = getattr(self._device_buffer, name)
        if not callable(found):
            return wrap(found) if isinstance(found, np.ndarray) else found
        self._here()
        return lambda *args, **kwargs: wrap(
            found(*unwrap_all(args), **{k: unwrap_all(v) for k, v in kwargs.items()})
        )


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "eq": "equal", "ne": "not_equal",
    "neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert",
}  # fmt: skip


def _operator(name: str) -> None:
    function = getattr(np, OPERATORS[name])

    def forward(self: ndarray, *other: Any) -> Any:
        return wrap(function(self._here(), *map(unwrap, other)))

    def reflected(self: ndarray, other: Any) -> Any:
        return wrap(function(unwrap(other), self._here()))

    def in_place(self: ndarray, other: Any) -> ndarray:
        function(self._here(), unwrap(other), out=self._device_buffer)
        return self

    for prefix, method in (("", forward), ("r", reflected), ("i", in_place)):
        if not hasattr(ndarray, f"__{prefix}{name}__") or prefix == "":
            setattr(ndarray, f"__{prefix}{name}__", method)


for _name in OPERATORS:
    _operator(_name)


def module() -> Any:
    """The double of the module ``cupy``."""
    from . import cupy

    return cupy
