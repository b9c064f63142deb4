"""The native format: one .safetensors file that keeps everything, and no pickle.

Tensors: ``matrix`` (float32, (V, D)), ``words`` (uint8: the words' UTF-8 bytes, joined),
``word_offsets`` (int64, (V + 1,)) and, when known, ``counts`` (int64, (V,)) and ``output``
(float32, (R, D): the output table, from which training goes on). The file's metadata
has the one entry ``embedlayer-vectors``: JSON with sorted keys, holding the version of the format
and the vectors' own metadata. (One entry, because safetensors writes several in a random order,
and two files of the same vectors are to be the same bytes.)
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened
from embedlayer.storage.tensors import begins_tensors, json_object, read_tensors, write_tensors
from embedlayer.storage.words import pack_words, unpack_words
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start

ENTRY = "embedlayer-vectors"
VERSION = 1
SUFFIXES = (".safetensors",)
TENSORS = {
    "matrix": (np.float32, 2),
    "words": (np.uint8, 1),
    "word_offsets": (np.int64, 1),
    "counts": (np.int64, 1),
    "output": (np.float32, 2),
}


def begins(start: Start) -> bool:
    """As safetensors do."""
    return begins_tensors(start.data)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """All of it; only ``limit`` has a meaning where all is checked, and leaves out the output.

    Raises:
        EmbedlayerError: a damaged file, another program's, or one of a later version.
    """
    tensors, entries = read_tensors(file, TENSORS, optional=("counts", "output"))
    metadata = _metadata(entries)
    words = unpack_words(tensors["words"], tensors["word_offsets"])
    counts, output = tensors.get("counts"), tensors.get("output")
    contents = Contents(words, tensors["matrix"], counts, metadata, output)
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
    write_tensors(path, tensors, {ENTRY: json.dumps(entry, sort_keys=True)})


def _metadata(entries: dict[str, Any]) -> dict[str, Any]:
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
    return entry["metadata"]
