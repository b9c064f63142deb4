"""fastText's models, .bin and .ftz: words, their vectors, and those of n-grams for unseen words.

Tables stay in the file, and a vector is made when it is asked for. What is written is a .bin that
Meta's fastText and gensim load: the row of a word is what gives its vector again, together with the
rows of its n-grams.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import file_bytes
from embedlayer.storage.reading import Opened
from embedlayer.storage.words import unpack_words
from embedlayer.storage.writing import also_compressed, open_to_write
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.fasttext_model import (
    ARGUMENTS,
    CBOW,
    HIERARCHICAL,
    MAGIC,
    NEGATIVE,
    SIZES,
    SKIPGRAM,
    SUPERVISED,
    VERSION,
    WORD,
    Arguments,
    read_model,
)
from embedlayer.vectors.formats.words import check_words, decoded, no_word
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.word_means import WordMeans

SUFFIXES = also_compressed(".fasttext.bin")
ROWS_AT_ONCE = 8192
MOST = float(np.finfo(np.float32).max)
MODELS = {"cbow": CBOW, "skipgram": SKIPGRAM, "supervised": SUPERVISED}
LOSSES = {"hierarchical": HIERARCHICAL, "negative": NEGATIVE}
# What our metadata calls fastText's arguments, and what these are where it does not say.
NAMES = {
    "window": ("ws", 5),
    "negative": ("neg", 5),
    "epochs": ("epoch", 5),
    "min_count": ("min_count", 1),
}

_log = logging.getLogger("embedlayer")


def begins(start: Start) -> bool:
    """With fastText's magic number."""
    return start.data.startswith(MAGIC.to_bytes(4, "little"))


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words, counts, arguments, the rows of n-grams; ``damaged`` has no meaning here.

    Raises:
        EmbedlayerError: a damaged file, one of another version, a word that is not UTF-8.
    """
    model = read_model(file_bytes(file))
    arguments, dictionary = model.arguments, model.dictionary
    size = dictionary.words
    offsets = dictionary.offsets[: size + 1]
    letters = dictionary.letters[: offsets[-1]]
    words = words_of(letters, offsets, options.errors)
    own = model.own()
    matrix = WordMeans(letters, offsets, own, model.subwords)
    output = None  # of labels, or of a tree that is not ours
    of_words = arguments.loss == NEGATIVE and arguments.model in (CBOW, SKIPGRAM)
    if of_words and model.output.shape == own.shape:
        output = WordMeans(letters, offsets, model.output, None)
    counts = dictionary.counts[:size] if dictionary.tokens else None
    about = _metadata(arguments, model.subwords)
    return asked_for(Contents(words, matrix, counts, about, output, model.subwords), options)


def write(path: Path, contents: Contents) -> None:
    """A .bin; the output table is zeros where it is not known, or is that of a tree.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    check_words(contents.words)
    subwords, size = contents.subwords, len(contents.words)
    buckets = 0 if subwords is None else subwords.subwords.buckets
    if subwords is not None and subwords.kept is not None:
        _log.warning(
            "%d buckets of n-grams were dropped, and are written as zeros: there the vectors of "
            "unseen words are shorter, in the same direction",
            buckets - len(subwords),
        )
    metadata = contents.metadata or {}
    dim = contents.matrix.shape[1]
    output = contents.output
    if output is None or len(output) != size or metadata.get("loss", "negative") != "negative":
        output = None
    with open_to_write(path) as stream:
        stream.write(MAGIC.to_bytes(4, "little") + VERSION.to_bytes(4, "little"))
        stream.write(ARGUMENTS.pack(*_arguments(metadata, dim, subwords)))
        _write_dictionary(stream, contents)
        stream.write(b"\0" + np.array([size + buckets, dim], "<i8").tobytes())
        for part in _own_rows(contents):
            stream.write(part.data)
        for part in () if subwords is None else _all_buckets(subwords):
            stream.write(part.data)
        stream.write(b"\0" + np.array([size, dim], "<i8").tobytes())
        for piece in _pieces(size):
            shape = piece.stop - piece.start, dim
            rows = np.zeros(shape) if output is None else output[piece]
            stream.write(np.ascontiguousarray(rows, "<f4").data)


def words_of(letters: np.ndarray, offsets: np.ndarray, errors: str) -> list[str]:
    """The words of a dictionary; EmbedlayerError for one that is not UTF-8."""
    try:
        words = unpack_words(letters, offsets)
        if all(words):
            return words
    except EmbedlayerError:
        pass  # one of them is not UTF-8
    words = []
    for row in range(len(offsets) - 1):
        word = letters[offsets[row] : offsets[row + 1]].tobytes()
        name = decoded(word, errors)
        if name is None:
            raise EmbedlayerError(f"word {row + 1}: {no_word(word)}")
        words.append(name)
    return words


def _metadata(arguments: Arguments, subwords: SubwordRows | None) -> dict[str, Any]:
    """The arguments by our names."""
    ours = {name: getattr(arguments, theirs) for name, (theirs, _) in NAMES.items()}
    models = {number: name for name, number in MODELS.items()}
    losses = {number: name for name, number in LOSSES.items()}
    about: dict[str, Any] = {
        "model": models.get(arguments.model, f"{arguments.model} of fastText's"),
        "dim": arguments.dim,
        "loss": losses.get(arguments.loss, f"{arguments.loss} of fastText's"),
        **ours,
    }
    if subwords is not None:
        about["subwords"] = asdict(subwords.subwords)
    return about | ({"sample": arguments.t} if 0 <= arguments.t <= 1 else {})


def _arguments(metadata: dict[str, Any], dim: int, subwords: SubwordRows | None) -> Arguments:
    """What fastText and gensim are told; a supervised model becomes one of skip-gram."""
    told = {theirs: _whole(metadata.get(name), usual) for name, (theirs, usual) in NAMES.items()}
    sample = metadata.get("sample")
    ngrams = None if subwords is None else subwords.subwords
    return Arguments(
        dim=dim,
        **told,
        word_ngrams=1,
        loss=NEGATIVE,
        model=CBOW if metadata.get("model") == "cbow" else SKIPGRAM,
        bucket=ngrams.buckets if ngrams else 0,
        minn=ngrams.min_n if ngrams else 0,
        maxn=ngrams.max_n if ngrams else 0,
        lr_update_rate=100,
        t=float(sample) if isinstance(sample, int | float) else 1e-4,
    )


def _whole(value: Any, usual: int) -> int:
    return value if type(value) is int and 0 < value < 2**31 else usual


def _write_dictionary(stream: BinaryIO, contents: Contents) -> None:
    """Where counts are not known each is 1, as gensim drops words of 0, and there are no tokens."""
    size, counts = len(contents.words), contents.counts
    numbers = np.ones(size, "<i8") if counts is None else counts.astype("<i8")
    tokens = 0 if counts is None else int(numbers.sum())
    stream.write(SIZES.pack(size, size, 0, tokens, -1))
    data = numbers.tobytes()
    for row, word in enumerate(contents.words):
        stream.write(b"%b\0%b%c" % (word.encode(), data[8 * row : 8 * row + 8], WORD))


def _own_rows(contents: Contents) -> Iterator[np.ndarray]:
    """float32: of each word what gives its vector, as the mean of it and the rows of n-grams."""
    for piece in _pieces(len(contents.words)):
        rows = contents.matrix[piece]
        if contents.subwords is not None:
            rows = contents.subwords.own_rows(contents.words[piece], rows)
        if np.abs(rows).max() > MOST:
            raise EmbedlayerError("the rows of words are larger than float32 holds")
        yield np.ascontiguousarray(rows, "<f4")


def _all_buckets(subwords: SubwordRows) -> Iterator[np.ndarray]:
    """float32: the row of each bucket; of one that was dropped zeros."""
    for piece in _pieces(subwords.subwords.buckets):
        if subwords.kept is None:
            yield np.ascontiguousarray(subwords.taken(piece), "<f4")
            continue
        rows = np.zeros((piece.stop - piece.start, subwords.dim), "<f4")
        first, end = np.searchsorted(subwords.kept, [piece.start, piece.stop])
        rows[subwords.kept[first:end] - piece.start] = subwords.taken(slice(first, end))
        yield rows


def _pieces(size: int) -> Iterator[slice]:
    """Slices that cover so many rows."""
    for begin in range(0, size, ROWS_AT_ONCE):
        yield slice(begin, min(begin + ROWS_AT_ONCE, size))
