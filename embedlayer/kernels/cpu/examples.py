"""Compiled: which tokens are kept, the windows around them, and the words drawn as noise."""

import numpy as np

from embedlayer import rng
from embedlayer.kernels.arguments import Batch
from embedlayer.kernels.cpu.simd.integers import choose, copy_others
from embedlayer.kernels.cpu.simd.memory import INT, load, store
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled, inlined

HIGH = rng.HIGH
LOW_WORD = np.uint64(0xFFFFFFFF)
DRAW_BLOCK = 64  # streams of noise words that are drawn together

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
    width = 1 + negative
    # A row is copied in whole vectors, from where words have room; the next overwrites the rest.
    pitch = (width + LANES - 1) // LANES * LANES
    words = np.zeros((DRAW_BLOCK, pitch), np.int32)
    flat = np.empty(len(targets) * width + pitch, np.int32)
    streams = np.empty(DRAW_BLOCK, np.uint64)
    source, to = words.ctypes.data, flat.ctypes.data
    first = 0
    while first < len(targets):
        block, end = positions[first] // DRAW_BLOCK * DRAW_BLOCK, first + 1
        while end < len(targets) and 0 <= positions[end] - block < DRAW_BLOCK:
            end += 1
        shared = end - first > DRAW_BLOCK  # some have the same position: draw for the whole block
        if not shared:
            end = min(first + DRAW_BLOCK, len(targets))
        count = DRAW_BLOCK if shared else end - first
        for i in range(count):
            streams[i] = np.uint64(block + i if shared else positions[first + i])
        _draw_words(words, streams, count, negative, prob, alias, key)
        for i in range(first, end):
            place, row = positions[i] - block if shared else i - first, i * width
            for j in range(0, pitch, LANES):
                copy_others(to + (row + j) * INT, source + (place * pitch + j) * INT, targets[i])
            flat[row] = targets[i]
        first = end
    return flat[: len(targets) * width].reshape((len(targets), width))


@compiled
def _draw_words(words, streams, count, negative, prob, alias, key):
    """Draw the words of so many streams, which begin at column 1."""
    size = np.uint64(len(prob))
    bits = np.empty((negative, DRAW_BLOCK), np.uint64)
    # The bits are made together, draw by draw: LLVM vectorises these loops.
    for i in range(count):
        streams[i] = _hash64(key, streams[i])
    for k in range(negative):
        for i in range(count):
            bits[k, i] = _hash64(streams[i], np.uint64(k))
    for i in range(count):
        for k in range(negative):
            slot = _below(bits[k, i], size)
            own = (bits[k, i] & LOW_WORD) <= prob[slot]
            words[i, 1 + k] = choose(own, np.int32(slot), alias[slot])


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
