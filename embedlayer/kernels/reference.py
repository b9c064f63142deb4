"""The definition of every kernel, in readable ``xp`` code for NumPy or CuPy arrays of any float.

Batch semantics: ``sgd_step`` reads both tables as they were before the call, for all its windows.
The implementations that go window by window equal it on a batch of one window.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embedlayer.arrays import entries_of, group_of_each, offsets_of, places_of
from embedlayer.backend import array_module
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.rng import HIGH, below, hash64

LOW_WORD = np.uint64(0xFFFFFFFF)


def subsample(
    ids: Any, offsets: Any, start: int, keep: Any, key: np.uint64
) -> tuple[Any, Any, Any]:
    """Drop frequent words; a token's fate depends on (key, its global position) alone.

    Args:
        ids: int32, (N,): the tokens of a chunk of whole sentences.
        offsets: int64, (S + 1,): sentence s is ``ids[offsets[s]:offsets[s + 1]]``.
        start: the position of the chunk's first token in the corpus.
        keep: uint32, (V,): a token of word i stays when its 32 random bits are at most ``keep[i]``.
        key: the key of the epoch's stream.

    Returns:
        The kept ids (int32), the offsets of the same S sentences among them (int64), and the
        positions of the kept tokens in the corpus (int64).
    """
    xp = array_module(ids)
    positions = xp.arange(start, start + len(ids), dtype=np.int64)
    kept = (_bits(xp, key, positions) >> HIGH) <= keep[ids]
    return ids[kept], offsets_of(kept)[offsets], positions[kept]


def windows(
    ids: Any,
    offsets: Any,
    positions: Any,
    least: int,
    window: int,
    reach: int,
    key: np.uint64,
) -> tuple[Any, Any, Any, Any]:
    """The windows of the kept tokens: up to ``window`` words on each side, inside the sentence.

    The half-width is uniform on ``least`` … ``window``, from (key, position of the target). A token
    with no neighbour makes no window.

    Args:
        ids, offsets, positions: as :func:`subsample` returns them.
        least, window: the smallest half-width, at least 1, and the largest.
        reach: the most words on one side, to bound the memory: ``window``, or one less than the
            words of the longest sentence.
        key: the key of the epoch's stream.

    Returns:
        contexts (int32, flat, left to right), offsets (int64, (B + 1,)), targets (int32, (B,)) and
        the targets' positions in the corpus (int64, (B,)).
    """
    xp = array_module(ids)
    size = len(ids)
    place = xp.arange(size, dtype=np.int64)
    sentence = xp.searchsorted(offsets, place, side="right") - 1
    widths = np.uint64(window - least + 1)
    half = below(_bits(xp, key, positions), widths).astype(np.int64) + least
    first = xp.maximum(place - half, offsets[sentence])
    last = xp.minimum(place + half, offsets[sentence + 1] - 1)

    shift = xp.concatenate([xp.arange(-reach, 0), xp.arange(1, reach + 1)])
    neighbour = place[:, None] + shift
    inside = (neighbour >= first[:, None]) & (neighbour <= last[:, None])
    contexts = ids[neighbour[inside]]

    count = last - first
    has_context = count > 0
    starts = offsets_of(count[has_context])
    return contexts, starts, ids[has_context], positions[has_context]


def draw(prob: Any, alias: Any, targets: Any, positions: Any, negative: int, key: np.uint64) -> Any:
    """The output rows of each window: its target, then ``negative`` draws by the alias method.

    A draw that equals its target becomes −1, "no row". (Walker, "An efficient method for
    generating discrete random variables with general distributions", ACM TOMS 1977.)

    Args:
        prob: uint32, (V,): slot i gives word i when 32 random bits are at most ``prob[i]``.
        alias: int32, (V,): the word that slot i gives otherwise.
        targets, positions: int32 and int64, (B,), as :func:`windows` returns them.
        negative: K, the draws a window.
        key: the key of the epoch's stream.

    Returns:
        rows: int32, (B, 1 + K).
    """
    xp = array_module(targets)
    stream = _bits(xp, key, positions)
    bits = hash64(stream[:, None], xp.arange(negative, dtype=np.uint64))
    slot = below(bits, np.uint64(len(prob))).astype(np.int64)
    word = xp.where((bits & LOW_WORD) <= prob[slot], slot, alias[slot]).astype(np.int32)
    word = xp.where(word == targets[:, None], np.int32(-1), word)
    return xp.concatenate([targets[:, None], word], axis=1)


def bag_sum(W: Any, ids: Any, offsets: Any, mean: bool) -> Any:
    """The sum of each bag's rows, ``W[ids[offsets[b]:offsets[b + 1]]].sum(axis=0)``; (B, D).

    With ``mean`` their mean. An empty bag's is zero. Of float16 rows the sums are float32 inside.
    """
    xp = array_module(W)
    sizes = xp.diff(offsets)
    total = xp.zeros((len(sizes), W.shape[1]), np.promote_types(W.dtype, np.float32))
    xp.add.at(total, group_of_each(offsets, len(ids)), W[ids].astype(total.dtype, copy=False))
    if mean:
        total /= xp.maximum(sizes, 1)[:, None].astype(total.dtype)
    return total.astype(W.dtype, copy=False)


def scatter_add(W: Any, rows: Any, values: Any) -> None:
    """``W[rows[i]] += values[i]``, in place; repeated rows accumulate, rows of −1 are skipped.

    Args:
        W: any numeric dtype, (V, D); to float16, sums of float32 are added.
        rows: int32 or int64, (N,), each below V.
        values: (N, D), of W's dtype.
    """
    xp = array_module(W)
    if W.dtype == np.float16:
        rows, sums = sum_by_row(rows, values.astype(np.float32), len(W))
        W[rows] += sums
        return
    real = rows >= 0
    xp.add.at(W, rows[real], values[real])


def distinct(ids: Any, size: int) -> tuple[Any, Any]:
    """The ids that occur, each once, in any order, and where each of ``ids`` is among them.

    Args:
        ids: int32, (N,), each below ``size``, V; −1 is "no id", and stays it.

    Returns:
        int32, (U,), and int32, (N,).
    """
    found, places = places_of(ids, size)
    return found.astype(np.int32), places.astype(np.int32)


def bag_means(W: Any, ids: Any, offsets: Any, bags: Any) -> Any:
    """The mean of the rows of some bags, each ``W[ids[offsets[b]:offsets[b + 1]]]``; (N, D).

    Args:
        W, ids, offsets: as in :func:`bag_sum`; no bag is empty.
        bags: int32, (N,): the number of each bag that is read.
    """
    entries, starts = entries_of(offsets, bags)
    return bag_sum(W, ids[entries], starts, True)


def add_to_bags(W: Any, ids: Any, offsets: Any, bags: Any, values: Any) -> None:
    """Add ``values[i]`` to every row of bag ``bags[i]``, in place; rows that bags share accumulate.

    Args:
        W, ids, offsets, bags: as in :func:`bag_means`.
        values: (N, D), of W's dtype.
    """
    entries, starts = entries_of(offsets, bags)
    scatter_add(W, ids[entries], values[group_of_each(starts, len(entries))])


def sum_by_row(
    rows: Any, values: Any, size: int, *, add: Callable[..., None] = scatter_add
) -> tuple[Any, Any]:
    """The sum of the values of each row that occurs.

    Args:
        rows, values: as in :func:`scatter_add`.
        size: V, the rows of the table.
        add: the ``scatter_add`` of the implementation.

    Returns:
        The rows, int64, (U,), sorted, each once, and their sums, (U, D), of the values' dtype.
    """
    unique, places = places_of(rows, size)
    sums = array_module(values).zeros((len(unique), values.shape[1]), values.dtype)
    add(sums, places, values)
    return unique, sums


def merge_rows(W: Any, parts: Sequence[Any], share: Any) -> None:
    """Add to rows the changes that N replicas made to them, by Adasum whose correction is damped.

    Two changes a and b give (1 − θ a·b / 2|a|²) a + (1 − θ a·b / 2|b|²) b, more of them a binary
    tree in the order of the replicas; one without a partner stays. θ = 1 is Adasum (Maleki et al.,
    "Scaling distributed training with adaptive summation", MLSys 2021), θ = 0 the sum. The parts
    become what the rows become.

    Args:
        W: float32, (R, D): the rows as they were when all replicas had the same.
        parts: of each replica, float32, (R, D): the rows now.
        share: θ, float32, (R,), 0 to 1.
    """
    changes = [part - W for part in parts]
    while len(changes) > 1:
        pairs = [changes[i : i + 2] for i in range(0, len(changes), 2)]
        changes = [_merged(share, *pair) for pair in pairs]
    W += changes[0]
    for part in parts:
        part[...] = W


def _merged(share: Any, a: Any, b: Any = None) -> Any:
    if b is None:
        return a
    xp = array_module(a)
    shared = share * xp.einsum("rd,rd->r", a, b) / 2
    lengths = (xp.einsum("rd,rd->r", one, one) for one in (a, b))
    less_a, less_b = (shared / xp.where(length > 0, length, 1) for length in lengths)
    return (1 - less_a)[:, None] * a + (1 - less_b)[:, None] * b


def sgd_step(tables: Tables, batch: Batch, lr: float, mode: Mode) -> tuple[float, int]:
    """One step of stochastic gradient descent on the logistic loss of B windows, in place.

    The loss of a hidden vector h and an output row o with label y is −log σ(h·o) for y = 1 and
    −log σ(−h·o) for y = 0 (Mikolov et al., "Distributed representations of words and phrases and
    their compositionality", NIPS 2013, eq. 4).

    Args:
        tables: of any float dtype here; changed in place.
        batch: the windows.
        lr: the learning rate.
        mode: how the hidden vectors are formed.

    Returns:
        The summed loss (float64) and the number of (hidden, output) pairs of measured windows.
    """
    (W_in, W_out), (contexts, offsets, rows, labels, measured) = tables, batch
    xp = array_module(W_in)
    if len(rows) == 0:
        return 0.0, 0
    window = group_of_each(offsets, len(contexts))
    if mode.mean:
        hidden, window_of_hidden = bag_sum(W_in, contexts, offsets, True), xp.arange(len(rows))
    else:
        hidden, window_of_hidden = W_in[contexts], window

    real = ((rows >= 0) & (xp.diff(offsets) > 0)[:, None])[window_of_hidden]
    label = xp.broadcast_to(labels, rows.shape)[window_of_hidden].astype(W_in.dtype)
    output = W_out[xp.maximum(rows, 0)][window_of_hidden]
    score = xp.einsum("hd,hrd->hr", hidden, output)
    step = xp.where(real, label - _sigmoid(xp, score), 0).astype(W_in.dtype) * W_in.dtype.type(lr)

    hidden_step = xp.einsum("hr,hrd->hd", step, output)
    output_step = step[:, :, None] * hidden[:, None, :]
    if mode.mean:
        hidden_step = hidden_step[window]
        if mode.divide:
            hidden_step /= xp.diff(offsets)[window, None].astype(W_in.dtype)
    scatter_add(W_in, contexts, hidden_step)
    flat_rows = rows[window_of_hidden].reshape(-1)
    scatter_add(W_out, flat_rows, output_step.reshape(len(flat_rows), W_out.shape[1]))

    counted = real & measured[window_of_hidden, None]
    toward_zero = xp.where(label > 0, -score, score).astype(np.float64)
    loss = xp.where(counted, xp.logaddexp(0.0, toward_zero), 0.0).sum()
    return float(loss), int(counted.sum())


def _bits(xp: Any, key: np.uint64, positions: Any) -> Any:
    return hash64(xp.asarray(key), positions.astype(np.uint64))


def _sigmoid(xp: Any, score: Any) -> Any:
    return 0.5 * (1.0 + xp.tanh(0.5 * score))
