"""Compiled: the changes that replicas made to the same rows, merged row by row.

The rows of all replicas are read and written once, and their changes stay in the first cache: the
speed is that of memory.
"""

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import splat, sum_lanes, zeros
from embedlayer.kernels.cpu.simd.memory import FLOAT, address_of, load, store
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
    width = (dim + LANES - 1) // LANES * LANES
    scratch = np.empty((size + 1) * width + LANES, np.float32)  # the changes, and a vector
    products = np.empty((size, size), np.float64)
    factors, weights = np.empty(size, np.float32), np.empty(size, np.float32)
    changes = address_of(scratch)
    for r in range(rows):
        row = W + r * pitch
        if r + AHEAD < rows:
            prefetch_row_at(row + AHEAD * pitch, dim * FLOAT)
        for i in range(size):
            part = addresses[i] + r * pitches[i]
            if r + AHEAD < rows:
                prefetch_row_at(part + AHEAD * pitches[i], dim * FLOAT)
            _subtract(part, row, changes + i * width * FLOAT, dim, masked)
        for i in range(size):
            for j in range(i, size):
                first, second = changes + i * width * FLOAT, changes + j * width * FLOAT
                store(changes + size * width * FLOAT, _product(first, second, width))
                products[i, j] = products[j, i] = scratch[size * width]
        _weigh(products, factors, weights, share[r])
        _spread(row, r, changes, width, addresses, pitches, weights, dim, masked)


@compiled
def _subtract(part, row, change, dim, masked):
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        store(change + d * FLOAT, read(part, columns) - read(row, columns))


@compiled
def _product(a, b, width):
    """The product of two changes, in the first lane."""
    total, none = zeros(), zeros()
    for d in range(0, width * FLOAT, LANES * FLOAT):
        total = total + load(a + d) * load(b + d)
    return sum_lanes(total, none, none, none, none, none, none, none, none, none, none, none)


@compiled
def _spread(row, r, changes, width, addresses, pitches, weights, dim, masked):
    """Add the weighted sum of the changes to a row, and give the row to all replicas."""
    for d in range(0, dim, LANES):
        columns, change, merged = columns_from(d, dim, masked), changes + d * FLOAT, zeros()
        for i in range(len(weights)):
            merged = merged + load(change) * splat(weights[i])
            change += width * FLOAT
        merged = read(row, columns) + merged
        write(row, columns, merged)
        for i in range(len(weights)):
            write(addresses[i] + r * pitches[i], columns, merged)


@compiled
def _weigh(products, factors, weights, share):
    """Set the weight of each change: level by level of a binary tree over the ranks.

    The nodes of a level take the place of the first rows and columns of ``products``.
    """
    nodes = size = len(weights)
    leaves = 1  # of a node
    weights[:] = 1
    while nodes > 1:
        factors[nodes - 1] = 1  # without a partner
        for a in range(0, nodes - 1, 2):
            shared = share * products[a, a + 1] / 2
            for node in range(a, a + 2):
                length = products[node, node]
                factors[node] = 1 - shared / length if length > 0 else 1
        for i in range(size):
            weights[i] *= factors[i // leaves]
        for p in range((nodes + 1) // 2):
            for q in range((nodes + 1) // 2):
                product = 0.0
                for a in range(2 * p, min(2 * p + 2, nodes)):
                    for b in range(2 * q, min(2 * q + 2, nodes)):
                        product += factors[a] * factors[b] * products[a, b]
                products[p, q] = product
        nodes, leaves = (nodes + 1) // 2, 2 * leaves
