"""gensim's own files: KeyedVectors, Word2Vec and FastText models, as pickles that are only read.

gensim's ``save`` writes a pickle, and arrays of 10 MB and more beside it, as ``NAME.ATTRIBUTE.npy``
(``.npz`` if the name ends in .gz or .bz2). All its layouts are read: 4.x (``index_to_key``, counts
in ``expandos``), 3.x (``index2word``, counts in ``vocab``) and before (``syn0``). Of a model the
vectors of its words are taken, of FastText's also those of n-grams, and all else is left out: the
output layer, the vectors of documents. What is written is a KeyedVectors of gensim 4, of words,
matrix and counts.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.npy import read_npy, read_npz
from embedlayer.storage.pickle_machine import Global, Made
from embedlayer.storage.pickles import begins_pickle, read_pickle
from embedlayer.storage.reading import Opened
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.ngrams import ngrams_of
from embedlayer.vectors.formats.pickled_arrays import NAMES, array_in, is_array
from embedlayer.vectors.subwords import SubwordRows

SUFFIXES = (".kv",)
WORDS = ("index_to_key", "index2word")
MATRICES = ("vectors", "syn0")
# What else a model has, which is let through though nothing asks for it: the function that hashes
# words, the counts of a text, a generator of random numbers.
OTHERS = {
    Global(module, name)
    for module in ("builtins", "__builtin__")
    for name in ("hash", "int", "long", "frozenset", "set")
} | {
    Global("collections", "defaultdict"),
    Global("UserString", "defaultdict"),  # as Python 3.4 says
    Global("numpy.random", "__RandomState_ctor"),
    Global("numpy.random._pickle", "__randomstate_ctor"),
    Global("numpy.random._pickle", "__bit_generator_ctor"),
    Global("numpy.random._mt19937", "MT19937"),
}
COMPRESSED = (".gz", ".bz2")
# The opcodes of an object of gensim's class, whose attributes follow: gensim need not be here.
HEAD = (
    pickle.PROTO + b"\x04"
    + pickle.GLOBAL + b"gensim.models.keyedvectors\nKeyedVectors\n"
    + pickle.EMPTY_TUPLE + pickle.NEWOBJ
)  # fmt: skip


def begins(start: Start) -> bool:
    """As a pickle does."""
    return begins_pickle(start.data)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words, matrix, and counts where they are known.

    Raises:
        EmbedlayerError: a damaged file, a pickle of anything else, an array of which the file is
            missing.
    """
    saved = _Saved(read_pickle(file.stream.read(), _admits), file, "")
    if "wv" in saved.attributes:
        saved = _Saved(saved.attributes["wv"], file, ".wv")
    words = next((saved.attributes[name] for name in WORDS if name in saved.attributes), None)
    if not isinstance(words, list) or not {type(word) for word in words} <= {str}:
        raise EmbedlayerError(f"a pickle of {saved.name:.80}, which has no list of words")
    subwords = _subwords(saved, words)
    matrix = _matrix(saved, words, subwords)
    contents = Contents(words, matrix, _counts(saved, words), subwords=subwords)
    return asked_for(contents, options)


def write(path: Path, contents: Contents) -> None:
    """Words, matrix and counts, as a KeyedVectors that gensim 4 loads.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold.
    """
    pack_words(contents.words)
    attributes = {
        "vector_size": contents.matrix.shape[1],
        "index_to_key": list(contents.words),
        "next_index": len(contents.words),
        "key_to_index": {word: row for row, word in enumerate(contents.words)},
        "vectors": contents.matrix,
        "norms": None,
        "expandos": {} if contents.counts is None else {"count": contents.counts},
        "mapfile_path": None,
    }
    data = memoryview(pickle.dumps(attributes, 4))
    with path.open("wb") as stream:
        stream.write(HEAD)
        stream.write(data[2:-1])  # without its PROTO and STOP
        stream.write(pickle.BUILD + pickle.STOP)


class _Saved:
    """An object that gensim saved: its attributes, in the pickle or in files beside it."""

    def __init__(self, made: Any, file: Opened, place: str) -> None:
        if not isinstance(made, Made) or not isinstance(made.state, dict):
            raise EmbedlayerError("a pickle, but of nothing that gensim saves")
        self.name = made.of.name
        self.attributes: dict[Any, Any] = made.state
        self._file = file
        self._place = place

    def array(self, name: str) -> np.ndarray | None:
        """An attribute, if it is an array; EmbedlayerError for a file that is missing."""
        value = self.attributes.get(name)
        if is_array(value):
            return array_in(value)
        apart = self.attributes.get("__numpys")
        if not isinstance(apart, list) or name not in apart:
            return None
        compressed = self._file.name.endswith(COMPRESSED)
        ending = f"{self._place}.{name}.{'npz' if compressed else 'npy'}"
        try:
            with self._file.beside(ending) as beside:
                if compressed:
                    return read_npz(beside.seekable())["val"]
                return read_npy(beside.stream.read())
        except FileNotFoundError as error:
            raise EmbedlayerError(
                f"gensim keeps its {name} in a file beside it, which is missing: {error.filename}"
            ) from None
        except KeyError:
            raise EmbedlayerError(f"{ending} does not hold the array 'val'") from None


def _admits(module: str, name: str) -> bool:
    return module.startswith("gensim.") or (module, name) in NAMES | OTHERS


def _matrix(saved: _Saved, words: list[str], subwords: SubwordRows | None) -> np.ndarray:
    found = (saved.array(name) for name in MATRICES)
    matrix = next((one for one in found if one is not None), None)
    if matrix is None:
        matrix = _means(saved, words, subwords)
    if matrix.ndim != 2 or len(matrix) != len(words):
        raise EmbedlayerError(f"{len(words)} words, but vectors of the shape {matrix.shape}")
    return matrix


def _means(saved: _Saved, words: list[str], subwords: SubwordRows | None) -> np.ndarray:
    """gensim 4 does not save what it can compute."""
    own = saved.array("vectors_vocab")
    if own is None:
        raise EmbedlayerError(f"a pickle of {saved.name:.80}, which has no vectors")
    if saved.attributes.get("compatible_hash") is not True:
        raise EmbedlayerError(
            "FastText's n-grams, hashed as gensim did before 3.7: load and save it with gensim"
        )
    if own.dtype.kind != "f" or own.ndim != 2 or len(own) != len(words):
        raise EmbedlayerError(f"{len(words)} words, but rows of them {own.shape}: damaged")
    if subwords is None:
        return own
    if own.shape[1] != subwords.dim:
        raise EmbedlayerError(f"rows {own.shape}, but n-grams of {subwords.dim}: damaged")
    means = np.array(own, np.float32)
    subwords.average(*pack_words(words), means, 1)
    return means


def _subwords(saved: _Saved, words: list[str]) -> SubwordRows | None:
    """FastText's rows of n-grams, unless they are hashed as gensim did before 3.7, or sparse."""
    table, about = saved.array("vectors_ngrams"), saved.attributes
    if table is None or about.get("compatible_hash") is not True or about.get("hash2index"):
        return None
    min_n, max_n, buckets = (about.get(name) for name in ("min_n", "max_n", "bucket"))
    if (
        not isinstance(min_n, int)
        or not isinstance(max_n, int)
        or buckets not in (None, len(table))
    ):
        return None
    if table.dtype.kind != "f" or table.ndim != 2:
        raise EmbedlayerError(f"rows of n-grams {table.shape}: damaged")
    ngrams = ngrams_of(min_n, max_n, len(table), pack_words(words)[1])
    return None if ngrams is None else SubwordRows(ngrams, table.astype(np.float32, copy=False))


def _counts(saved: _Saved, words: list[str]) -> np.ndarray | None:
    """The counts; none if gensim made them up (V, V − 1, … 1), or words were added without."""
    counts: Any = None
    expandos, vocab = saved.attributes.get("expandos"), saved.attributes.get("vocab")
    if isinstance(expandos, dict) and is_array(expandos.get("count")):
        counts = array_in(expandos["count"])
    elif isinstance(vocab, dict):
        entries = [getattr(vocab.get(word), "state", None) for word in words]
        found = [entry.get("count") if isinstance(entry, dict) else None for entry in entries]
        numbers = [int(array_in(one)) if is_array(one) else one for one in found]
        if {type(number) for number in numbers} == {int}:
            counts = np.array(numbers)
    made_up = np.arange(len(words), 0, -1)
    known = counts is not None and counts.shape == made_up.shape
    return counts if known and not np.array_equal(counts, made_up) else None
