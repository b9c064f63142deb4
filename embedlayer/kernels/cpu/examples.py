"""Compiled: which tokens are kept, the windows around them, and the words drawn as noise."""

import numpy as np

from embedlayer import rng
from embedlayer.kernels.arguments import Batch
from embedlayer.kernels.cpu.simd.memory import load, store
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled, inlined

HIGH = rng.HIGH
LOW_WORD = np.uint64(0xFFFFFFFF)
INT = 4  # bytes
DRAW_BLOCK = 64  # windows whose noise words are drawn together

_hash64 = inlined(rng.hash64)
_below = inlined(rng.below)


@compiled
def subsample(ids, offsets, start, keep, key):
    kept_ids = np.empty(len(ids), np.int32)
    positions = np.empty(len(ids), np.int64)
    kept_offsets = np.zeros(len(offsets), np.int64)
    kept = np.empty(len(ids), np.bool_)
    for i in range(len(ids)):  # LLVM vectorises this loop
        kept[i] = (_hash64(key, np.uint64(start + i)) >> HIGH) <= keep[ids[i]]
    size = 0
    for sentence in range(len(offsets) - 1):
        for i in range(offsets[sentence], offsets[sentence + 1]):
            # Write, then advance or not: there is no branch to predict.
            kept_ids[size] = ids[i]
            positions[size] = start + i
            size += kept[i]
        kept_offsets[sentence + 1] = size
    return kept_ids[:size], kept_offsets, positions[:size]


@compiled
def windows(ids, offsets, positions, least, window, reach, key):
    size = len(ids)
    # Each side of a window is copied in whole vectors; what is too much is overwritten next. So
    # the copying loops have a constant length, which is predicted well, and both arrays have room
    # for one vector too many.
    copied = (reach + LANES - 1) // LANES * LANES
    padded = np.empty(size + copied + 1, np.int32)
    padded[:size] = ids
    contexts = np.empty(2 * reach * size + copied, np.int32)
    starts = np.zeros(size + 1, np.int64)
    targets = np.empty(size, np.int32)
    target_positions = np.empty(size, np.int64)
    source, to = padded.ctypes.data, contexts.ctypes.data
    widths = np.uint64(window - least + 1)
    made = filled = 0
    for sentence in range(len(offsets) - 1):
        begin, end = offsets[sentence], offsets[sentence + 1]
        if end - begin < 2:
            continue
        for i in range(begin, end):
            bits = _hash64(key, np.uint64(positions[i]))
            half = min(np.int64(_below(bits, widths)) + least, reach)
            first = max(begin, i - half)
            for j in range(0, copied, LANES):
                store(to + (filled + j) * INT, load(source + (first + j) * INT))
            filled += i - first
            for j in range(0, copied, LANES):
                store(to + (filled + j) * INT, load(source + (i + 1 + j) * INT))
            filled += min(end - 1, i + half) - i
            targets[made] = padded[i]  # a visible use: numba frees an array behind the last one
            target_positions[made] = positions[i]
            made += 1
            starts[made] = filled
    return contexts[:filled], starts[: made + 1], targets[:made], target_positions[:made]


@compiled
def draw(prob, alias, targets, positions, negative, key):
    rows = np.empty((len(targets), 1 + negative), np.int32)
    size = np.uint64(len(prob))
    # The bits of many windows are made together, draw by draw: LLVM vectorises these loops.
    streams = np.empty(DRAW_BLOCK, np.uint64)
    bits = np.empty((negative, DRAW_BLOCK), np.uint64)
    for first in range(0, len(targets), DRAW_BLOCK):
        count = min(DRAW_BLOCK, len(targets) - first)
        for i in range(count):
            streams[i] = _hash64(key, np.uint64(positions[first + i]))
        for k in range(negative):
            for i in range(count):
                bits[k, i] = _hash64(streams[i], np.uint64(k))
        for i in range(count):
            target = targets[first + i]
            rows[first + i, 0] = target
            for k in range(negative):
                slot = _below(bits[k, i], size)
                word, other = np.int32(slot), alias[slot]
                # A mask chooses: a branch would be predicted wrong every third time.
                keep = -np.int32((bits[k, i] & LOW_WORD) <= prob[slot])
                word = other ^ ((word ^ other) & keep)
                rows[first + i, 1 + k] = np.int32(-1) if word == target else word
    return rows


@compiled
def take_windows(batch, positions, chosen):
    contexts, offsets, rows, labels, _ = batch
    size = len(positions)
    first = np.searchsorted(chosen, np.uint64(positions[0])) if size else len(chosen)
    places = np.empty(min(size, len(chosen) - first), np.int64)
    starts = np.zeros(len(places) + 1, np.int64)
    count = place = 0
    for i in range(first, len(chosen)):
        position = np.int64(chosen[i])
        place += np.searchsorted(positions[place:], position)
        if place == size:
            break
        if positions[place] == position:
            places[count] = place
            starts[count + 1] = starts[count] + offsets[place + 1] - offsets[place]
            count += 1
    read = np.empty(starts[count], np.int32)
    taken_rows = np.empty((count, rows.shape[1]), np.int32)
    shared = len(labels) == 1
    taken_labels = np.empty((1 if shared else count, rows.shape[1]), np.float32)
    for i in range(count):
        place = places[i]
        read[starts[i] : starts[i + 1]] = contexts[offsets[place] : offsets[place + 1]]
        taken_rows[i] = rows[place]
        rows[place] = -1
        if not shared:
            taken_labels[i] = labels[place]
    if shared:
        taken_labels[0] = labels[0]
    return Batch(read, starts[: count + 1], taken_rows, taken_labels, np.ones(count, np.bool_))
