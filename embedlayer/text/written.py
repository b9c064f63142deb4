"""A counted text written to a file: a space between words, a line for each sentence."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from embedlayer.storage.writing import open_to_write, told_where
from embedlayer.text.counting import CountedText
from embedlayer.text.joining import renumber
from embedlayer.text.scanner import SENTENCE_END
from embedlayer.text.writing import AT_ONCE, spell, spelled_size
from embedlayer.threads import in_order

Piece = tuple[tuple[int, int, int], bool]  # a segment, and whether it begins inside a sentence


def write_text(counted: CountedText, path: str | os.PathLike[str], threads: int) -> None:
    """Write a text whole or not at all, compressed if its suffix says so.

    Raises:
        EmbedlayerError: a folder or a disk that does not take it.
    """
    letters, offsets = counted.packed()
    letters = np.append(letters, np.zeros(AT_ONCE, np.uint8))
    finals = [np.append(ids, np.int32(SENTENCE_END)) for ids in counted.numbers]

    def text_of(piece: Piece) -> np.ndarray:
        (thread, start, stop), inside = piece
        ids = np.empty(stop - start, np.int32)
        renumber(counted.streams[thread][start:stop], finals[thread], ids)
        size = spelled_size(ids, offsets, inside)
        text = np.empty(size + AT_ONCE, np.uint8)
        spell(ids, letters, offsets, inside, text)
        return text[:size]

    with (
        told_where(path) as unfinished,
        open_to_write(unfinished) as file,
        ThreadPoolExecutor(threads) as pool,
    ):
        for _, text in in_order(pool, text_of, _pieces(counted), ahead=2 * threads):
            file.write(text.data)


def _pieces(counted: CountedText) -> list[Piece]:
    inside = False
    pieces = []
    for thread, start, stop in counted.segments:
        if stop > start:
            pieces.append(((thread, start, stop), inside))
            inside = bool(counted.streams[thread][stop - 1] != SENTENCE_END)
    return pieces
