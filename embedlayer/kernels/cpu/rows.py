"""Compiled: the sum or mean of bags of rows, and values added to rows.

Both run at the speed of memory. Several threads work on large inputs. No two of them write the same
number, and every sum is taken in the order of the ids, so the result does not depend on the number
of threads, to the bit.
"""

from functools import partial

import numpy as np

from embedlayer.kernels import reference
from embedlayer.kernels.cpu.prefetch import prefetch_row, prefetch_row_once, rows_ahead
from embedlayer.storage.compiled import compiled
from embedlayer.threads import available_cores, in_parts

HALF = "e"  # the type code of float16, with which numba does not calculate
MIN_BYTES = 1 << 22  # threads are used from so many bytes to read on: to wake one takes 50 µs
MIN_ROW_BYTES = 1 << 12  # of a row, times threads; see scatter_add


def bag_sum(W, ids, offsets, mean):
    if W.dtype.char == HALF:
        return reference.bag_sum(W, ids, offsets, mean)
    sums = np.empty((len(offsets) - 1, W.shape[1]), W.dtype)
    parts = available_cores() if len(ids) * W.strides[0] >= MIN_BYTES else 1
    if parts == 1:
        _bag_sum(W, ids, offsets, mean, sums, 0, len(sums))
        return sums
    # Each thread takes consecutive bags; all threads have about the same number of ids.
    inner = np.searchsorted(offsets[:-1], np.arange(1, parts) * (len(ids) // parts))
    edges = [0, *inner.tolist(), len(sums)]
    in_parts(lambda part: _bag_sum(W, ids, offsets, mean, sums, *edges[part : part + 2]), parts)
    return sums


def scatter_add(W, rows, values):
    if W.dtype.char == HALF:
        return reference.scatter_add(W, rows, values)
    # Each thread adds to its part of the rows and skips the values of the other rows. One thread
    # reads all values in order, as fast as it could copy them; threads that skip values do not,
    # and pay only with long rows or many threads. Measured, 100,000 rows: 2 threads have 0.8 of
    # the speed of one at 400 bytes per row, 0.9 to 1.3 at 1,200, 1.2 to 1.7 at 4,000; 4 threads
    # 1.3 at 400 bytes and 2.1 at 1,200 (two of their parts side by side, on two cores). A part of
    # the columns per thread is worse: half a row takes as long to read as a whole one.
    cores = available_cores() if len(rows) * W.strides[0] >= MIN_BYTES else 1
    if cores == 1 or cores * W.strides[0] < MIN_ROW_BYTES:
        add_rows(W, rows, values)
    else:
        in_parts(partial(_add_part, W, rows, values, cores), cores)
    return None


def add_products(W, rows, factors, values):
    if W.dtype.char == HALF:
        return reference.add_products(W, rows, factors, values)
    return _add_products(W, rows, factors, values)


@compiled
def _bag_sum(W, ids, offsets, mean, sums, first, last):
    ahead, end = rows_ahead(W), offsets[last]
    for b in range(first, last):
        for d in range(W.shape[1]):
            sums[b, d] = 0
        for i in range(offsets[b], offsets[b + 1]):
            if i + ahead < end:
                prefetch_row(W, ids[i + ahead])
            row = np.uint64(ids[i])  # an unsigned index is not checked for "from the end"
            for d in range(W.shape[1]):
                sums[b, d] += W[row, d]
        size = max(1, offsets[b + 1] - offsets[b]) if mean else 1
        for d in range(W.shape[1]):
            sums[b, d] /= size


@compiled
def add_rows(W, rows, values):
    ahead = rows_ahead(W)
    for i in range(len(rows)):
        if i + ahead < len(rows):
            prefetch_row(W, rows[i + ahead])
        if rows[i] >= 0:
            row = np.uint64(rows[i])
            for d in range(W.shape[1]):
                W[row, d] += values[i, d]


@compiled
def _add_products(W, rows, factors, values):
    N, R = rows.shape
    ahead = rows_ahead(W)
    for n in range(N):
        for r in range(R):
            i = n * R + r + ahead
            if i < N * R:
                prefetch_row(W, rows[i // R, i % R])
            if rows[n, r] >= 0:
                row = np.uint64(rows[n, r])
                for d in range(W.shape[1]):
                    W[row, d] += factors[n, r] * values[n, d]


@compiled
def _add_part(W, rows, values, parts, part):
    """Add to the rows whose number modulo ``parts`` is ``part``.

    Frequent rows often have neighbouring numbers: so they belong to different threads.
    """
    ahead = rows_ahead(W)
    indices, size = np.empty(len(rows), np.int64), 0
    for i in range(len(rows)):
        # Write, then advance or not: there is no branch to predict.
        indices[size] = i
        size += (rows[i] >= 0) & (np.uint32(rows[i]) % np.uint32(parts) == part)
    for j in range(size):
        if j + 4 * ahead < size:
            prefetch_row_once(values, indices[j + 4 * ahead])
        if j + ahead < size:
            prefetch_row(W, rows[indices[j + ahead]])
        i, row = indices[j], np.uint64(rows[indices[j]])
        for d in range(W.shape[1]):
            W[row, d] += values[i, d]
