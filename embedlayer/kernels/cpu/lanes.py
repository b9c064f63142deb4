"""A row as vectors of sixteen floats: read, written, added to, copied. By address, in bytes.

``masked`` is True for rows that may end inside a vector. None, of a type of its own, says that they
do not: numba then compiles a function without a trace of masks.
"""

import numpy as np
from numba import njit

from embedlayer.kernels.cpu.simd import (
    LANES,
    load,
    load_address,
    load_first,
    prefetch,
    store,
    store_first,
)

FLOAT, ADDRESS = 4, 8  # bytes
LINE = 64  # bytes of a cache line, and of a vector


@njit(nogil=True, cache=True)
def address(array):
    """Where an array begins; signed, for numba makes a float of signed and unsigned together."""
    return np.intp(array.ctypes.data)


@njit(nogil=True, cache=True)
def six_rows(places):
    """The six addresses kept from ``places`` on."""
    a, b = load_address(places), load_address(places + ADDRESS)
    c, d = load_address(places + 2 * ADDRESS), load_address(places + 3 * ADDRESS)
    e, f = load_address(places + 4 * ADDRESS), load_address(places + 5 * ADDRESS)
    return a, b, c, d, e, f


@njit(nogil=True, cache=True)
def lanes(dim, d, masked):
    """How many floats of a row belong to its vector that begins at d; None for all sixteen."""
    return None if masked is None else min(LANES, dim - d)


@njit(nogil=True, cache=True)
def read(address, count):
    return load(address) if count is None else load_first(address, count)


@njit(nogil=True, cache=True)
def write(address, vector, count):
    if count is None:
        store(address, vector)
    else:
        store_first(address, vector, count)


@njit(nogil=True, cache=True)
def add(address, vector, count):
    write(address, read(address, count) + vector, count)


@njit(nogil=True, cache=True)
def copy_rows(to, pitch, places, count, copied_at, dim, masked):
    """Copy rows to scratch, ``pitch`` bytes apart; the addresses of the copies."""
    for i in range(count):
        row = load_address(places + i * ADDRESS)
        for d in range(0, dim, LANES):
            store(to + d * FLOAT, read(row + d * FLOAT, lanes(dim, d, masked)))
        copied_at[i] = to
        to += pitch


@njit(nogil=True, cache=True)
def prefetch_lines(row, pitch):
    """Ask for a row of ``pitch`` bytes, to be read and written soon."""
    for line in range(0, pitch, LINE):
        prefetch(row + line)
