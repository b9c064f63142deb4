"""A counted text with its phrases joined: again a counted text, whose words they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedlayer.storage.mapped import ArrayFile
from embedlayer.storage.words import pack_words
from embedlayer.text.candidates import slots_for
from embedlayer.text.counting import CountedText
from embedlayer.text.hashes import DIVIDED, KIND, OWN
from embedlayer.text.joining import enter_pairs, join
from embedlayer.text.lanes import Lanes, rows_of
from embedlayer.text.options import Phrase


def join_phrases(
    text: Lanes,
    phrases: Sequence[Phrase],
    folder: Path | None,
) -> CountedText:
    """The text in which phrases, from left to right, are words.

    Args:
        text: the text.
        phrases: those that are joined.
        folder: where ids are written; None: the system's temporary folder.

    Raises:
        EmbedlayerError: a full disk.
    """
    size = len(text.offsets) - 1
    divided = np.flatnonzero(text.rows[:, KIND] & DIVIDED)
    known = dict(zip(text.counted.words_of(divided), divided.tolist(), strict=True))
    words = [phrase.words for phrase in phrases]
    spelt = [text.options.delimiter.join(one) for one in words]
    new = [word for word in dict.fromkeys(spelt) if word not in known]
    known.update(zip(new, range(size, size + len(new)), strict=True))
    slots, numbers = _table(words, spelt, [known[word] for word in spelt], text.options.delimiter)
    lanes = [_Joining(text, slots, numbers, size + len(new), folder) for _ in range(text.threads)]
    text.go(lanes)
    segments = sorted(
        (number, lane, start, stop)
        for lane, one in enumerate(lanes)
        for number, start, stop in one.segments
    )
    letters, offsets = pack_words(new)
    letters = np.concatenate([text.letters, letters])
    offsets = np.concatenate([text.offsets, text.offsets[-1] + offsets[1:]])
    return CountedText(
        counts=np.sum([one.counts for one in lanes], 0),
        words_of=lambda ids: _words(letters, offsets, ids),
        packed=lambda: (letters, offsets),
        streams=[one.stream.mapped() for one in lanes],
        numbers=[np.arange(size + len(new), dtype=np.int32)] * text.threads,
        segments=[segment[1:] for segment in segments],
    )


class _Joining:
    """What one thread writes, and where: its segments are (item, start, stop)."""

    def __init__(
        self, text: Lanes, slots: np.ndarray, numbers: np.ndarray, size: int, folder: Path | None
    ) -> None:
        self.rows, self.slots, self.numbers = text.rows, slots, numbers
        self.counts = np.zeros(size, np.int64)
        self.stream = ArrayFile(np.int32, folder)
        self.segments: list[tuple[int, int, int]] = []

    def __call__(self, number: int, ids: np.ndarray) -> int:
        made = np.empty(len(ids), np.int32)
        written, rest = join(ids, self.rows, self.slots, self.numbers, made, self.counts)
        start = self.stream.size
        self.stream.append(made[:written])
        self.segments.append((number, start, self.stream.size))
        return rest


def _table(
    words: Sequence[tuple[str, ...]], spelt: list[str], made: list[int], delimiter: str
) -> tuple[np.ndarray, np.ndarray]:
    """The phrases in a table that is half empty: what tells each, and the number it becomes."""
    slots = np.zeros(slots_for(len(words)), np.uint64)
    numbers = np.zeros(len(slots), np.int32)
    ends = [
        rows_of(*pack_words(one), delimiter)[:, OWN].copy()
        for one in ([one[0] for one in words], [one[-1] for one in words], spelt)
    ]
    enter_pairs(*ends, np.array(made, np.int32), slots, numbers)
    return slots, numbers


def _words(letters: np.ndarray, offsets: np.ndarray, ids: np.ndarray) -> list[str]:
    data = letters.tobytes()
    bounds = zip(offsets[ids].tolist(), offsets[ids + 1].tolist(), strict=True)
    return [data[start:end].decode() for start, end in bounds]
