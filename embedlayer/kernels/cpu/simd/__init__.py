"""Vectors of sixteen floats for numba, which LLVM keeps in registers.

numba leaves vectorisation to LLVM, and LLVM does not keep a block of several rows in registers by
itself. This package gives numba one more type, sixteen float32 (``vector.py``), a few operations
on it (``arithmetic.py``), reads and writes by address (``memory.py``), and rows made of vectors
(``rows.py``). LLVM lowers a vector to what the processor has: one register of 512 bits, two of 256
bits or four of 128 bits. Addresses are plain integers, in bytes.
"""

from embedlayer.kernels.cpu.simd.arithmetic import (
    clip,
    floor,
    magnitude,
    power_of_two,
    splat,
    sum_lanes,
    zeros,
)
from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    LINE,
    address_of,
    broadcast,
    load,
    load_address,
    load_first,
    prefetch,
    prefetch_once,
    store,
    store_first,
)
from embedlayer.kernels.cpu.simd.rows import (
    add,
    columns_from,
    copy_rows,
    prefetch_row_at,
    read,
    six_addresses,
    six_steps,
    write,
)
from embedlayer.kernels.cpu.simd.vector import LANES

__all__ = [
    "ADDRESS",
    "FLOAT",
    "LANES",
    "LINE",
    "add",
    "address_of",
    "broadcast",
    "clip",
    "columns_from",
    "copy_rows",
    "floor",
    "load",
    "load_address",
    "load_first",
    "magnitude",
    "power_of_two",
    "prefetch",
    "prefetch_once",
    "prefetch_row_at",
    "read",
    "six_addresses",
    "six_steps",
    "splat",
    "store",
    "store_first",
    "sum_lanes",
    "write",
    "zeros",
]
