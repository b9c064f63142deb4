"""Compiled: the changes that replicas made to the same rows, merged row by row.

The rows of all replicas are read and written once, and their changes stay in the first cache: the
speed is that of memory.
"""

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import splat, zeros
from embedlayer.kernels.cpu.simd.memory import FLOAT, address_of, load, store
from embedlayer.kernels.cpu.simd.rows import add, columns_from, prefetch_row_at, read, write
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
    changes, lanes = np.empty((size, width), np.float32), np.empty(LANES, np.float32)
    products = np.empty((size, size), np.float64)
    factors, weights = np.empty(size, np.float32), np.empty(size, np.float32)
    for r in range(rows):
        row = W + r * pitch
        if r + AHEAD < rows:
            prefetch_row_at(row + AHEAD * pitch, dim * FLOAT)
        for i in range(size):
            part = addresses[i] + r * pitches[i]
            if r + AHEAD < rows:
                prefetch_row_at(part + AHEAD * pitches[i], dim * FLOAT)
            _subtract(part, row, address_of(changes[i]), dim, masked)
        for i in range(size):
            for j in range(i, size):
                product = _product(changes[i], changes[j], lanes)
                products[i, j] = products[j, i] = product
        _weigh(products, factors, weights, share[r])
        _add_weighted(row, changes, weights, dim, masked)
        for i in range(size):
            _copy(row, addresses[i] + r * pitches[i], dim, masked)


@compiled
def _subtract(part, row, change, dim, masked):
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        store(change + d * FLOAT, read(part, columns) - read(row, columns))


@compiled
def _product(a, b, lanes):
    """The product of two changes; ``lanes`` is room for a vector."""
    total = zeros()
    for d in range(0, len(a), LANES):
        total = total + load(address_of(a) + d * FLOAT) * load(address_of(b) + d * FLOAT)
    store(address_of(lanes), total)
    product = 0.0
    for lane in range(LANES):
        product += lanes[lane]
    return product


@compiled
def _add_weighted(row, changes, weights, dim, masked):
    """Add the weighted sum of the changes, in the order of the replicas, to a row."""
    pitch = changes.shape[1] * FLOAT
    for d in range(0, dim, LANES):
        change, total = address_of(changes) + d * FLOAT, zeros()
        for i in range(len(weights)):
            total = total + load(change) * splat(weights[i])
            change += pitch
        add(row, columns_from(d, dim, masked), total)


@compiled
def _copy(row, part, dim, masked):
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        write(part, columns, read(row, columns))


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
