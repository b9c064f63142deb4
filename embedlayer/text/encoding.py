"""The second pass over a text: provisional ids become final ids and sentences, on disk."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from embedlayer.storage.mapped import ArrayFile
from embedlayer.text.counting import CountedText
from embedlayer.text.scanner import encode, split_sentences
from embedlayer.threads import in_order


def encode_text(
    counted: CountedText,
    chosen: np.ndarray,
    max_sentence: int,
    threads: int,
    ids: ArrayFile,
    offsets: ArrayFile,
) -> None:
    """Write the text's words of the vocabulary and where its sentences begin.

    Sentences are cut at ``max_sentence`` words; empty ones vanish.

    Args:
        counted: the text after the first pass.
        chosen: int64, (V,): the number in ``counted`` of each word of the vocabulary; −1 for one
            that the text has not.
        max_sentence: the longest sentence, in words of the vocabulary.
        threads: how many encode.
        ids: int32: receives the final ids.
        offsets: int64: receives the offsets of the sentences, the first 0.

    Raises:
        EmbedlayerError: a full disk.
    """
    final = np.full(len(counted.counts), -1, np.int32)
    here = chosen >= 0
    final[chosen[here]] = np.flatnonzero(here)
    finals = [np.append(final[numbers], np.int32(-1)) for numbers in counted.numbers]
    segments = (
        (counted.streams[thread][start:stop], finals[thread])
        for thread, start, stop in counted.segments
    )
    encode_segments(segments, max_sentence, threads, ids, offsets)


def encode_segments(
    segments: Iterable[tuple[np.ndarray, np.ndarray]],
    max_sentence: int,
    threads: int,
    ids: ArrayFile,
    offsets: ArrayFile,
) -> None:
    """As :func:`encode_text`, of parts of a text in their order.

    Args:
        segments: of each part the provisional ids, int32, −1 at a sentence's end; and the final id
            of each, int32, −1 for none, with −1 behind the last.
        max_sentence, threads, ids, offsets: as :func:`encode_text`.
    """

    def encode_segment(segment: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        provisional, final = segment
        part_ids = np.empty(len(provisional) + 1, np.int32)
        part_ends = np.empty(len(provisional) + 1, np.int64)
        kept, ended = encode(provisional, final, part_ids, part_ends)
        return part_ids[:kept], part_ends[:ended]

    offsets.append(np.zeros(1, np.int64))
    start = 0
    with ThreadPoolExecutor(threads) as pool:
        parts = in_order(pool, encode_segment, segments, ahead=2 * threads)
        for _, (part_ids, part_ends) in parts:
            most = len(part_ends) + (ids.size + len(part_ids) - start) // max_sentence + 1
            part_offsets = np.empty(most, np.int64)
            written, start = split_sentences(
                part_ends, start, ids.size, len(part_ids), max_sentence, part_offsets
            )
            ids.append(part_ids)
            offsets.append(part_offsets[:written])
