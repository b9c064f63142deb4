"""Compiled: ids renumbered, and phrases joined in them."""

import numpy as np

from embedlayer.storage.compiled import compiled
from embedlayer.text.candidates import slot_of
from embedlayer.text.hashes import CONNECTOR, KIND, OWN, followed, pair_key
from embedlayer.text.scanner import SENTENCE_END


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
