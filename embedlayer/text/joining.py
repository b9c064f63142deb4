"""Compiled: the candidates of a text taken, each once, and phrases joined."""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.text.candidates import part_shift, slot_of
from embedlayer.text.hashes import (
    CONNECTOR,
    DIVIDED,
    GOLDEN,
    KIND,
    ONE,
    OWN,
    followed,
    pair_key,
)
from embedlayer.text.scanner import SENTENCE_END

ENTRY, PAIR = 0, 1  # the columns of a table of candidates
MANY = np.uint8(255)  # at least


@compiled
def first_end(ids: np.ndarray) -> int:
    """The place behind the first end of a sentence; 0 without any."""
    for place in range(len(ids)):
        if ids[place] == SENTENCE_END:
            return place + 1
    return 0


@compiled
def renumber(ids: np.ndarray, numbers: np.ndarray, made: np.ndarray) -> None:
    """Write the number of each id to ``made``; that of −1 is the last of ``numbers``."""
    for place in range(len(ids)):
        made[place] = numbers[ids[place]]


@compiled
def enter(keys: np.ndarray, table: np.ndarray, waiting: np.ndarray) -> None:
    """Enter the hashes of spellings into a table, uint64, (S, 2), that has room for them.

    ``waiting``, uint8, of 2ⁿ, receives how many of them have these bits, a small number.
    """
    slots = table[:, ENTRY]
    shift = part_shift(len(waiting))
    for key in keys:
        slots[slot_of(key + ONE, slots)] = key + ONE
        waiting[(key * GOLDEN) >> shift] += waiting[(key * GOLDEN) >> shift] < MANY


@compiled
def widened(table: np.ndarray, larger: np.ndarray) -> np.ndarray:
    """The entries of a table in a larger one."""
    for entry, pair in table:
        if entry != 0:
            slot = _place(entry, pair, larger)
            larger[slot, ENTRY], larger[slot, PAIR] = entry, pair
    return larger


@compiled
def collect(
    keys: np.ndarray, firsts: np.ndarray, lasts: np.ndarray, place: int, ids: np.ndarray,
    rows: np.ndarray, table: np.ndarray, used: int, waiting: np.ndarray, alone: bool,
    pairs: np.ndarray, spelt: np.ndarray, words: np.ndarray, ends: np.ndarray, taken: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Take each candidate of a spelling in the table, once; stops where there is no room for one.

    Args:
        keys, firsts, lasts: candidates, as :func:`candidates` finds them in ``ids``.
        place: of the first of them that is looked at.
        table: the spellings; receives the pairs that are taken.
        used: the entries of the table.
        waiting: uint8: how many spellings may have more candidates; most of the text has none, and
            this is small enough for a core's cache.
        alone: whether every spelling is that of one candidate; else that holds of two words alone.
        pairs, spelt: uint64: receive what tells a candidate from others, and its spelling.
        words, ends: int32, int64: receive its words: ``words[ends[i]:ends[i + 1]]``.
        taken: the candidates that are taken already.

    Returns:
        The place that was reached, and the new ``used`` and ``taken``.
    """
    shift = part_shift(len(waiting))
    while place < len(keys):
        entry, bits = keys[place] + ONE, (keys[place] * GOLDEN) >> shift
        if waiting[bits] == 0:
            place += 1
            continue
        slot = slot_of(entry, table[:, ENTRY])
        if table[slot, ENTRY] != 0:
            first, last = firsts[place], lasts[place]
            pair = pair_key(rows[ids[first], OWN], rows[ids[last], OWN], keys[place])
            slot = _place(entry, pair, table)
            if table[slot, PAIR] != pair:
                end = ends[taken] + last + 1 - first
                if 2 * used >= len(table) or taken == len(pairs) or end > len(words):
                    break
                used += table[slot, ENTRY] == 0
                table[slot, ENTRY], table[slot, PAIR] = entry, pair
                pairs[taken], spelt[taken] = pair, keys[place]
                words[ends[taken] : end] = ids[first : last + 1]
                taken += 1
                ends[taken] = end
                plain = last == first + 1 and not (
                    (rows[ids[first], KIND] | rows[ids[last], KIND]) & DIVIDED
                )
                waiting[bits] -= (alone or plain) and waiting[bits] < MANY
        place += 1
    return place, used, taken


@compiled
def enter_pairs(
    firsts: np.ndarray, lasts: np.ndarray, joined: np.ndarray, made: np.ndarray,
    slots: np.ndarray, numbers: np.ndarray,
) -> None:  # fmt: skip
    """Enter phrases into a table, uint64, (S,), that has room: the hashes of the first word, the
    last word and the spelling, and the number of the word that the phrase becomes."""
    for i in range(len(joined)):
        pair = pair_key(firsts[i], lasts[i], joined[i])
        slot = slot_of(pair, slots)
        slots[slot], numbers[slot] = pair, made[i]


@compiled
def join(
    ids: np.ndarray, rows: np.ndarray, slots: np.ndarray, numbers: np.ndarray,
    made: np.ndarray, counts: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    """Replace phrases by their numbers, from left to right: what is joined is joined no further.

    Args:
        ids: int32, (N,): words, −1 at a sentence's end.
        rows: of the words.
        slots, numbers: the phrases, as :func:`enter_pairs` enters them.
        made: int32, (N,): receives the ids.
        counts: int64: what is written is added.

    Returns:
        The number of ids, and the place where a candidate begins whose end is not here; N for none.
    """
    written, start = 0, -1
    joined = np.uint64(0)
    for place in range(len(ids)):
        word = ids[place]
        if word >= 0:
            if start >= 0:
                joined = followed(joined, rows, word)
            if rows[word, KIND] & CONNECTOR:
                if start >= 0:
                    continue
            elif start < 0:
                start, joined = place, rows[word, OWN]
                continue
            else:
                slot = slot_of(pair_key(rows[ids[start], OWN], rows[word, OWN], joined), slots)
                if slots[slot] == 0:
                    written = _write(ids, start, place, made, written, counts)
                    start, joined = place, rows[word, OWN]
                    continue
                word, start = numbers[slot], -1
            counts[word] += 1
        elif start >= 0:
            written = _write(ids, start, place, made, written, counts)
            start = -1
        made[written] = word
        written += 1
    return written, start if start >= 0 else len(ids)


@compiled
def _write(
    ids: np.ndarray, start: int, stop: int, made: np.ndarray, written: int, counts: np.ndarray
) -> int:
    for place in range(start, stop):
        made[written] = ids[place]
        counts[ids[place]] += 1
        written += 1
    return written


@compiled
def _place(entry: np.uint64, pair: np.uint64, table: np.ndarray) -> np.uint64:
    """The slot of an entry with this pair or without any, or the free one for it."""
    last = np.uint64(len(table) - 1)
    slot = slot_of(entry, table[:, ENTRY])
    while table[slot, ENTRY] != 0 and not (
        table[slot, ENTRY] == entry and (table[slot, PAIR] == pair or table[slot, PAIR] == 0)
    ):
        slot = (slot + ONE) & last
    return slot
