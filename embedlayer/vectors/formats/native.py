"""The native format: one .safetensors file that keeps everything, and no pickle.

Tensors: ``matrix`` (float32, (V, D)), ``words`` (uint8: the words' UTF-8 bytes, joined),
``word_offsets`` (int64, (V + 1,)) and, when known, ``counts`` (int64, (V,)), ``output``
(float32, (R, D): the output table, from which training goes on), ``subwords`` (float32, (B, D): the
rows of n-grams) and ``buckets`` (int64: whose rows these are, if others were dropped). ``matrix``
and ``subwords`` may be float16. The file's metadata has the one entry ``embedlayer-vectors``: JSON
with sorted keys, holding the version of the format, the vectors' own metadata, and which n-grams
there are. (One entry, because safetensors writes several in a random order, and two files of the
same vectors are to be the same bytes.)
"""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.ngrams import Subwords
from embedlayer.storage.reading import Opened
from embedlayer.storage.tensors import begins_tensors, json_object, read_tensors, write_tensors
from embedlayer.storage.words import pack_words, unpack_words
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.subwords import SubwordRows

ENTRY = "embedlayer-vectors"
VERSION = 1
SUFFIXES = (".safetensors",)
FLOATS = np.float32, np.float16
TENSORS = {
    "matrix": (FLOATS, 2),
    "words": (np.uint8, 1),
    "word_offsets": (np.int64, 1),
    "counts": (np.int64, 1),
    "output": (np.float32, 2),
    "subwords": (FLOATS, 2),
    "buckets": (np.int64, 1),
}
OPTIONAL = ("counts", "output", "subwords", "buckets")


def begins(start: Start) -> bool:
    """As safetensors do."""
    return begins_tensors(start.data)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """All of it; only ``limit`` has a meaning where all is checked, and leaves out the output.

    Raises:
        EmbedlayerError: a damaged file, another program's, or one of a later version.
    """
    tensors, entries = read_tensors(file, TENSORS, optional=OPTIONAL)
    entry = _entry(entries)
    words = unpack_words(tensors["words"], tensors["word_offsets"])
    counts, output = tensors.get("counts"), tensors.get("output")
    matrix = tensors["matrix"].astype(np.float32, copy=False)
    subwords = _subwords(tensors, entry)
    contents = Contents(words, matrix, counts, entry["metadata"], output, subwords)
    return contents if options.limit is None else contents.first(options.limit)


def write(path: Path, contents: Contents) -> None:
    """All of it; the same vectors always make the same bytes.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold.
        OSError: a full disk, a folder that cannot be written to.
    """
    words, offsets = pack_words(contents.words)
    tensors = {"matrix": contents.matrix, "words": words, "word_offsets": offsets}
    if contents.counts is not None:
        tensors["counts"] = contents.counts
    if contents.output is not None:
        tensors["output"] = contents.output
    entry = {"version": VERSION, "metadata": contents.metadata or {}}
    if (subwords := contents.subwords) is not None:
        tensors["subwords"] = subwords.array()
        if subwords.kept is not None:
            tensors["buckets"] = subwords.kept
        entry["subwords"] = asdict(subwords.subwords)
    write_tensors(path, tensors, {ENTRY: json.dumps(entry, sort_keys=True)})


def _entry(entries: dict[str, Any]) -> dict[str, Any]:
    text = entries.get(ENTRY)
    if not isinstance(text, str):
        raise EmbedlayerError("a safetensors file, but not of embedlayer's vectors")
    entry = json_object(text)
    if entry.get("version") != VERSION:
        raise EmbedlayerError(
            f"version {entry.get('version')!r:.40} of the format, but this embedlayer reads "
            f"version {VERSION}: install the one that wrote it"
        )
    if not isinstance(entry.get("metadata"), dict):
        raise EmbedlayerError("damaged metadata: no object")
    return entry


def _subwords(tensors: dict[str, np.ndarray], entry: dict[str, Any]) -> SubwordRows | None:
    """The rows of n-grams, if there are any."""
    about = entry.get("subwords")
    if "subwords" not in tensors and about is None:
        return None
    names = {one.name for one in fields(Subwords)}
    if "subwords" not in tensors or not isinstance(about, dict) or set(about) != names:
        raise EmbedlayerError("damaged: rows of n-grams, or which n-grams there are, alone")
    return SubwordRows(Subwords(**about), tensors["subwords"], tensors.get("buckets"))
