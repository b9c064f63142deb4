"""Words in bytes: what divides them, and one run of them and offsets, as files of ours have."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError

SPACE, TAB, NEWLINE, RETURN = 32, 9, 10, 13  # tab … return are 9 … 13: all are white space
PIECE_WORDS = 1 << 13  # unpacked at once, whose intermediate results stay in the cache
CONTINUATION = 0x80  # a byte inside a UTF-8 character is 10xxxxxx


def pack_words(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Words as one run of UTF-8 bytes, uint8, (total,), and offsets into it, int64, (V + 1,).

    Raises:
        EmbedlayerError: a word with a lone surrogate, which no UTF-8 can hold.
    """
    try:
        encoded = [word.encode() for word in words]
    except UnicodeEncodeError as error:
        raise EmbedlayerError(
            f"the word {error.object!r} holds a lone surrogate, which UTF-8 cannot; "
            "read the text with errors='replace'"
        ) from None
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def unpack_words(data: np.ndarray, offsets: np.ndarray) -> list[str]:
    """The words that :func:`pack_words` packed.

    Raises:
        EmbedlayerError: offsets that do not fit the bytes, or bytes that are not UTF-8.
    """
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(data):
        raise EmbedlayerError(f"the word offsets do not span the {len(data)} bytes of the words")
    if (offsets[1:] < offsets[:-1]).any():  # differences may overflow
        raise EmbedlayerError("the word offsets fall")
    words: list[str] = []
    for first in range(0, len(offsets) - 1, PIECE_WORDS):
        piece = offsets[first : first + PIECE_WORDS + 1]
        words += _unpacked(data[piece[0] : piece[-1]], piece - piece[0])
    return words


def _unpacked(data: np.ndarray, offsets: np.ndarray) -> list[str]:
    """The words, one at least, whose offsets rise from 0 to the number of bytes."""
    if (data == NEWLINE).any():
        raw = decode_words(data, offsets).encode()
        return [raw[start:end].decode() for start, end in pairwise(offsets.tolist())]
    # Newlines are put between the words, at which they are split: faster than slices by a third.
    joined = np.full(len(data) + len(offsets) - 2, NEWLINE, np.uint8)
    within = np.ones(len(joined), bool)
    within[offsets[1:-1] + np.arange(len(offsets) - 2)] = False
    joined[np.flatnonzero(within)] = data
    try:
        return str(joined.data, "utf-8").split("\n")
    except UnicodeDecodeError:
        decode_words(data, offsets)  # tells what is wrong
        raise


def decode_words(data: np.ndarray, offsets: np.ndarray) -> str:
    """All the words, decoded in one go; EmbedlayerError unless each of them is UTF-8 by itself."""
    starts = offsets[:-1][np.diff(offsets) > 0]
    whole = _begins_character(data[starts])
    try:
        if not whole.all():  # joined to the word before it, the rest of a character looks valid
            raise EmbedlayerError("a word begins inside a UTF-8 character")
        return data.tobytes().decode()
    except UnicodeDecodeError as error:
        raise EmbedlayerError(f"a word is not UTF-8: {error}") from None


def checked_counts(counts: Any, size: int) -> np.ndarray:
    """Counts of ``size`` words: int64, (size,).

    Raises:
        EmbedlayerError: other numbers, or a sum beyond int64.
    """
    values = np.asarray(counts)
    whole = values.dtype.kind in "iu" or size == 0
    if values.shape != (size,) or not whole or values.min(initial=0) < 0:
        raise EmbedlayerError(
            f"counts are {size} integers from 0 up, one for each word, not {values.dtype}, "
            f"{values.shape}"
        )
    if values.sum(dtype=np.float64) >= 2**63:
        raise EmbedlayerError("the counts sum to more than 64 bits hold")
    return np.ascontiguousarray(values, np.int64)


def _begins_character(data: np.ndarray) -> np.ndarray:
    return (data & 0xC0) != CONTINUATION
