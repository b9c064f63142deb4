"""Compiled: the distinct ids of a piece of text, the means of their bags, and values for bags.

Whoever trains calls these for a few hundred windows at a time, from several threads: so they use
none of their own. Nearly all rows lie in memory, so that what counts is how many are on their way.
"""

import numpy as np

from embedlayer.kernels import reference
from embedlayer.kernels.cpu.prefetch import rows_ahead
from embedlayer.kernels.cpu.simd.memory import ADDRESS, LINE, address_of, prefetch_once
from embedlayer.kernels.cpu.simd.rows import add, columns_from, prefetch_row_at, read
from embedlayer.kernels.cpu.simd.several import set_mean
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled

MIX = np.uint32(0x9E3779B1)  # Knuth's multiplicative hashing: 2**32 / golden ratio


@compiled
def distinct(ids, size):
    """In the order of their first occurrence."""
    bits = 4
    while (1 << bits) < 2 * len(ids):
        bits += 1
    slots, last = np.full(1 << bits, -1, np.int32), (1 << bits) - 1  # the place of an id in found
    found, places, count = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32), 0
    for i in range(len(ids)):
        if ids[i] < 0:
            places[i] = -1
            continue
        slot = np.int64(np.uint32(np.uint32(ids[i]) * MIX) >> np.uint32(32 - bits))
        while slots[slot] >= 0 and found[slots[slot]] != ids[i]:
            slot = (slot + 1) & last
        if slots[slot] < 0:
            slots[slot] = count
            found[count] = ids[i]
            count += 1
        places[i] = slots[slot]
    return found[:count], places


def bag_means(W, ids, offsets, bags):
    if W.dtype != np.float32:
        return reference.bag_means(W, ids, offsets, bags)
    return find_bag_means(W, ids, offsets, bags, True if W.shape[1] % LANES else None)


def add_to_bags(W, ids, offsets, bags, values):
    if W.dtype != np.float32:
        reference.add_to_bags(W, ids, offsets, bags, values)
    else:
        spread_over_bags(W, ids, offsets, bags, values, True if W.shape[1] % LANES else None)


@compiled
def find_bag_means(W, ids, offsets, bags, masked):
    means = np.empty((len(bags), W.shape[1]), np.float32)
    ahead, pitch = rows_ahead(W), W.strides[0]
    rows = _addresses(W, ids, offsets, bags, ahead)
    to, first = address_of(means), 0
    for i in range(min(ahead, len(rows))):
        for line in range(0, pitch, LINE):
            prefetch_once(rows[i] + line)
    for b in range(len(bags)):
        size = offsets[bags[b] + 1] - offsets[bags[b]]
        for i in range(first + ahead, first + ahead + size):
            for line in range(0, pitch, LINE):
                prefetch_once(rows[i] + line)
        set_mean(to, address_of(rows) + first * ADDRESS, size, W.shape[1], masked)
        to += pitch
        first += size
    return means


@compiled
def spread_over_bags(W, ids, offsets, bags, values, masked):
    ahead, pitch, dim = rows_ahead(W), W.strides[0], W.shape[1]
    rows = _addresses(W, ids, offsets, bags, ahead)
    value, i = address_of(values), 0
    for j in range(min(ahead, len(rows))):
        prefetch_row_at(rows[j], pitch)
    for b in range(len(bags)):
        for _ in range(offsets[bags[b] + 1] - offsets[bags[b]]):
            prefetch_row_at(rows[i + ahead], pitch)
            for d in range(0, dim, LANES):
                columns = columns_from(d, dim, masked)
                add(rows[i], columns, read(value, columns))
            i += 1
        value += pitch
    return values  # a visible use: numba frees an array behind the last one


@compiled
def _addresses(W, ids, offsets, bags, more):
    """The address of each row of the bags; the last one is there ``more`` times more."""
    size, base, pitch = 0, address_of(W), W.strides[0]
    for b in range(len(bags)):
        size += offsets[bags[b] + 1] - offsets[bags[b]]
    rows, i = np.full(size + more, base, np.intp), 0
    for b in range(len(bags)):
        for entry in range(offsets[bags[b]], offsets[bags[b] + 1]):
            rows[i] = base + np.intp(ids[entry]) * pitch
            i += 1
    return rows
