"""Vectors of 16 floats for numba: loads, stores and products that LLVM keeps in registers.

numba leaves vectorisation to LLVM, which does not block a loop over registers by itself. This
module gives numba one more type, sixteen float32 in a row, and the few operations the training
step needs. LLVM lowers them to whatever the processor has: one 512-bit register, two of 256 bits
or four of 128. Addresses are plain integers (``array.ctypes.data`` and arithmetic).
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
FAST = ("fast",)

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_I32 = ir.IntType(32)
_MASK = ir.VectorType(ir.IntType(1), LANES)


class Float32x16(types.Type):
    """The numba type of a vector: sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


float32x16 = Float32x16()


@register_model(Float32x16)
class _Float32x16Model(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, _VECTOR)


@intrinsic
def zeros(typingctx):
    """A vector of zeros."""

    def codegen(context, builder, signature, args):
        return ir.Constant(_VECTOR, [0.0] * LANES)

    return float32x16(), codegen


@intrinsic
def load(typingctx, address):
    """The sixteen floats at an address (bytes, any alignment of 4)."""

    def codegen(context, builder, signature, args):
        return builder.load(_pointer(builder, args[0], _VECTOR), align=4)

    return float32x16(types.intp), codegen


@intrinsic
def store(typingctx, address, vector):
    """Write the sixteen floats to an address."""

    def codegen(context, builder, signature, args):
        builder.store(args[1], _pointer(builder, args[0], _VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(types.intp, float32x16), codegen


@intrinsic
def load_address(typingctx, address):
    """The address that is kept at an address."""

    def codegen(context, builder, signature, args):
        return builder.load(_pointer(builder, args[0], args[0].type))

    return types.intp(types.intp), codegen


@intrinsic
def load_first(typingctx, address, count):
    """The first ``count`` floats at an address, then zeros; nothing beyond them is touched."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(builder, args[0], _VECTOR)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(_VECTOR, [pointer.type, _I32, _MASK, _VECTOR]),
            "llvm.masked.load.v16f32.p0v16f32",
        )
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        return builder.call(
            function, [pointer, ir.Constant(_I32, 4), _first(builder, args[1]), zero]
        )

    return float32x16(types.intp, types.intp), codegen


@intrinsic
def store_first(typingctx, address, vector, count):
    """Write the first ``count`` floats of the vector to an address and nothing beyond them."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(builder, args[0], _VECTOR)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [_VECTOR, pointer.type, _I32, _MASK]),
            "llvm.masked.store.v16f32.p0v16f32",
        )
        builder.call(function, [args[1], pointer, ir.Constant(_I32, 4), _first(builder, args[2])])
        return context.get_dummy_value()

    return types.void(types.intp, float32x16, types.intp), codegen


@intrinsic
def broadcast(typingctx, address):
    """The one float at an address in all sixteen lanes."""

    def codegen(context, builder, signature, args):
        value = builder.load(_pointer(builder, args[0], _FLOAT), align=4)
        return _splat(builder, value, _VECTOR)

    return float32x16(types.intp), codegen


@intrinsic
def splat(typingctx, value):
    """One float32 in all sixteen lanes."""

    def codegen(context, builder, signature, args):
        return _splat(builder, args[0], _VECTOR)

    return float32x16(types.float32), codegen


def _elementwise(operator_function: Any, instruction: str) -> None:
    """Let ``operator_function`` of two vectors be one LLVM instruction, lane by lane.

    With the flag "fast", LLVM makes a product and a sum one fused instruction where it can.
    """

    @intrinsic
    def combine(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return getattr(builder, instruction)(*args, flags=FAST)

        return float32x16(float32x16, float32x16), codegen

    @overload(operator_function)
    def combine_vectors(a, b):
        if isinstance(a, Float32x16) and isinstance(b, Float32x16):
            return lambda a, b: combine(a, b)
        return None


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _elementwise(_function, _instruction)


@intrinsic
def clip(typingctx, vector, limit):
    """Each lane, held between −``limit`` and ``limit``."""

    def codegen(context, builder, signature, args):
        vector, limit = args[0], _splat(builder, args[1], _VECTOR)
        lower = _call(builder, "llvm.minnum.v16f32", vector, limit)
        return _call(builder, "llvm.maxnum.v16f32", lower, builder.fneg(limit))

    return float32x16(float32x16, types.float32), codegen


@intrinsic
def magnitude(typingctx, vector):
    """Each lane without its sign."""

    def codegen(context, builder, signature, args):
        return _call(builder, "llvm.fabs.v16f32", args[0])

    return float32x16(float32x16), codegen


@intrinsic
def floor(typingctx, vector):
    """The largest whole number not above each lane."""

    def codegen(context, builder, signature, args):
        return _call(builder, "llvm.floor.v16f32", args[0])

    return float32x16(float32x16), codegen


@intrinsic
def power_of_two(typingctx, vector):
    """2**lane for whole lanes in −126 … 127, written straight into the exponent bits."""

    def codegen(context, builder, signature, args):
        integers = ir.VectorType(_I32, LANES)
        exponent = builder.add(
            builder.fptosi(args[0], integers), ir.Constant(integers, [127] * LANES)
        )
        bits = builder.shl(exponent, ir.Constant(integers, [23] * LANES))
        return builder.bitcast(bits, _VECTOR)

    return float32x16(float32x16), codegen


@intrinsic
def sum_lanes(typingctx, a, b, c, d, e, f, g, h, i, j, k, l):
    """The sums over the lanes of twelve vectors, in twelve lanes; then four lanes of zero.

    Summed together they take 36 instructions; twelve separate sums take 96.
    """

    def codegen(context, builder, signature, args):
        abcd, efgh, ijkl = (_sum_four(builder, args[first : first + 4]) for first in (0, 4, 8))
        nothing = ir.Constant(_VECTOR, [0.0] * LANES)
        halves = [_sum_halves(builder, *two) for two in ((abcd, efgh), (ijkl, nothing))]
        low = [*range(4), *range(8, 12), *range(16, 20), *range(24, 28)]
        high = [lane + 4 for lane in low]
        return builder.fadd(
            _shuffle(builder, *halves, low), _shuffle(builder, *halves, high), flags=FAST
        )

    return float32x16(*[float32x16] * 12), codegen


@intrinsic
def prefetch(typingctx, address):
    """Ask for the cache line at an address, to be read and written soon."""

    def codegen(context, builder, signature, args):
        pointer = _pointer(builder, args[0], ir.IntType(8))
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer.type, _I32, _I32, _I32]),
            "llvm.prefetch.p0i8",
        )
        write, near, data = (ir.Constant(_I32, value) for value in (1, 3, 1))
        builder.call(function, [pointer, write, near, data])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


def _call(builder: Any, name: str, *vectors: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(vectors))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), vectors)


def _pointer(builder: Any, address: Any, pointee: Any) -> Any:
    return builder.inttoptr(address, pointee.as_pointer())


def _splat(builder: Any, value: Any, vector_type: Any) -> Any:
    one = builder.insert_element(ir.Constant(vector_type, ir.Undefined), value, _I32(0))
    return _shuffle(builder, one, one, [0] * LANES)


def _first(builder: Any, count: Any) -> Any:
    """The mask of the first ``count`` lanes."""
    wide = ir.VectorType(count.type, LANES)
    lanes = ir.Constant(wide, list(range(LANES)))
    return builder.icmp_signed("<", lanes, _splat(builder, count, wide))


def _shuffle(builder: Any, a: Any, b: Any, lanes: Any) -> Any:
    lanes = list(lanes)
    mask = ir.Constant(ir.VectorType(_I32, len(lanes)), lanes)
    return builder.shuffle_vector(a, b, mask)


def _sum_four(builder: Any, vectors: Any) -> Any:
    """Each four lanes of the result hold a part of the sums of a, b, c and d."""
    a, b, c, d = vectors
    ac, bd = _sum_neighbours(builder, a, c), _sum_neighbours(builder, b, d)
    return _sum_neighbours(builder, ac, bd)


def _sum_neighbours(builder: Any, a: Any, b: Any) -> Any:
    """Each four lanes of a and of b, halved: a0 + a2, b0 + b2, a1 + a3, b1 + b3, and so on."""
    low, high = [], []
    for group in range(0, LANES, 4):
        low += [group, LANES + group, group + 1, LANES + group + 1]
        high += [group + 2, LANES + group + 2, group + 3, LANES + group + 3]
    return builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high), flags=FAST)


def _sum_halves(builder: Any, a: Any, b: Any) -> Any:
    """The lower and upper half of a added up, then those of b."""
    low = [*range(8), *range(LANES, LANES + 8)]
    high = [lane + 8 for lane in low]
    return builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high), flags=FAST)
