"""The table of the words that a thread has met; the tables of all threads are merged afterwards."""

from typing import NamedTuple

import numpy as np

from embedlayer.text.scanner import HALF, LOW_WORD, absorb, look_up, rehashed, scan

FIRST_SLOTS = 1 << 16
FIRST_BYTES = 1 << 18


class Words(NamedTuple):
    """Different words, one behind the other.

    Attributes:
        tags: uint64, (M,): the upper 32 bits of their hashes.
        counts: int64, (M,): how often each occurs.
        offsets: int64, (M + 1,): word i is ``letters[offsets[i]:offsets[i + 1]]``.
        letters: uint8: the words' bytes.
    """

    tags: np.ndarray
    counts: np.ndarray
    offsets: np.ndarray
    letters: np.ndarray

    def taken(self, order: np.ndarray) -> "Words":
        """The words with these numbers, in that order."""
        starts, sizes = self.offsets[order], np.diff(self.offsets)[order]
        offsets = np.zeros(len(order) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        places = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Words(self.tags[order], self.counts[order], offsets, self.letters[places])


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
            place, written, newlines, self.size = scan(
                text, place, self._ids, written, newlines, *self._arrays(), self.size
            )
            if place == len(text):
                return self._ids[:written], newlines
            self._make_room(self.size + 1, len(text) - place)

    def absorb(self, other: "WordTable") -> np.ndarray:
        """Add another table's words and counts; returns the numbers they have here, int32."""
        return self._absorb(other.size, *other._arrays())

    def absorb_words(self, other: Words) -> np.ndarray:
        """Add words and their counts; returns the numbers they have here, int32."""
        slots = (other.tags << HALF) | np.arange(1, len(other.tags) + 1, dtype=np.uint64)
        return self._absorb(len(slots), slots, *other[1:])

    def look_up(self, other: Words) -> np.ndarray:
        """The numbers that words have here, int32: −1 for one that is not here."""
        numbers = np.empty(len(other.tags), np.int32)
        look_up(
            other.tags, other.offsets, other.letters, numbers,
            self.slots, self.offsets, self.letters,
        )  # fmt: skip
        return numbers

    def all_words(self) -> Words:
        """All words, in the order of their numbers."""
        used = self.slots[self.slots != 0]
        tags = np.empty(self.size, np.uint64)
        tags[(used & LOW_WORD).astype(np.int64) - 1] = used >> HALF
        offsets = self.offsets[: self.size + 1]
        return Words(tags, self.counts[: self.size], offsets, self.letters[: offsets[-1]])

    def words(self, ids: np.ndarray) -> list[bytes]:
        """The words with these numbers."""
        letters = self.letters[: self.offsets[self.size]].tobytes()
        bounds = zip(self.offsets[ids].tolist(), self.offsets[ids + 1].tolist(), strict=True)
        return [letters[start:end] for start, end in bounds]

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        """All words: their bytes, uint8, and offsets into them, int64, (M + 1,)."""
        offsets = self.offsets[: self.size + 1]
        return self.letters[: offsets[-1]], offsets

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.slots, self.counts, self.offsets, self.letters

    def _absorb(
        self, size: int, slots: np.ndarray, counts: np.ndarray, offsets: np.ndarray,
        letters: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        self._make_room(self.size + size, int(offsets[size]))
        numbers = np.empty(size, np.int32)
        self.size = absorb(slots, counts, offsets, letters, numbers, *self._arrays(), self.size)
        return numbers

    def _make_room(self, words: int, more_bytes: int) -> None:
        """Space for so many words in all, half the slots staying free, and so many bytes more."""
        slots = len(self.slots)
        while slots < 2 * words:
            slots *= 2
        if slots > len(self.slots):
            self.slots = rehashed(self.slots, np.zeros(slots, np.uint64))
            self.counts = _grown(self.counts, slots // 2)
            self.offsets = _grown(self.offsets, slots // 2 + 1)
        needed = int(self.offsets[self.size]) + more_bytes
        if needed > len(self.letters):
            self.letters = _grown(self.letters, max(needed, 2 * len(self.letters)))


def _grown(array: np.ndarray, size: int) -> np.ndarray:
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
