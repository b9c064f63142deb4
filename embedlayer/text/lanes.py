"""A counted text once more, sentence by sentence, on threads: each goes through a part of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np

from embedlayer.storage.words import pack_words
from embedlayer.text.counting import CountedText
from embedlayer.text.hashes import CONNECTOR, KIND, OWN, spelling_hashes
from embedlayer.text.joining import first_end, renumber
from embedlayer.text.options import PhraseOptions
from embedlayer.text.scanner import SENTENCE_END

MOST_LANES = 8  # each has tables of words and of candidates
Segment = tuple[int, int, int]  # thread, start and stop of a part of a stream
Lane = Callable[[int, np.ndarray], int]


def rows_of(letters: np.ndarray, offsets: np.ndarray, delimiter: str) -> np.ndarray:
    """What is known of the spelling of words: uint64, (M, 4), as ``spelling_hashes`` fills it."""
    rows = np.zeros((len(offsets) - 1, 4), np.uint64)
    between = np.frombuffer(delimiter.encode(), np.uint8)
    spelling_hashes(np.array(letters), np.array(offsets), between.copy(), rows)
    return rows


class Lanes:
    """A counted text, whose sentences are dealt to threads.

    Args:
        counted: the text.
        options: what phrases are.
        threads: at most so many are used.

    Attributes:
        counted, options: as given.
        threads: how many walk.
        letters, offsets: uint8 and int64, (M + 1,): the words.
        rows: uint64, (M, 4): what is known of their spelling.
        items: parts of the streams that are whole sentences, in the order of the text.
    """

    def __init__(self, counted: CountedText, options: PhraseOptions, threads: int) -> None:
        self.counted, self.options = counted, options
        self.threads = min(threads, MOST_LANES)
        self.letters, self.offsets = counted.packed()
        self.rows = rows_of(self.letters, self.offsets, options.delimiter)
        known = rows_of(*pack_words(options.connectors), options.delimiter)[:, OWN]
        self.rows[np.isin(self.rows[:, OWN], known), KIND] |= CONNECTOR
        self.items = _whole_sentences(counted)
        self._numbers = [np.append(ids, np.int32(SENTENCE_END)) for ids in counted.numbers]

    def go(self, lanes: Sequence[Lane]) -> None:
        """Give the text to the lanes, a thread for each.

        Args:
            lanes: each is called with the number of an item, rising, and some of its ids, int32,
                −1 at a sentence's end; it returns the place from which on it wants them once more,
                with what follows.
        """

        ended = Event()

        def walk(lane: int) -> None:
            for number in range(lane, len(self.items), len(lanes)):
                if ended.is_set():
                    return
                rest = np.empty(0, np.int32)
                for thread, start, stop in self.items[number]:
                    ids = np.empty(len(rest) + stop - start, np.int32)
                    ids[: len(rest)] = rest
                    part = self.counted.streams[thread][start:stop]
                    renumber(part, self._numbers[thread], ids[len(rest) :])
                    rest = ids[lanes[lane](number, ids) :]

        with ThreadPoolExecutor(len(lanes)) as pool:
            try:
                list(pool.map(walk, range(len(lanes))))
            except BaseException:  # Ctrl-C, a full disk: the others need not go on
                ended.set()
                raise


def _whole_sentences(counted: CountedText) -> list[list[Segment]]:
    """The segments of a text, cut behind a sentence each, so that every item ends with one."""
    items: list[list[Segment]] = []
    begun: list[Segment] = []
    for thread, start, stop in counted.segments:
        end = start + first_end(counted.streams[thread][start:stop])
        if end > start:
            items.append([*begun, (thread, start, end)])
            begun = []
        if end < stop:
            begun.append((thread, end, stop))
    return [*items, begun] if begun else items
