"""Compiled: the step where a context is a bag of rows, piece by piece of a chunk of text.

For a piece, the means of the bags of its distinct words are a small table, which the step of
skip-gram or CBOW trains as if it were W_in; then the change of each is added to its bag. A bag that
is read is still in the core's cache when it is written, if the piece is small.
"""

from embedlayer.kernels.arguments import Batch
from embedlayer.kernels.cpu.bags import distinct, find_bag_means, spread_over_bags
from embedlayer.kernels.cpu.local import BLOCK, Layout
from embedlayer.kernels.cpu.simd.memory import address_of
from embedlayer.kernels.cpu.step.cbow import cbow_step
from embedlayer.kernels.cpu.step.skipgram import skipgram_step
from embedlayer.storage.compiled import compiled


@compiled
def bag_step(W_in, outputs, batch, bags, lr, divide, masked):
    """Train on all windows of a batch; ``outputs`` is the layout of W_out.

    ``divide`` is CBOW's; where it is None, the step is skip-gram's.
    """
    loss, pairs = 0.0, 0
    for first in range(0, len(batch.rows), bags.windows):
        piece, words = _piece(batch, first, bags.windows)
        table = find_bag_means(W_in, bags.ids, bags.offsets, words, masked)
        before = table.copy()
        layouts = _layouts(table, outputs, first)
        if divide is None:
            more = skipgram_step(layouts, piece, lr, masked)
        else:
            more = cbow_step(layouts, piece, lr, divide, masked)
        _bring_back(W_in, bags, words, table, before, masked)
        loss, pairs = loss + more[0], pairs + more[1]
    return loss, pairs


@compiled
def _piece(batch, first, windows):
    """So many windows, whose contexts are the numbers of distinct words; and these words."""
    last = min(first + windows, len(batch.rows))
    offsets = batch.offsets[first : last + 1] - batch.offsets[first]
    contexts = batch.contexts[batch.offsets[first] : batch.offsets[last]]
    labels = batch.labels[first:last] if len(batch.labels) > 1 else batch.labels
    words, places = distinct(contexts, 0)
    rows, measured = batch.rows[first:last], batch.measured[first:last]
    return Batch(places, offsets, rows, labels, measured), words


@compiled
def _layouts(table, outputs, first):
    """The layouts of a small table, and of W_out for the windows from ``first`` on."""
    block = outputs.block + first // BLOCK
    inputs = Layout(address_of(table), 0, 0, outputs.pitch, 1, 0)
    return inputs, Layout(
        outputs.table, outputs.local, outputs.local_rows, outputs.pitch, outputs.period, block
    )


@compiled
def _bring_back(W_in, bags, words, table, before, masked):
    """Add what each word has learnt to every row of its bag."""
    for i in range(len(words)):
        for d in range(W_in.shape[1]):
            table[i, d] -= before[i, d]
    spread_over_bags(W_in, bags.ids, bags.offsets, words, table, masked)
