"""The arithmetic of PTX on NumPy arrays, one item a lane."""

from typing import Any

import numpy as np

from .ptx_program import PtxError

LANES = 32
SHARED = 1 << 60  # where the shared memory lies among the addresses
COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip


def compute(name: str, parts: list[str], values: list[np.ndarray], kind: str) -> np.ndarray:
    """Arithmetic and logic of one type."""
    a = values[0]
    unary = {
        "mov": lambda: a, "not": lambda: ~a, "neg": lambda: -a,
        "cvta": lambda: a + np.uint64(SHARED if "shared" in parts else 0),
        "abs": lambda: np.abs(a), "ex2": lambda: np.exp2(a), "rcp": lambda: 1 / a,
        "popc": lambda: np.bitwise_count(a).astype(kind),
    }  # fmt: skip
    if len(values) == 1 and name in unary:
        return unary[name]()
    b = values[1]
    if name in ("shl", "shr"):
        b = b.astype(a.dtype)
        return a << b if name == "shl" else a >> b
    if "wide" in parts:
        return a.astype(np.dtype(f"{a.dtype.kind}8")) * b.astype(np.dtype(f"{a.dtype.kind}8"))
    if name in ("mad", "fma"):
        exact = a.astype("f8") * b + values[2] if name == "fma" else a * b + values[2]
        return exact.astype(kind)
    binary = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "max": np.fmax, "min": np.fmin,
        "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "div": np.divide if kind == "f4" else np.floor_divide,
    }  # fmt: skip
    if name not in binary:
        raise PtxError(f"instruction {'.'.join(parts)} is not known")
    return binary[name](a, b)


def poison(kind: str) -> np.ndarray:
    size = np.dtype(kind).itemsize
    return np.full(LANES, 0xDEADBEEFDEADBEEF % 2 ** (8 * size), f"u{size}")


def resized(bits: Any, kind: str) -> Any:
    """The low bits of a value as another type; what is wider is filled up by its sign or zeros."""
    size = np.dtype(kind).itemsize
    if bits.dtype.itemsize != size:
        bits = bits.astype(f"{'i' if bits.dtype.kind == 'i' else 'u'}{size}")
    return bits.view(kind)
