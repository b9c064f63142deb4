"""Compiled: from bytes to provisional ids, and from those to final ids and sentences.

The words of a text are numbered in the order in which they first appear (provisional ids); when the
vocabulary is known, they are replaced by final ids. ``word_table.py`` keeps the arrays.

A table is open addressing with linear probing: a slot is 0 when free, else the hash of a word
(upper 32 bits) and its number + 1 (lower 32 bits); the bytes of all words lie one after the other.
"""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.storage.words import NEWLINE, RETURN, SPACE, TAB

SENTENCE_END = -1

FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
HALF, ONE = np.uint64(32), np.uint64(1)
LOW_WORD = np.uint64(0xFFFFFFFF)


@compiled
def encode(
    provisional: np.ndarray, final: np.ndarray, ids: np.ndarray, ends: np.ndarray
) -> tuple[int, int]:
    """Replace provisional ids by final ones and drop the words that have none.

    Args:
        provisional: int32, (N,): −1 at a sentence's end.
        final: int32, (M + 1,): the final id of each provisional one; −1 for none. The last is −1:
            it is what the index −1 finds.
        ids: int32, (N + 1,): receives the final ids.
        ends: int64, (N + 1,): receives the number of ids before each sentence's end.

    Returns:
        The number of ids and the number of ends.
    """
    kept = ended = 0
    for number in provisional:  # no branches: each store is kept or overwritten by the next one
        ends[ended] = kept
        ids[kept] = final[number]
        ended += number == SENTENCE_END
        kept += ids[kept] >= 0
    return kept, ended


@compiled
def split_sentences(
    ends: np.ndarray, start: int, before: int, kept: int, longest: int, offsets: np.ndarray
) -> tuple[int, int]:
    """Offsets of the sentences that end in a block; cut at ``longest`` tokens, empty ones dropped.

    Args:
        ends: int64: the number of the block's ids before each sentence's end.
        start: where the unfinished sentence before the block begins in the corpus.
        before, kept: the number of ids before the block and in it.
        longest: the most tokens of a sentence.
        offsets: int64, (len(ends) + (before + kept − start) // longest + 1,): receives them.

    Returns:
        The number of offsets and where the unfinished sentence begins.
    """
    written = 0
    for i in range(len(ends) + 1):
        end = before + (ends[i] if i < len(ends) else kept)
        while end - start > longest:
            start += longest
            offsets[written] = start
            written += 1
        if i < len(ends) and end > start:
            start = end
            offsets[written] = start
            written += 1
    return written, start


@compiled
def scan(
    text: np.ndarray, place: int, ids: np.ndarray, written: int, newlines: int,
    slots: np.ndarray, counts: np.ndarray, offsets: np.ndarray, letters: np.ndarray, size: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Scan from ``place``; stops before a new word for which the table has no room."""
    while place < len(text):
        if _is_space(text[place]):
            if text[place] == NEWLINE:
                ids[written] = SENTENCE_END
                written += 1
                newlines += 1
            place += 1
            continue
        start = place
        hashed = FNV_START  # FNV-1a (Fowler, Noll, Vo); a product then spreads its low bits
        while place < len(text) and not _is_space(text[place]):
            hashed = (hashed ^ np.uint64(text[place])) * FNV_PRIME
            place += 1
        tag = ((hashed ^ (hashed >> HALF)) * GOLDEN) >> HALF
        slot, word = _find(tag, text, start, place, slots, offsets, letters)
        if word < 0:
            if 2 * size >= len(slots) or offsets[size] + place - start > len(letters):
                return start, written, newlines, size
            word = np.int64(size)
            size = _insert(slot, tag, text, start, place, slots, offsets, letters, size)
        counts[word] += 1
        ids[written] = word
        written += 1
    return place, written, newlines, size


@compiled
def absorb(
    other_slots: np.ndarray, other_counts: np.ndarray, other_offsets: np.ndarray,
    other_letters: np.ndarray, numbers: np.ndarray,
    slots: np.ndarray, counts: np.ndarray, offsets: np.ndarray, letters: np.ndarray, size: int,
) -> int:  # fmt: skip
    """Insert every word of another table; there is room. ``numbers`` receives its number here."""
    for other_slot in other_slots:
        if other_slot == 0:
            continue
        tag = other_slot >> HALF
        other = np.int64(other_slot & LOW_WORD) - 1
        start, end = other_offsets[other], other_offsets[other + 1]
        slot, word = _find(tag, other_letters, start, end, slots, offsets, letters)
        if word < 0:
            word = np.int64(size)
            size = _insert(slot, tag, other_letters, start, end, slots, offsets, letters, size)
        counts[word] += other_counts[other]
        numbers[other] = word
    return size


@compiled
def look_up(
    tags: np.ndarray, other_offsets: np.ndarray, other_letters: np.ndarray, numbers: np.ndarray,
    slots: np.ndarray, offsets: np.ndarray, letters: np.ndarray,
) -> None:  # fmt: skip
    """The number of each of other words, by their hashes (uint64, (M,)): int32, −1 for none."""
    for i in range(len(tags)):
        start, end = other_offsets[i], other_offsets[i + 1]
        numbers[i] = _find(tags[i], other_letters, start, end, slots, offsets, letters)[1]


@compiled
def rehashed(slots: np.ndarray, larger: np.ndarray) -> np.ndarray:
    last = np.uint64(len(larger) - 1)
    for slot in slots:
        if slot != 0:
            i = (slot >> HALF) & last
            while larger[i] != 0:
                i = (i + ONE) & last
            larger[i] = slot
    return larger


@compiled
def _is_space(byte: np.uint8) -> bool:
    return bool(byte <= SPACE and (byte == SPACE or TAB <= byte <= RETURN))


@compiled
def _find(
    tag: np.uint64, text: np.ndarray, start: int, end: int,
    slots: np.ndarray, offsets: np.ndarray, letters: np.ndarray,
) -> tuple[np.uint64, np.int64]:  # fmt: skip
    """The slot of the word ``text[start:end]`` and its number, or the free slot for it and −1."""
    last = np.uint64(len(slots) - 1)
    i = tag & last
    while slots[i] != 0:
        if slots[i] >> HALF == tag:
            word = np.int64(slots[i] & LOW_WORD) - 1
            first = offsets[word]
            if offsets[word + 1] - first == end - start:
                k = 0
                while k < end - start and letters[first + k] == text[start + k]:
                    k += 1
                if k == end - start:
                    return i, word
        i = (i + ONE) & last
    return i, np.int64(-1)


@compiled
def _insert(
    slot: np.uint64, tag: np.uint64, text: np.ndarray, start: int, end: int,
    slots: np.ndarray, offsets: np.ndarray, letters: np.ndarray, size: int,
) -> int:  # fmt: skip
    slots[slot] = (tag << HALF) | np.uint64(size + 1)
    first = offsets[size]
    for k in range(end - start):
        letters[first + k] = text[start + k]
    offsets[size + 1] = first + end - start
    return size + 1
