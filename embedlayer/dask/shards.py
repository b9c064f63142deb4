"""What workers do with a text, task by task: count, merge, encode, join, check.

Each task is pure: what it writes gets its name when it is whole, and a task that is done again
finds that. Names of files pass between tasks, and never what is in them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.manifest import (
    checksum,
    file_checksum,
    read_manifest,
    write_manifest,
)
from embedlayer.storage.mapped import ArrayFile
from embedlayer.storage.tensors import write_tensors
from embedlayer.storage.writing import whole_or_nothing
from embedlayer.text.encoding import encode_segments
from embedlayer.text.readers import Shard
from embedlayer.text.runs import count_shard, final_segments, merge_part, numbered
from embedlayer.text.vocabulary import Vocabulary, frequent_enough
from embedlayer.text.word_table import WordTable

ABOUT = "about.json"
WORDS = "words.safetensors"


class Span(NamedTuple):
    """A piece of the corpus's files: its first token and sentence, how many, and checksums."""

    token: int
    sentence: int
    tokens: int
    sentences: int
    ids: int
    offsets: int


def count(place: str, shard: Shard, errors: str, parts: int) -> dict[str, Any]:
    """Count a shard into a folder; what is told of it."""

    def fill(folder: Path) -> dict[str, Any]:
        found = count_shard(Shard(*shard), errors, parts, folder)
        return dict(zip(("runs", "lines", "bytes"), found, strict=True))

    return _made(place, fill)


def merge(
    place: str, shards: list[str], part: int, min_count: int, max_size: int | None
) -> dict[str, Any]:
    """Merge the counts of a part of all words, and write those that may be in the vocabulary."""

    def fill(folder: Path) -> dict[str, Any]:
        runs = [Path(one, f"{i}.words") for one in shards for i in range(_about(one, ())["runs"])]
        table = merge_part(runs, part)
        words = table.all_words()
        kept = words.taken(frequent_enough(words.counts, min_count, max_size))
        arrays = {"words": kept.letters, "word_offsets": kept.offsets, "counts": kept.counts}
        write_tensors(folder / WORDS, arrays)
        read, most = int(words.counts.sum()), int(words.counts.max(initial=0))
        return {"tokens_read": read, "most": most, "distinct": table.size}

    return _made(place, fill)


def encode(
    place: str, shard: str, vocabulary: str, written: int, max_sentence: int
) -> dict[str, Any]:
    """Encode a counted shard, as if it were the whole text.

    ``vocabulary`` is a file that was ``written`` with that checksum.
    """

    def fill(folder: Path) -> dict[str, Any]:
        ids = ArrayFile(np.int32, folder, "ids")
        offsets = ArrayFile(np.int64, folder, "offsets")
        segments = final_segments(
            Path(shard), _about(shard)["runs"], _numbered(vocabulary, written)
        )
        encode_segments(segments, max_sentence, 1, ids, offsets)
        ids.close()
        offsets.close()
        return {"tokens": ids.size, "sentences": offsets.size - 1}

    return _made(place, fill)


def join(place: str, encoded: str, token: int, sentence: int) -> Span:
    """Write an encoded shard into the corpus's files, behind so many tokens and sentences."""
    _numbered.cache_clear()
    _about(encoded)
    ids = np.fromfile(Path(encoded, "ids"), np.int32)
    offsets = np.fromfile(Path(encoded, "offsets"), np.int64)[1:] + token
    for name, array, start in (("ids", ids, token), ("offsets", offsets, sentence + 1)):
        with open(Path(place, name), "r+b") as file:
            file.seek(start * array.itemsize)
            array.tofile(file)
    sums = checksum(ids), checksum(offsets)
    return Span(token, sentence, len(ids), len(offsets), *sums)


def check(place: str, span: Span, words: int) -> None:
    """Raise EmbedlayerError unless a piece of the corpus is as it was written."""
    token, sentence, tokens, sentences, *sums = span
    ids = np.fromfile(Path(place, "ids"), np.int32, tokens, offset=4 * token)
    offsets = np.fromfile(Path(place, "offsets"), np.int64, sentences + 1, offset=8 * sentence)
    found = [checksum(ids), checksum(offsets[1:])]
    rising = len(offsets) == sentences + 1 and (np.diff(offsets) >= 0).all()
    spanned = rising and (offsets[0], offsets[-1]) == (token, token + tokens)
    if found != sums or not spanned or ids.view(np.uint32).max(initial=0) >= words:
        raise EmbedlayerError(
            f"the corpus in {place} is damaged: remove the folder, and make it again"
        )


def _made(place: str, fill: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What a folder says of itself; it is filled first, unless it is there."""
    path = Path(place)
    if (about := read_manifest(path / ABOUT)) is not None:
        return about
    try:
        with whole_or_nothing(path, folder=True) as folder:
            about = fill(folder)
            sums = {file.name: file_checksum(file) for file in folder.iterdir()}
            write_manifest(folder / ABOUT, about | {"checksums": sums})
    except FileExistsError:
        pass  # another worker, thought to be lost, was the first
    return _about(place)


def _about(place: str, read: Sequence[str] | None = None) -> dict[str, Any]:
    """What a folder says of itself; EmbedlayerError unless its files are what was written.

    Those are all, or the files that are ``read``.
    """
    path = Path(place)
    about = read_manifest(path / ABOUT)
    sums = about["checksums"] if about else {}
    names = sums if read is None else read
    if about is None or any(file_checksum(path / name) != sums[name] for name in names):
        raise EmbedlayerError(f"{place} is damaged: remove it, and count the text again")
    return about


@lru_cache(maxsize=1)
def _numbered(path: str, written: int) -> WordTable:
    """The words of a vocabulary's file; the tasks of a process share them."""
    return numbered(Vocabulary.load(path, written))
