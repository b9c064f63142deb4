"""The compiled byte scanner: from text to provisional ids, and from those to final ids.

A table numbers the words of a text in the order in which they first appear (provisional ids); when
the vocabulary is known, they are replaced by final ids. Every thread has a table of its own, and
the tables are merged afterwards.

A table is open addressing with linear probing: a slot is 0 when free, else the hash of a word
(upper 32 bits) and its number + 1 (lower 32 bits); the bytes of all words lie one after the other.
"""

import numpy as np
from numba import njit

SENTENCE_END = -1
FIRST_SLOTS = 1 << 16
FIRST_BYTES = 1 << 18

SPACE, TAB, NEWLINE, RETURN = 32, 9, 10, 13  # tab … return are 9 … 13: all are whitespace
FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
HALF, ONE = np.uint64(32), np.uint64(1)
LOW_WORD = np.uint64(0xFFFFFFFF)


class WordTable:
    """The distinct words met so far and how often each occurred, numbered by first appearance.

    Attributes:
        size: M, the number of distinct words.
        counts: int64, at least (M,): occurrences.
        letters: uint8: the words' bytes.
        offsets: int64, at least (M + 1,): word i is ``letters[offsets[i]:offsets[i + 1]]``.
    """

    def __init__(self) -> None:
        self.size = 0
        self.slots = np.zeros(FIRST_SLOTS, np.uint64)
        self.counts = np.zeros(FIRST_SLOTS // 2, np.int64)
        self.offsets = np.zeros(FIRST_SLOTS // 2 + 1, np.int64)
        self.letters = np.zeros(FIRST_BYTES, np.uint8)
        self._ids = np.empty(0, np.int32)

    def scan(self, block: bytes) -> tuple[np.ndarray, int]:
        """Count the words of a block of whole words, separated by ASCII whitespace.

        Returns:
            The provisional ids (int32), −1 at every newline, valid until the next call; and the
            number of newlines.
        """
        text = np.frombuffer(block, np.uint8)
        if len(self._ids) < len(text):
            self._ids = np.empty(len(text), np.int32)
        place = written = newlines = 0
        while True:
            place, written, newlines, self.size = _scan(
                text, place, self._ids, written, newlines, *self._arrays(), self.size
            )
            if place == len(text):
                return self._ids[:written], newlines
            self._make_room(self.size + 1, len(text) - place)

    def absorb(self, other: "WordTable") -> np.ndarray:
        """Add another table's words and counts; returns the numbers they have here, int32."""
        self._make_room(self.size + other.size, int(other.offsets[other.size]))
        numbers = np.empty(other.size, np.int32)
        self.size = _absorb(
            other.slots, other.counts, other.offsets, other.letters,
            numbers, *self._arrays(), self.size,
        )  # fmt: skip
        return numbers

    def words(self, ids: np.ndarray) -> list[bytes]:
        """The words with these numbers."""
        letters = self.letters[: self.offsets[self.size]].tobytes()
        bounds = zip(self.offsets[ids].tolist(), self.offsets[ids + 1].tolist(), strict=True)
        return [letters[start:end] for start, end in bounds]

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.slots, self.counts, self.offsets, self.letters

    def _make_room(self, words: int, more_bytes: int) -> None:
        """Space for so many words in all, half the slots staying free, and so many bytes more."""
        slots = len(self.slots)
        while slots < 2 * words:
            slots *= 2
        if slots > len(self.slots):
            self.slots = _rehashed(self.slots, np.zeros(slots, np.uint64))
            self.counts = _grown(self.counts, slots // 2)
            self.offsets = _grown(self.offsets, slots // 2 + 1)
        needed = int(self.offsets[self.size]) + more_bytes
        if needed > len(self.letters):
            self.letters = _grown(self.letters, max(needed, 2 * len(self.letters)))


def _grown(array: np.ndarray, size: int) -> np.ndarray:
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger


@njit(nogil=True, cache=True)
def encode(
    provisional: np.ndarray, final: np.ndarray, ids: np.ndarray, ends: np.ndarray
) -> tuple[int, int]:
    """Replace provisional ids by final ones and drop the words that have none.

    Args:
        provisional: int32, (N,): −1 at a sentence's end.
        final: int32, (M,): the final id of each provisional one; −1 for none.
        ids: int32, (N + 1,): receives the final ids.
        ends: int64, (N + 1,): receives the number of ids before each sentence's end.

    Returns:
        The number of ids and the number of ends.
    """
    kept = ended = 0
    for number in provisional:  # no branches: each store is kept or overwritten by the next one
        ends[ended] = kept
        ids[kept] = final[max(number, 0)]
        ended += number == SENTENCE_END
        kept += number != SENTENCE_END and ids[kept] >= 0
    return kept, ended


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _scan(
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


@njit(nogil=True, cache=True)
def _absorb(
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


@njit(nogil=True, cache=True)
def _rehashed(slots: np.ndarray, larger: np.ndarray) -> np.ndarray:
    last = np.uint64(len(larger) - 1)
    for slot in slots:
        if slot != 0:
            i = (slot >> HALF) & last
            while larger[i] != 0:
                i = (i + ONE) & last
            larger[i] = slot
    return larger


@njit(nogil=True)
def _is_space(byte: np.uint8) -> bool:
    return bool(byte <= SPACE and (byte == SPACE or TAB <= byte <= RETURN))


@njit(nogil=True)
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


@njit(nogil=True)
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
