"""Compiled: the loss of windows from which nothing is learnt.

They lie apart, so that no window has read what the next one reads, as those of a chunk have: every
row is asked for while the windows before its own are scored.
"""

import numpy as np

from embedlayer.kernels.cpu.prefetch import prefetch_row_once
from embedlayer.kernels.cpu.simd.memory import FLOAT, address_of, store
from embedlayer.kernels.cpu.simd.several import set_mean
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.kernels.cpu.step.scores import GROUP, add_loss
from embedlayer.kernels.cpu.step.scratch import most_contexts
from embedlayer.kernels.cpu.step.skipgram import score_six
from embedlayer.storage.compiled import compiled

AHEAD = 2  # windows


@compiled
def window_loss(tables, batch, mean, masked):
    """The summed loss of the measured windows of a batch, and the pairs it is of."""
    W_in, W_out = tables
    contexts, offsets, rows, _, measured = batch
    dim, groups = W_in.shape[1], (rows.shape[1] + GROUP - 1) // GROUP
    most, nothing = most_contexts(offsets), np.zeros(dim, np.float32)
    vector, inputs = np.empty(dim + LANES, np.float32), np.empty(most + 1, np.intp)
    outputs = np.empty((groups, GROUP), np.intp)
    scores = np.empty((3, groups, (most + 1) * GROUP + LANES), np.float32)
    loss, pairs = 0.0, 0
    for b in range(len(rows)):
        if b + AHEAD < len(rows):
            _ask_for(W_in, contexts[offsets[b + AHEAD] : offsets[b + AHEAD + 1]])
            _ask_for(W_out, rows[b + AHEAD])
        hidden = offsets[b + 1] - offsets[b]
        if not measured[b] or hidden == 0:
            continue
        _find(inputs, W_in, contexts[offsets[b] : offsets[b + 1]], nothing)
        _find(outputs.reshape(-1), W_out, rows[b], nothing)
        if mean:
            set_mean(address_of(vector), address_of(inputs), hidden, dim, masked)
            inputs[0], hidden = address_of(vector), 1
        for group in range(groups):
            at = address_of(scores[0, group])
            for c in range(0, hidden, 2):  # the second of a pair may be anything
                score = score_six(inputs[c], inputs[c + 1], address_of(outputs[group]), dim, masked)
                store(at + c * GROUP * FLOAT, score)
            loss, pairs = add_loss(loss, pairs, scores, group, 0, hidden, batch, b)
    return loss, pairs


@compiled
def _ask_for(W, rows):
    for i in range(len(rows)):
        prefetch_row_once(W, rows[i])


@compiled
def _find(addresses, W, rows, nothing):
    """Set the addresses of rows; of −1, and beyond them, that of a row of zeros."""
    for i in range(len(addresses)):
        there = i < len(rows) and rows[i] >= 0
        row = address_of(W) + np.intp(rows[i]) * W.shape[1] * FLOAT if there else 0
        addresses[i] = row if there else address_of(nothing)
