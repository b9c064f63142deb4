"""What bags of ids, one after the other, come to: their sizes and their largest numbers."""

from typing import Any

import numpy as np

from embedlayer.arrays import group_of_each, pieces
from embedlayer.backend import array_module


def sizes_of(offsets: Any, dtype: Any) -> Any:
    """The number of ids in each bag, at least 1: (B, 1), of ``dtype``."""
    xp = array_module(offsets)
    return xp.maximum(xp.diff(offsets), 1)[:, None].astype(dtype)


def largest(values: Any, offsets: Any) -> tuple[Any, Any]:
    """The largest numbers of each bag of ``values``, and where the first of each is: (B, D).

    Neighbours of a bag meet, then neighbours of the winners, until one is left. An empty bag's
    numbers are 0, and are nowhere: −1. The values are overwritten.
    """
    xp = array_module(values)
    bags, place = group_of_each(offsets, len(values)), xp.arange(len(values), dtype=np.int32)
    before, after = place - offsets[bags], offsets[bags + 1] - place
    winners = xp.repeat(place[:, None], values.shape[1], axis=1)
    stride, longest = 1, int(after.max()) if len(values) else 0
    while stride < longest:
        left = xp.flatnonzero((before % (2 * stride) == 0) & (after > stride))
        for piece in pieces(len(left), values):
            one = left[piece]
            other = one + stride
            better = values[other] > values[one]
            values[one] = xp.where(better, values[other], values[one])
            winners[one] = xp.where(better, winners[other], winners[one])
        stride *= 2
    filled = xp.diff(offsets) > 0
    out = xp.zeros((len(filled), values.shape[1]), values.dtype)
    first = xp.full(out.shape, -1, winners.dtype)
    out[filled] = values[offsets[:-1][filled]]
    first[filled] = winners[offsets[:-1][filled]]
    return out, first
