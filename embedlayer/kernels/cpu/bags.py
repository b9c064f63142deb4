"""Compiled: the distinct ids of a piece of text, the means of their bags, and values for bags.

Whoever trains calls these for a few hundred windows at a time, from several threads: so they use
none of their own. Rows are asked for before they are needed, as nearly all lie in memory.
"""

import numpy as np

from embedlayer.kernels import reference
from embedlayer.kernels.cpu.prefetch import prefetch_row, rows_ahead
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
    return _bag_means(W, ids, offsets, bags)


def add_to_bags(W, ids, offsets, bags, values):
    if W.dtype != np.float32:
        return reference.add_to_bags(W, ids, offsets, bags, values)
    return _add_to_bags(W, ids, offsets, bags, values)


@compiled
def _bag_means(W, ids, offsets, bags):
    means = np.empty((len(bags), W.shape[1]), np.float32)
    ahead, coming, place, end = rows_ahead(W), -1, np.int64(0), np.int64(0)
    for _ in range(ahead):
        coming, place, end = _ask(W, ids, offsets, bags, coming, place, end)
    for b in range(len(bags)):
        begin, size = offsets[bags[b]], offsets[bags[b] + 1] - offsets[bags[b]]
        for d in range(W.shape[1]):
            means[b, d] = 0
        for i in range(begin, begin + size):
            coming, place, end = _ask(W, ids, offsets, bags, coming, place, end)
            row = np.uint64(ids[i])
            for d in range(W.shape[1]):
                means[b, d] += W[row, d]
        share = np.float32(1) / np.float32(max(1, size))
        for d in range(W.shape[1]):
            means[b, d] *= share
    return means


@compiled
def _add_to_bags(W, ids, offsets, bags, values):
    ahead, coming, place, end = rows_ahead(W), -1, np.int64(0), np.int64(0)
    for _ in range(ahead):
        coming, place, end = _ask(W, ids, offsets, bags, coming, place, end)
    for b in range(len(bags)):
        for i in range(offsets[bags[b]], offsets[bags[b] + 1]):
            coming, place, end = _ask(W, ids, offsets, bags, coming, place, end)
            row = np.uint64(ids[i])
            for d in range(W.shape[1]):
                W[row, d] += values[b, d]


@compiled
def _ask(W, ids, offsets, bags, bag, place, end):
    """Ask for the next row that the bags read; where the one after it is."""
    while place == end:
        bag += 1
        if bag >= len(bags):
            return bag, place, end
        place, end = offsets[bags[bag]], offsets[bags[bag] + 1]
    prefetch_row(W, ids[place])
    return bag, place + 1, end
