"""Compiled: the candidates for phrases in a text, each known by a hash of its spelling, counted.

A candidate is two words with nothing between them, or connector words only ("bank of america"). Its
spelling is what it would be as one word: the delimiter between all of its words. So it is one with
the word that is spelt so, and with other candidates that are, as in gensim's ``Phrases``.
"""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.text.hashes import CONNECTOR, GOLDEN, KIND, ONE, OWN, followed

WORD = np.uint64(64)
SLOT_SHIFT = np.uint64(18)  # a slot is told by lower bits of a mixed hash than its part
FIRST_SLOTS = 1 << 13


@compiled
def candidates(
    ids: np.ndarray, rows: np.ndarray, keys: np.ndarray, firsts: np.ndarray, lasts: np.ndarray
) -> tuple[int, int]:
    """Find the candidates of some text.

    Args:
        ids: int32, (N,): words, −1 at a sentence's end.
        rows: as :func:`spelling_hashes` fills them.
        keys: uint64, (N,): receives the hash of each candidate's spelling.
        firsts, lasts: int32, (N,): receive the places of its first and last word.

    Returns:
        The number of candidates, and the place where one begins whose end is not here; N for none.
    """
    found, start = 0, -1
    joined = np.uint64(0)
    for place in range(len(ids)):
        word = ids[place]
        if word < 0:
            start = -1
            continue
        if start >= 0:
            joined = followed(joined, rows, word)
        if rows[word, KIND] & CONNECTOR:
            continue
        if start >= 0:
            keys[found] = joined
            firsts[found] = start
            lasts[found] = place
            found += 1
        joined = rows[word, OWN]
        start = place
    return found, start if start >= 0 else len(ids)


@compiled
def tally(keys: np.ndarray, parts: np.ndarray) -> None:
    """Add the number of keys in each of the 2ⁿ parts to ``parts``, int64."""
    shift = part_shift(len(parts))
    for key in keys:
        parts[(key * GOLDEN) >> shift] += 1


@compiled
def deal(keys: np.ndarray, parts: int, first: int, places: np.ndarray, dealt: np.ndarray) -> None:
    """Write the keys of the parts from ``first`` on, of all ``parts``, to where their parts lie.

    Args:
        places: int64: where the next key of each of these parts goes; moved on.
        dealt: uint64: receives the keys.
    """
    shift = part_shift(parts)
    for key in keys:
        part = np.int64((key * GOLDEN) >> shift) - first
        if 0 <= part < len(places):
            dealt[places[part]] = key
            places[part] += 1


@compiled
def count_parts(
    dealt: np.ndarray, ends: np.ndarray, words: np.ndarray, word_ends: np.ndarray,
    word_counts: np.ndarray, least: int, found: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Count the keys of some parts, each in a table that stays in a core's cache.

    Args:
        dealt: uint64: the keys, part behind part.
        ends: int64, (P + 1,): part p is ``dealt[ends[p]:ends[p + 1]]``.
        words, word_ends: the hashes of words that hold the delimiter, likewise, each once.
        word_counts: int64: how often each of these words occurs, more than 0 times.
        least: rarer keys are counted as different ones, and forgotten.
        found: int64: receives how often a candidate is spelt as the word.

    Returns:
        The keys that occur ``least`` times, words that are spelt so included, their counts, and
        the number of different keys.
    """
    most = (ends[-1] - ends[0]) // least + len(words) + 1
    kept, counts = np.empty(most, np.uint64), np.empty(most, np.int64)
    size = different = 0
    for part in range(len(ends) - 1):
        slots, times, used = _counted(dealt[ends[part] : ends[part + 1]])
        different += used
        for i in range(word_ends[part], word_ends[part + 1]):
            slot = slot_of(words[i] + ONE, slots)
            if slots[slot] != 0:
                found[i] = times[slot]
                times[slot] += word_counts[i]
        for slot in range(len(slots)):
            if slots[slot] != 0 and times[slot] >= least:
                kept[size] = slots[slot] - ONE
                counts[size] = times[slot]
                size += 1
    return kept[:size].copy(), counts[:size].copy(), different


@compiled
def _counted(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """A table of keys + 1 (0 is free), how often each occurs, and how many there are."""
    slots, times = np.zeros(FIRST_SLOTS, np.uint64), np.zeros(FIRST_SLOTS, np.int64)
    place, used = _count(keys, 0, slots, times, 0)
    while place < len(keys):
        larger, more = np.zeros(4 * len(slots), np.uint64), np.zeros(4 * len(slots), np.int64)
        for old in range(len(slots)):
            if slots[old] != 0:
                slot = slot_of(slots[old], larger)
                larger[slot], more[slot] = slots[old], times[old]
        slots, times = larger, more
        place, used = _count(keys, place, slots, times, used)
    return slots, times, used


@compiled
def _count(
    keys: np.ndarray, place: int, slots: np.ndarray, times: np.ndarray, used: int
) -> tuple[int, int]:
    """Count keys from a place on, until the table is half full; the place, and what is used."""
    while place < len(keys):
        slot = slot_of(keys[place] + ONE, slots)
        if slots[slot] == 0:
            if 2 * used >= len(slots):
                break
            slots[slot] = keys[place] + ONE
            used += 1
        times[slot] += 1
        place += 1
    return place, used


def slots_for(entries: int) -> int:
    """The slots of a table, a power of two, of which these entries take less than half."""
    return 1 << (2 * entries + 1).bit_length()


@compiled
def slot_of(entry: np.uint64, slots: np.ndarray) -> np.uint64:
    """The slot of an entry, or the free one for it."""
    last = np.uint64(len(slots) - 1)
    slot = ((entry * GOLDEN) >> SLOT_SHIFT) & last
    while slots[slot] != 0 and slots[slot] != entry:
        slot = (slot + ONE) & last
    return slot


@compiled
def part_shift(parts: int) -> np.uint64:
    """What leaves of 64 bits those that number 2ⁿ parts, two at least."""
    shift = WORD
    while parts > 1:
        parts //= 2
        shift -= ONE
    return shift
