"""Compiled: the candidates of some spellings taken out of a text, each once."""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.text.candidates import part_shift, slot_of
from embedlayer.text.hashes import DIVIDED, GOLDEN, KIND, ONE, OWN, pair_key

ENTRY, PAIR = 0, 1  # the columns of a table of candidates
MANY = np.uint8(255)  # at least


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
def _place(entry: np.uint64, pair: np.uint64, table: np.ndarray) -> np.uint64:
    """The slot of an entry with this pair or without any, or the free one for it."""
    last = np.uint64(len(table) - 1)
    slot = slot_of(entry, table[:, ENTRY])
    while table[slot, ENTRY] != 0 and not (
        table[slot, ENTRY] == entry and (table[slot, PAIR] == pair or table[slot, PAIR] == 0)
    ):
        slot = (slot + ONE) & last
    return slot
