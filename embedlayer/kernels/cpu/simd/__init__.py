"""Vectors of sixteen floats for numba, which LLVM keeps in registers.

numba leaves vectorisation to LLVM, and LLVM does not keep a block of several rows in registers by
itself. This package gives numba one more type, sixteen float32 (``vector.py``), a few operations
on it (``arithmetic.py``), reads and writes by address (``memory.py``), and rows made of vectors
(``rows.py``). LLVM lowers a vector to what the processor has: one register of 512 bits, two of 256
bits or four of 128 bits. Addresses are plain integers, in bytes.
"""
