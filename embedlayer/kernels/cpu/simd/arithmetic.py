"""Arithmetic on vectors: + − × ÷ lane by lane, what σ needs, and the sums of twelve vectors."""

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from embedlayer.kernels.cpu.simd.vector import (
    FAST,
    I32,
    LANES,
    VECTOR,
    Float32x16,
    call,
    float32x16,
    instruction,
    shuffle,
    splat_value,
)


@instruction(float32x16())
def zeros(builder):
    """A vector of zeros."""
    return ir.Constant(VECTOR, [0.0] * LANES)


@instruction(float32x16(types.float32))
def splat(builder, value):
    """One float32 in all sixteen lanes."""
    return splat_value(builder, value, VECTOR)


def _lane_by_lane(operation: Any, name: str) -> None:
    """Let ``operation`` of two vectors be the LLVM instruction of this name."""

    @instruction(float32x16(float32x16, float32x16))
    def combine(builder, a, b):
        return getattr(builder, name)(a, b, flags=FAST)

    @overload(operation)
    def combine_vectors(a, b):
        if isinstance(a, Float32x16) and isinstance(b, Float32x16):
            return lambda a, b: combine(a, b)
        return None


_lane_by_lane(operator.add, "fadd")
_lane_by_lane(operator.sub, "fsub")
_lane_by_lane(operator.mul, "fmul")
_lane_by_lane(operator.truediv, "fdiv")


@instruction(float32x16(float32x16, types.float32))
def clip(builder, vector, limit):
    """Each lane, held between −``limit`` and ``limit``."""
    limit = splat_value(builder, limit, VECTOR)
    lower = call(builder, "llvm.minnum.v16f32", VECTOR, vector, limit)
    return call(builder, "llvm.maxnum.v16f32", VECTOR, lower, builder.fneg(limit))


@instruction(float32x16(float32x16))
def magnitude(builder, vector):
    """Each lane without its sign."""
    return call(builder, "llvm.fabs.v16f32", VECTOR, vector)


@instruction(float32x16(float32x16))
def floor(builder, vector):
    """The largest whole number that is not above each lane."""
    return call(builder, "llvm.floor.v16f32", VECTOR, vector)


@instruction(float32x16(float32x16))
def power_of_two(builder, vector):
    """2**lane for whole lanes in −126 … 127, written into the exponent bits."""
    integers = ir.VectorType(I32, LANES)
    exponent = builder.add(builder.fptosi(vector, integers), ir.Constant(integers, [127] * LANES))
    bits = builder.shl(exponent, ir.Constant(integers, [23] * LANES))
    return builder.bitcast(bits, VECTOR)


@instruction(float32x16(*[float32x16] * 12))
def sum_lanes(builder, a, b, c, d, e, f, g, h, i, j, k, l):
    """The sums over the lanes of twelve vectors, in twelve lanes; then four lanes of zero.

    Summed together they take 36 instructions; twelve separate sums take 96.
    """
    abcd, efgh, ijkl = (
        _sum_four(builder, *four) for four in ((a, b, c, d), (e, f, g, h), (i, j, k, l))
    )
    nothing = ir.Constant(VECTOR, [0.0] * LANES)
    halves = [_sum_halves(builder, *two) for two in ((abcd, efgh), (ijkl, nothing))]
    low = [*range(4), *range(8, 12), *range(16, 20), *range(24, 28)]
    return _add_shuffled(builder, *halves, low, 4)


def _sum_four(builder: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Each four lanes of the result hold a part of the sums of a, b, c and d."""
    ac, bd = _sum_neighbours(builder, a, c), _sum_neighbours(builder, b, d)
    return _sum_neighbours(builder, ac, bd)


def _sum_neighbours(builder: Any, a: Any, b: Any) -> Any:
    """Each four lanes of a and of b, halved: a0 + a2, b0 + b2, a1 + a3, b1 + b3, and so on."""
    low = [group + lane for group in range(0, LANES, 4) for lane in (0, LANES, 1, LANES + 1)]
    return _add_shuffled(builder, a, b, low, 2)


def _sum_halves(builder: Any, a: Any, b: Any) -> Any:
    """The lower and upper half of a added up, then those of b."""
    return _add_shuffled(builder, a, b, [*range(8), *range(LANES, LANES + 8)], 8)


def _add_shuffled(builder: Any, a: Any, b: Any, lanes: list[int], distance: int) -> Any:
    """Each of these lanes of a and b, plus the lane at this distance behind it."""
    behind = [lane + distance for lane in lanes]
    return builder.fadd(shuffle(builder, a, b, lanes), shuffle(builder, a, b, behind), flags=FAST)
