"""The numba type of a vector of sixteen float32, and how a function on it is made of LLVM code."""

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic, models, register_model

LANES = 16
FAST = ("fast",)  # LLVM may fuse a product and a sum into one instruction
I32 = ir.IntType(32)
VECTOR = ir.VectorType(ir.FloatType(), LANES)


def has_feature(name: str) -> bool:
    """Whether numba compiles for a processor that has this feature, by its name in LLVM."""
    if config.CPU_FEATURES is not None:
        return f"+{name}" in config.CPU_FEATURES.split(",")
    try:
        return bool(config.ENABLE_AVX and binding.get_host_cpu_features().get(name))
    except RuntimeError:  # LLVM does not know this processor: numba compiles for the least
        return False


ONE_REGISTER = has_feature("avx512f")  # holds a vector; there are 32 of them, not 16 halves


class Float32x16(types.Type):
    """The numba type of a vector: sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


float32x16 = Float32x16()


@register_model(Float32x16)
class _Float32x16Model(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, VECTOR)


def instruction(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate ``emit(builder, *values)``, which writes LLVM code: numba can then call it.

    Args:
        signature: the numba types, ``result(*arguments)``.
    """

    def decorate(emit: Callable[..., Any]) -> Any:
        def codegen(context, builder, signature, values):
            result = emit(builder, *values)
            return context.get_dummy_value() if result is None else result

        def definition(typingctx, *values):
            return signature, codegen

        definition.__name__, definition.__doc__ = emit.__name__, emit.__doc__
        definition.__signature__ = inspect.signature(emit)  # numba wants one name per argument
        return intrinsic(definition)

    return decorate


def call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """Call the function of LLVM that has this name."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


def splat_value(builder: Any, value: Any, vector_type: Any) -> Any:
    """A vector that has one value in all lanes."""
    one = builder.insert_element(ir.Constant(vector_type, ir.Undefined), value, I32(0))
    return shuffle(builder, one, one, [0] * vector_type.count)


def shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    """The vector made of these lanes; those of b are numbered from LANES on."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(lanes)), lanes))
