"""A text counted in runs: each is a piece's words, by parts of all words, and provisional ids.

The words of a run lie in a file of arrays, sorted by part: a word's part is told by its hash, so
that a part can be merged from all runs without the others. Beside it are the run's provisional ids.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import ArrayFile, map_array
from embedlayer.storage.tensors import tensors_in, write_tensors
from embedlayer.text.counting import count_blocks
from embedlayer.text.readers import Block, Shard, after_whitespace, shard_blocks
from embedlayer.text.scanner import SENTENCE_END
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.text.word_table import Words, WordTable

RUN_BYTES = 1 << 28  # of text: what bounds the words that are counted in memory
ARRAYS = {
    "letters": (np.uint8, 1),
    "offsets": (np.int64, 1),
    "counts": (np.int64, 1),
    "tags": (np.int64, 1),
    "numbers": (np.int64, 1),  # the provisional id of each word
    "bounds": (np.int64, 1),  # part p is the words bounds[p] … bounds[p + 1]
}


def count_shard(
    shard: Shard, errors: str, parts: int, folder: Path, run_bytes: int = RUN_BYTES
) -> tuple[int, int, int]:
    """Count a shard in runs, which are written as ``0.words``, ``0.ids``, ``1.words`` ….

    Args:
        shard: of a text.
        errors: as ``count_files`` takes it.
        parts: of all words.
        folder: receives the files.
        run_bytes: a run is blocks of so many bytes.

    Returns:
        The number of runs, of newlines in the shard, and of bytes of its file.

    Raises:
        Undecodable: of a line that is counted from the shard's start.
        EmbedlayerError, OSError: as ``count_files``; a full disk.
    """
    lines = run = bytes_read = 0
    blocks = shard_blocks(shard, after_whitespace)
    while (first := next(blocks, None)) is not None:
        taken = _Counted(chain([first], blocks), run_bytes)
        counted = count_blocks(iter(taken), errors, 1, None, lines=lines)
        lines, bytes_read = lines + taken.newlines, taken.bytes_read
        if counted.table is not None:
            _write_words(folder / f"{run}.words", counted.table.all_words(), parts)
        ids = ArrayFile(np.int32, folder, f"{run}.ids")
        ids.append(counted.streams[0])
        ids.close()
        run += 1
    return run, lines, bytes_read


def merge_part(runs: Iterable[Path], part: int) -> WordTable:
    """The words of a part with their counts in all runs, whose files of words these are."""
    table = WordTable()
    for path in runs:
        arrays = _arrays(path)
        start, stop = arrays["bounds"][part : part + 2].tolist()
        offsets = arrays["offsets"][start : stop + 1]
        if stop < start or (np.diff(offsets) < 0).any() or offsets[-1] > len(arrays["letters"]):
            raise EmbedlayerError(f"{path} is damaged: remove its folder, and count the text again")
        words = Words(
            arrays["tags"][start:stop].astype(np.uint64),
            arrays["counts"][start:stop].copy(),
            offsets - offsets[0],
            arrays["letters"][offsets[0] : offsets[-1]].copy(),
        )
        table.absorb_words(words)
    return table


def final_segments(
    folder: Path, runs: int, vocabulary: WordTable
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The runs of a shard as ``encode_segments`` takes them, in blocks of about a million ids.

    ``vocabulary`` has numbered the words of the vocabulary by their ids.
    """
    for run in range(runs):
        arrays = _arrays(folder / f"{run}.words")
        words = Words(
            arrays["tags"].astype(np.uint64),
            arrays["counts"],
            arrays["offsets"].copy(),
            arrays["letters"].copy(),
        )
        final = np.full(len(words.tags) + 1, SENTENCE_END, np.int32)
        final[arrays["numbers"]] = vocabulary.look_up(words)
        file = folder / f"{run}.ids"
        ids = map_array(file, np.int32, file.stat().st_size // 4)
        for start in range(0, len(ids), 1 << 20):
            yield ids[start : start + (1 << 20)], final


def numbered(vocabulary: Vocabulary) -> WordTable:
    """A table in which the words of a vocabulary, without white space, have their ids."""
    table = WordTable()
    for start in range(0, len(vocabulary), 1 << 16):
        table.scan(" ".join(vocabulary.words[start : start + (1 << 16)]).encode() + b" ")
    return table


class _Counted:
    """Blocks up to a number of bytes; the newlines in those, and what was read of the file."""

    def __init__(self, blocks: Iterator[Block], most: int) -> None:
        self._blocks, self._most = blocks, most
        self.newlines = self.bytes_read = 0

    def __iter__(self) -> Iterator[Block]:
        size = 0
        for block in self._blocks:
            yield block
            self.newlines += block.data.count(b"\n")
            self.bytes_read = block.bytes_read
            size += len(block.data)
            if size >= self._most:
                return


def _write_words(path: Path, words: Words, parts: int) -> None:
    part = ((words.tags * np.uint64(parts)) >> np.uint64(32)).astype(np.int64)
    order = np.argsort(part, kind="stable")
    tags, counts, offsets, letters = words.taken(order)
    bounds = np.searchsorted(part[order], np.arange(parts + 1))
    arrays: Sequence[np.ndarray] = (letters, offsets, counts, tags.view(np.int64), order, bounds)
    write_tensors(path, dict(zip(ARRAYS, arrays, strict=True)))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return tensors_in(map_array(path, np.uint8, path.stat().st_size).data, ARRAYS)[0]
