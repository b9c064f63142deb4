"""Compiled: hashes of spellings, which those of words give without a look at their letters.

The hash of a spelling is a polynomial of its bytes modulo the prime 2⁶¹ − 1 (Karp and Rabin, 1987).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from embedlayer.storage.compiled import compiled

OWN, SHIFT, BEHIND, KIND = 0, 1, 2, 3  # the columns of a word's row
CONNECTOR, DIVIDED = np.uint64(1), np.uint64(2)  # bits of KIND: DIVIDED holds the delimiter's bytes
PRIME = np.uint64((1 << 61) - 1)
BASE = np.uint64(0x1B873593CC9E2D51)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ONE, OVER, HALF, BITS = (np.uint64(number) for number in (1, 3, 32, 61))


def _high_product(typing: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two uint64."""

    def made(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        word = context.get_value_type(types.uint64)
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(one, wide) for one in given))
        return builder.trunc(builder.lshr(product, wide(64)), word)

    return types.uint64(types.uint64, types.uint64), made


_high: Any = intrinsic(_high_product)


@compiled
def spelling_hashes(
    letters: np.ndarray, offsets: np.ndarray, delimiter: np.ndarray, rows: np.ndarray
) -> None:
    """Fill the row of each word; bits of KIND that are set stay.

    Args:
        letters, offsets: uint8, int64, (M + 1,): word i is ``letters[offsets[i]:offsets[i + 1]]``.
        delimiter: uint8.
        rows: uint64, (M, 4): receives the hash of the word (OWN), the factor by which a hash is
            shifted when delimiter and word follow (SHIFT), and the hash of these two (BEHIND).
    """
    first, before = np.uint64(0), ONE
    for byte in delimiter:
        first = _appended(first, byte)
        before = _times(before, BASE)
    for word in range(len(rows)):
        own, shift = np.uint64(0), ONE
        divided = np.uint64(0)
        for place in range(offsets[word], offsets[word + 1]):
            own = _appended(own, letters[place])
            shift = _times(shift, BASE)
            for byte in delimiter:
                if letters[place] == byte:
                    divided = DIVIDED
        rows[word, OWN] = own
        rows[word, SHIFT] = _times(before, shift)
        rows[word, BEHIND] = _reduced(_times(first, shift) + own)
        rows[word, KIND] |= divided


@compiled
def followed(joined: np.uint64, rows: np.ndarray, word: int) -> np.uint64:
    """The hash of a spelling that delimiter and word follow."""
    return _reduced(_times(joined, rows[word, SHIFT]) + rows[word, BEHIND])


@compiled
def pair_key(first: np.uint64, last: np.uint64, joined: np.uint64) -> np.uint64:
    """What tells a candidate from others: its first word, its last one and its spelling. Not 0."""
    mixed = (first * GOLDEN) ^ (last >> HALF) ^ (last << HALF)
    mixed = (mixed ^ (mixed >> HALF)) * GOLDEN + joined
    return (mixed * GOLDEN) | ONE


@compiled
def _appended(hashed: np.uint64, byte: np.uint8) -> np.uint64:
    return _reduced(_times(hashed, BASE) + np.uint64(byte) + ONE)


@compiled
def _times(a: np.uint64, b: np.uint64) -> np.uint64:
    """The product modulo 2⁶¹ − 1, of which 2⁶¹ is 1: the bits above 61 are added to those below."""
    low = a * b
    return _reduced((low & PRIME) + (low >> BITS) + (_high(a, b) << OVER))


@compiled
def _reduced(number: np.uint64) -> np.uint64:
    number = (number & PRIME) + (number >> BITS)
    return number - PRIME if number >= PRIME else number
