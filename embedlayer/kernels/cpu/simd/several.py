"""The mean of several rows, and a row added to each of several: four vectors in one pass over them.

How many rows there are changes from call to call, so that a processor guesses wrong where a loop
over them ends; that costs as much as some rows, in every pass. Where a row's vectors are no
multiple of four, the last pass begins within the one before it.
"""

import numpy as np

from embedlayer.kernels.cpu.simd.arithmetic import splat, zeros
from embedlayer.kernels.cpu.simd.memory import ADDRESS, FLOAT, LINE, load, load_address, store
from embedlayer.kernels.cpu.simd.rows import add, columns_from, read, write
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled

PASS = 4 * LANES  # columns


@compiled
def set_mean(to, addresses, size, dim, masked):
    """Set a row to the mean of so many rows, whose addresses are stored from ``addresses`` on."""
    share = splat(np.float32(1.0) / np.float32(max(1, size)))
    whole, done = dim // LANES * LANES, 0
    while done < whole and whole >= PASS:
        d = min(done, whole - PASS)
        s0 = s1 = s2 = s3 = zeros()
        for i in range(size):
            row = load_address(addresses + i * ADDRESS) + d * FLOAT
            s0, s1 = s0 + load(row), s1 + load(row + LINE)
            s2, s3 = s2 + load(row + 2 * LINE), s3 + load(row + 3 * LINE)
        at = to + d * FLOAT
        store(at, s0 * share)
        store(at + LINE, s1 * share)
        store(at + 2 * LINE, s2 * share)
        store(at + 3 * LINE, s3 * share)
        done = d + PASS
    for d in range(done, dim, LANES):
        columns, total = columns_from(d, dim, masked), zeros()
        for i in range(size):
            total = total + read(load_address(addresses + i * ADDRESS), columns)
        write(to, columns, total * share)


@compiled
def add_to_each(addresses, size, value, share, dim, masked):
    """Add a share of a row to so many rows, whose addresses are stored from ``addresses`` on."""
    share = splat(share)
    whole, done = dim // LANES * LANES, 0
    while done < whole and whole >= PASS:
        d = min(done, whole - PASS)
        at, repeated = value + d * FLOAT, (done - d) // LANES  # vectors of the pass before
        v0 = load(at) * share if repeated < 1 else zeros()
        v1 = load(at + LINE) * share if repeated < 2 else zeros()
        v2 = load(at + 2 * LINE) * share if repeated < 3 else zeros()
        v3 = load(at + 3 * LINE) * share
        for i in range(size):
            row = load_address(addresses + i * ADDRESS) + d * FLOAT
            store(row, load(row) + v0)
            store(row + LINE, load(row + LINE) + v1)
            store(row + 2 * LINE, load(row + 2 * LINE) + v2)
            store(row + 3 * LINE, load(row + 3 * LINE) + v3)
        done = d + PASS
    for d in range(done, dim, LANES):
        columns = columns_from(d, dim, masked)
        v = read(value, columns) * share
        for i in range(size):
            add(load_address(addresses + i * ADDRESS), columns, v)
