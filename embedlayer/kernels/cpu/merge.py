"""Compiled: the changes that replicas made to the same rows, merged row by row.

The rows of all replicas are read and written once, and their changes stay in the first cache: the
speed is that of memory.
"""

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import splat, sum_lanes, zeros
from embedlayer.kernels.cpu.simd.memory import FLOAT, LINE, address_of, load, store
from embedlayer.kernels.cpu.simd.rows import columns_from, prefetch_row_at, read, write
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled

AHEAD = 4  # rows that are asked for before their turn


def merge_rows(W, parts, share):
    addresses = np.array([part.ctypes.data for part in parts], np.intp)
    pitches = np.array([part.strides[0] for part in parts], np.intp)
    masked = True if W.shape[1] % LANES else None
    _merge(W.ctypes.data, W.strides[0], W.shape, addresses, pitches, share, masked)


@compiled
def _merge(W, pitch, shape, addresses, pitches, share, masked):
    size, (rows, dim) = len(addresses), shape
    width = (dim + LANES - 1) // LANES * LANES * FLOAT
    scratch = np.empty(size * width // FLOAT + LANES, np.float32)  # the changes, and a vector
    changes, products = address_of(scratch), scratch[size * width // FLOAT :]
    for r in range(rows):
        row = W + r * pitch
        if r + AHEAD < rows:
            prefetch_row_at(row + AHEAD * pitch, dim * FLOAT)
        for i in range(size):
            part = addresses[i] + r * pitches[i]
            if r + AHEAD < rows:
                prefetch_row_at(part + AHEAD * pitches[i], dim * FLOAT)
            _subtract(part, row, changes + i * width, dim, masked)
        # A binary tree over the ranks, level by level; who has no partner goes up alone.
        step = 1
        while step < size:
            for i in range(0, size - step, 2 * step):
                change = changes + i * width
                _combine(change, change + step * width, share[r], products, width)
            step *= 2
        _spread(row, r, changes, addresses, pitches, dim, masked)
    return scratch  # a visible use: numba frees an array behind the last one


@compiled
def _subtract(part, row, change, dim, masked):
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        store(change + columns.byte, read(part, columns) - read(row, columns))


@compiled
def _combine(a, b, share, products, width):
    """Let a change be the sum of itself and another, each less a share of what both have.

    ``products`` is room for theirs: float32, (LANES,).
    """
    aa = ab = bb = none = zeros()
    for byte in range(0, width, LINE):
        x, y = load(a + byte), load(b + byte)
        aa, ab, bb = aa + x * x, ab + x * y, bb + y * y
    sums = sum_lanes(aa, ab, bb, none, none, none, none, none, none, none, none, none)
    store(address_of(products), sums)
    half = share * products[1] / 2
    of_a = splat(np.float32(1 - half / products[0] if products[0] > 0 else 1))
    of_b = splat(np.float32(1 - half / products[2] if products[2] > 0 else 1))
    for byte in range(0, width, LINE):
        store(a + byte, load(a + byte) * of_a + load(b + byte) * of_b)


@compiled
def _spread(row, r, change, addresses, pitches, dim, masked):
    """Add a change to a row, and give the row to all replicas."""
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        merged = read(row, columns) + load(change + columns.byte)
        write(row, columns, merged)
        for i in range(len(addresses)):
            write(addresses[i] + r * pitches[i], columns, merged)
