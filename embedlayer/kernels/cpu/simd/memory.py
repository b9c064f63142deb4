"""Vectors and addresses read and written by address, and cache lines asked for."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from embedlayer.kernels.cpu.simd.vector import (
    I32,
    LANES,
    VECTOR,
    call,
    float32x16,
    instruction,
    splat_value,
)
from embedlayer.storage.compiled import compiled

FLOAT, INT, ADDRESS = 4, 4, 8  # bytes
LINE = 64  # bytes of a cache line, and of a vector

_ALIGN = ir.Constant(I32, FLOAT)


@compiled
def address_of(array):
    """Where an array begins: signed, as numba makes a float of signed and unsigned integers."""
    return np.intp(array.ctypes.data)


@instruction(float32x16(types.intp))
def load(builder, address):
    """The sixteen floats at an address, which is a multiple of 4."""
    return vector_at(builder, address, VECTOR)


@instruction(types.void(types.intp, float32x16))
def store(builder, address, vector):
    """Write the sixteen floats to an address, which is a multiple of 4."""
    set_vector(builder, address, vector)


@compiled
def load_two(address):
    return load(address), load(address + LINE)


@compiled
def store_two(address, first, second):
    store(address, first)
    store(address + LINE, second)


@instruction(float32x16(types.intp, types.intp))
def load_first(builder, address, count):
    """The first ``count`` floats at an address, then zeros; nothing beyond them is read."""
    return first_at(builder, address, count, ir.Constant(VECTOR, [0.0] * LANES))


@instruction(types.void(types.intp, float32x16, types.intp))
def store_first(builder, address, vector, count):
    """Write the first ``count`` floats of the vector to an address, and nothing beyond them."""
    values = vector, _pointer(builder, address, VECTOR), _ALIGN, _mask(builder, count)
    call(builder, "llvm.masked.store.v16f32.p0v16f32", ir.VoidType(), *values)


@instruction(types.intp(types.intp))
def load_address(builder, address):
    """The address that is stored at an address."""
    return builder.load(_pointer(builder, address, address.type))


@instruction(float32x16(types.intp))
def broadcast(builder, address):
    """The one float at an address, in all sixteen lanes."""
    value = builder.load(_pointer(builder, address, ir.FloatType()), align=FLOAT)
    return splat_value(builder, value, VECTOR)


@instruction(types.void(types.intp))
def prefetch(builder, address):
    """Ask for the cache line at an address, which will be read and written."""
    _prefetch(builder, address, write=1, locality=3)


@instruction(types.void(types.intp))
def prefetch_once(builder, address):
    """Ask for the cache line at an address, which will be read once; not into the first cache."""
    _prefetch(builder, address, write=0, locality=1)


def vector_at(builder: Any, address: Any, kind: Any) -> Any:
    """The vector of this kind at an address, which is a multiple of 4."""
    return builder.load(_pointer(builder, address, kind), align=FLOAT)


def set_vector(builder: Any, address: Any, vector: Any) -> None:
    """Write a vector to an address, which is a multiple of 4."""
    builder.store(vector, _pointer(builder, address, vector.type), align=FLOAT)


def first_at(builder: Any, address: Any, count: Any, others: Any) -> Any:
    """The first ``count`` lanes of the vector at an address, then those of ``others``."""
    kind, name = others.type, "f32" if others.type == VECTOR else "i32"
    values = _pointer(builder, address, kind), _ALIGN, _mask(builder, count), others
    return call(builder, f"llvm.masked.load.v16{name}.p0v16{name}", kind, *values)


def _prefetch(builder: Any, address: Any, write: int, locality: int) -> None:
    pointer, data = _pointer(builder, address, ir.IntType(8)), 1
    options = (ir.Constant(I32, value) for value in (write, locality, data))
    call(builder, "llvm.prefetch.p0i8", ir.VoidType(), pointer, *options)


def _pointer(builder: Any, address: Any, pointee: Any) -> Any:
    return builder.inttoptr(address, pointee.as_pointer())


def _mask(builder: Any, count: Any) -> Any:
    """The mask of the first ``count`` lanes."""
    wide = ir.VectorType(count.type, LANES)
    lanes = ir.Constant(wide, list(range(LANES)))
    return builder.icmp_signed("<", lanes, splat_value(builder, count, wide))
