"""Files of models: one file of tensors under names, no pickle; and what is no such file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.compat.gensim.errors import NoAttributeError
from embedlayer.errors import EmbedlayerError
from embedlayer.storage.pickles import begins_pickle
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.tensors import json_object, read_tensors, write_tensors
from embedlayer.storage.words import pack_words, unpack_words
from embedlayer.storage.writing import whole_or_nothing
from embedlayer.vectors.files import named

ENTRY = "embedlayer-gensim-word2vec"
VERSION = 1
START_BYTES = 2
TENSORS = {
    "vectors": (np.float32, 2),
    "outputs": (np.float32, 2),
    "words": (np.uint8, 1),
    "word_offsets": (np.int64, 1),
    "counts": (np.int64, 1),
}


def is_pickle(path: str | Path) -> bool:
    """Whether a file is a pickle, as gensim's ``save`` writes; OSError for one that is missing."""
    with open_to_read(path) as file:
        return begins_pickle(file.start(START_BYTES))


def write_model(
    path: str | Path, words: list[str], arrays: dict[str, np.ndarray], about: dict[str, Any]
) -> None:
    """Write a model: ``arrays`` are the tensors of ``TENSORS``, the words aside."""
    packed, offsets = pack_words(words)
    tensors = {**arrays, "words": packed, "word_offsets": offsets}
    tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    entry = json.dumps({"version": VERSION, **about}, sort_keys=True)
    with whole_or_nothing(expanded(path)) as unfinished:
        write_tensors(unfinished, tensors, {ENTRY: entry})


def read_model(path: str | Path) -> tuple[list[str], dict[str, np.ndarray], dict[str, Any]]:
    """What :func:`write_model` was given.

    Raises:
        NoAttributeError: a file of vectors alone (also an AttributeError).
        EmbedlayerError: another file.
        OSError: a file that is missing.
    """
    with named(path), open_to_read(path) as file:
        tensors, entries = read_tensors(file, TENSORS, tuple(TENSORS))
    if not isinstance(entries.get(ENTRY), str):
        raise NoAttributeError(f"{path}: it holds no model: KeyedVectors.load reads vectors")
    with named(path):
        about = json_object(entries[ENTRY])
        if about.pop("version", None) != VERSION or tensors.keys() != TENSORS.keys():
            raise EmbedlayerError("a part is missing, or it is of a later version")
        words = unpack_words(tensors.pop("words"), tensors.pop("word_offsets"))
    return words, tensors, about
