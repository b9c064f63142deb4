"""A model of fastText's, as its bytes say it: arguments, dictionary and tables, left in the file.

All numbers are little-endian. Magic and version (int32); twelve int32 and a double of arguments;
entries, words and labels (int32), tokens and dropped buckets (int64; −1 for none dropped); the
dictionary; of the buckets that are left, if others were dropped, the number of each and its row
(int32 both); then the input and the output table, each behind a byte that says if it is codes.

A table is its rows and columns (int64) and float32 numbers. One of codes is a byte, if lengths are
apart; rows, columns (int64), the number of codes (int32), the codes; the quantizer; and, if lengths
are apart, their codes and quantizer. A quantizer is four int32 (dimensions, parts, dimensions of a
part and of the last one) and the centroids, 256 of each dimension.
"""

import struct
from typing import Any, NamedTuple

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.checks import read_only
from embedlayer.vectors.formats.ngrams import ngrams_of
from embedlayer.vectors.quantized import CENTROIDS, Quantized
from embedlayer.vectors.subwords import SubwordRows

MAGIC, VERSION, VERSIONS = 793712314, 12, (11, 12)
ARGUMENTS = struct.Struct("<12id")
SIZES = struct.Struct("<3i2q")
CBOW, SKIPGRAM, SUPERVISED = 1, 2, 3
HIERARCHICAL, NEGATIVE = 1, 2
WORD, LABEL = 0, 1
BEHIND = 10  # bytes of an entry behind its word


class Arguments(NamedTuple):
    """What the model was trained with, by fastText's names."""

    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    word_ngrams: int
    loss: int
    model: int
    bucket: int
    minn: int
    maxn: int
    lr_update_rate: int
    t: float


class Dictionary(NamedTuple):
    """The V words, and behind them the labels of a classifier.

    Attributes:
        words: V.
        letters, offsets: words and labels as ``pack_words`` packs them; any bytes but NUL.
        counts: int64: how often each was seen.
        tokens: of the text; 0 where the counts are not known.
        kept: int32, (K, 2): the buckets whose rows were kept and these; None where all were.
    """

    words: int
    letters: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    tokens: int
    kept: np.ndarray | None


class Model(NamedTuple):
    """A model: its tables are arrays in the file, or ``Quantized``.

    Attributes:
        table: the input table: the rows of the words, and of n-grams behind them.
        subwords: the rows of n-grams by themselves, if there are any.
        output: the output table: a row for each word, label, or node of a tree.
    """

    arguments: Arguments
    dictionary: Dictionary
    table: Any
    subwords: SubwordRows | None
    output: Any

    def own(self) -> Any:
        """The rows of the V words, (V, D)."""
        return _part(self.table, slice(self.dictionary.words))


class Cursor:
    """What is read of a file's bytes, one after the other, and never beyond their end."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.place = data, 0

    def take(self, dtype: Any, *shape: int) -> np.ndarray:
        """The next numbers, a view of the file; EmbedlayerError where it has not so many."""
        size = np.dtype(dtype).itemsize
        for axis in shape:
            size *= axis  # Python's, of any size
        left = len(self.data) - self.place
        if min(shape) < 0 or size > left or max(shape) > len(self.data):  # (2⁶², 0), too
            raise EmbedlayerError(f"the file ends inside a table {shape}: damaged or cut off")
        found = np.ndarray(shape, dtype, self.data, self.place)
        self.place += size
        return found

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(np.uint8, layout.size).tobytes())

    def number(self, dtype: Any) -> int:
        return int(self.take(dtype, 1)[0])

    def flag(self) -> bool:
        """A byte that is 0 or 1."""
        value = self.number("u1")
        if value > 1:
            raise EmbedlayerError(f"{value} in the place of a yes or no: damaged")
        return value == 1


def read_model(data: np.ndarray) -> Model:
    """The model in a file's bytes, uint8; its tables are views of them.

    Raises:
        EmbedlayerError: of another version, or damaged.
    """
    cursor = Cursor(data)
    magic, version = cursor.number("<i4"), cursor.number("<i4")
    if magic != MAGIC or version not in VERSIONS:
        raise EmbedlayerError(
            f"version {version} of fastText's models: versions {VERSIONS[0]} and {VERSIONS[1]} are "
            "read"
        )
    arguments = Arguments(*cursor.unpack(ARGUMENTS))
    if version == VERSIONS[0] and arguments.model == SUPERVISED:
        arguments = arguments._replace(maxn=0)  # such models had none, whatever they say
    dictionary = _read_dictionary(cursor)
    words, quantized = dictionary.words, cursor.flag()
    table = _read_codes(cursor) if quantized else _read_table(cursor)
    if table.shape[1] != arguments.dim or len(table) < words or words == 0:
        raise EmbedlayerError(
            f"a table {table.shape} for {words} words of {arguments.dim} dimensions: damaged"
        )
    if dictionary.kept is not None and not quantized:
        raise EmbedlayerError("n-grams were dropped, but the table is not of codes: damaged")
    coded = cursor.flag() and quantized
    output: Any = _read_codes(cursor) if coded else _read_table(cursor)
    return Model(arguments, dictionary, table, _subwords(arguments, dictionary, table), output)


def _read_dictionary(cursor: Cursor) -> Dictionary:
    from embedlayer.vectors.formats.entries import join_words, read_entries

    size, words, labels, tokens, kept = cursor.unpack(SIZES)
    left = (len(cursor.data) - cursor.place) // BEHIND
    if not (0 <= words <= size == words + labels <= left):
        raise EmbedlayerError(f"{size} entries, {words} words, {labels} labels: damaged or cut off")
    starts, ends, counts = np.empty((3, size), np.int64)
    types = np.empty(size, np.uint8)
    whole, cursor.place = read_entries(
        cursor.data, cursor.place, BEHIND, starts, ends, counts, types
    )
    if whole < size:
        raise EmbedlayerError(f"the file ends inside word {whole + 1} of {size}: cut off")
    if (types[:words] != WORD).any() or (types[words:] != LABEL).any() or counts.min(initial=0) < 0:
        raise EmbedlayerError("words and labels are mixed, or counts are negative: damaged")
    offsets = np.zeros(size + 1, np.int64)
    np.cumsum(ends - starts, out=offsets[1:])
    letters = np.empty(offsets[-1], np.uint8)
    join_words(cursor.data, starts, ends, offsets, letters)
    pairs = cursor.take("<i4", kept, 2) if kept >= 0 else None
    return Dictionary(words, read_only(letters), offsets, counts, tokens, pairs)


def _read_table(cursor: Cursor) -> np.ndarray:
    rows, columns = cursor.number("<i8"), cursor.number("<i8")
    return cursor.take("<f4", rows, columns)


def _read_codes(cursor: Cursor) -> Quantized:
    apart = cursor.flag()
    rows, columns, size = cursor.number("<i8"), cursor.number("<i8"), cursor.number("<i4")
    parts = size // rows if rows > 0 else 0
    if rows < 0 or size != rows * parts:
        raise EmbedlayerError(f"{size} codes for {rows} rows: damaged")
    codes = cursor.take(np.uint8, rows, parts)
    centroids, part = _read_quantizer(cursor, columns)
    if not apart:
        return Quantized(codes, centroids, part, None)
    numbers = cursor.take(np.uint8, rows)
    lengths, _ = _read_quantizer(cursor, 1)
    return Quantized(codes, centroids, part, lengths[numbers])


def _read_quantizer(cursor: Cursor, dim: int) -> tuple[np.ndarray, int]:
    """The centroids, (256 · D,), and the dimensions of a part."""
    found, _, part, _ = cursor.take("<i4", 4).tolist()
    if found != dim or dim < 1:
        raise EmbedlayerError(f"codes of {found} dimensions for {dim}: damaged")
    return np.array(cursor.take("<f4", dim * CENTROIDS)), part


def _subwords(arguments: Arguments, dictionary: Dictionary, table: Any) -> SubwordRows | None:
    """The rows behind those of the words, where the model has n-grams."""
    words, kept = dictionary.words, dictionary.kept
    starts = dictionary.offsets[: words + 1]
    subwords = ngrams_of(arguments.minn, arguments.maxn, arguments.bucket, starts)
    if subwords is None:
        return None
    if kept is None:
        return SubwordRows(subwords, _part(table, slice(words, None)))
    rising = np.argsort(kept[:, 0], kind="stable")
    rows = kept[rising, 1].astype(np.int64)
    if len(rows) and (rows.min() < 0 or rows.max() >= len(table) - words):
        raise EmbedlayerError("the row of an n-gram lies beyond the table: damaged")
    return SubwordRows(subwords, _part(table, words + rows), kept[rising, 0])


def _part(table: Any, rows: Any) -> Any:
    """Some rows of a table, and of one of codes their codes: nothing is made of them yet."""
    return table.table_of(rows) if isinstance(table, Quantized) else table[rows]
