"""Examples: subsampling, windows and draws, as integer arithmetic on (key, position)."""

from typing import Any

import numpy as np

from embedlayer.arrays import entries_of, offsets_of
from embedlayer.backend import array_module
from embedlayer.kernels.arguments import Batch
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


def take_windows(batch: Batch, positions: Any, chosen: Any) -> Batch:
    """Take windows out of a batch: there they keep no output row, and so teach nothing.

    On a device this waits twice: how many there are decides sizes of arrays.

    Args:
        batch: the examples of a chunk; ``rows`` is changed in place.
        positions: int64, (B,): of its targets, rising; on a device −1 behind the last of them.
        chosen: uint64, rising: positions of windows to take; a position without one is passed over.

    Returns:
        Those windows as they were, all of them measured.
    """
    xp = array_module(positions)
    rising = positions.view(np.uint64)
    places = xp.searchsorted(rising, chosen, side="left")
    behind = xp.searchsorted(rising, chosen, side="right")
    places = places[behind > places]
    entries, offsets = entries_of(batch.offsets, places)
    taken = Batch(
        contexts=batch.contexts[entries],
        offsets=offsets,
        rows=batch.rows[places],
        labels=batch.labels if len(batch.labels) == 1 else batch.labels[places],
        measured=xp.ones(len(places), bool),
    )
    batch.rows[places] = -1
    return taken


def _bits(xp: Any, key: np.uint64, positions: Any) -> Any:
    return hash64(xp.asarray(key), positions.astype(np.uint64))
