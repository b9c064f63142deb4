"""int32: vectors of sixteen, which never leave the instruction that reads them, and a choice."""

from llvmlite import ir
from numba.core import types

from embedlayer.kernels.cpu.simd.memory import INT, first_at, set_vector, vector_at
from embedlayer.kernels.cpu.simd.vector import I32, LANES, instruction, shuffle, splat_value

SIX = 6
TWICE = range(0, 2 * SIX, SIX)  # where each six begins
INTEGERS = ir.VectorType(I32, LANES)


@instruction(types.intp(types.intp))
def odd_in_sixes(builder, address):
    """Of twice six int32 a bit for each that is negative, and for one of each two that are equal
    in their six.

    Sixteen are read; the last four are of no account.
    """
    values = vector_at(builder, address, INTEGERS)
    odd = builder.icmp_signed("<", values, splat_value(builder, I32(0), INTEGERS))
    for distance in range(1, SIX // 2 + 1):  # around a circle of six the others are no farther
        lanes = [begin + (lane + distance) % SIX for begin in TWICE for lane in range(SIX)]
        others = shuffle(builder, values, values, lanes + lanes[: LANES - len(lanes)])
        odd = builder.or_(odd, builder.icmp_signed("==", values, others))
    bits = builder.bitcast(odd, ir.IntType(LANES))
    first_twelve = ir.Constant(bits.type, (1 << 2 * SIX) - 1)
    return builder.zext(builder.and_(bits, first_twelve), ir.IntType(64))


@instruction(types.boolean(types.intp))
def any_in_both(builder, address):
    """Whether one of six int32 is among the six that follow them."""
    eight = ir.VectorType(I32, 8)
    values = vector_at(builder, address, eight)
    equal = ir.Constant(ir.VectorType(ir.IntType(1), 8), [0] * 8)
    for other in range(SIX, 2 * SIX):
        at = builder.add(address, ir.Constant(address.type, other * INT))
        value = splat_value(builder, vector_at(builder, at, I32), eight)
        equal = builder.or_(equal, builder.icmp_signed("==", values, value))
    bits = builder.bitcast(equal, ir.IntType(8))
    first_six = ir.Constant(bits.type, (1 << SIX) - 1)
    return builder.icmp_signed("!=", builder.and_(bits, first_six), ir.Constant(bits.type, 0))


@instruction(types.boolean(types.intp, types.intp))
def any_equal(builder, address, count):
    """Whether two of so many int32, none of them below −1, are equal; sixteen at most."""
    nobody = ir.Constant(INTEGERS, [-2 - lane for lane in range(LANES)])
    values = first_at(builder, address, count, nobody)
    equal = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [0] * LANES)
    for distance in range(1, LANES // 2 + 1):
        lanes = [(lane + distance) % LANES for lane in range(LANES)]
        others = shuffle(builder, values, values, lanes)
        equal = builder.or_(equal, builder.icmp_signed("==", values, others))
    bits = builder.bitcast(equal, ir.IntType(LANES))
    return builder.icmp_signed("!=", bits, ir.Constant(bits.type, 0))


@instruction(types.void(types.intp, types.intp, types.int32))
def copy_others(builder, to, address, value):
    """Copy sixteen int32; those that equal ``value`` become −1."""
    values = vector_at(builder, address, INTEGERS)
    equal = builder.icmp_signed("==", values, splat_value(builder, value, INTEGERS))
    nobody = ir.Constant(INTEGERS, [-1] * LANES)
    set_vector(builder, to, builder.select(equal, nobody, values))


@instruction(types.int32(types.boolean, types.int32, types.int32))
def choose(builder, condition, a, b):
    """``a`` where the condition holds, else ``b``; no branch, which would be guessed wrong."""
    chosen = builder.select(condition, a, b)
    chosen.set_metadata("unpredictable", builder.module.add_metadata([]))
    return chosen
