"""The native format: one .safetensors file that keeps everything, and no pickle.

Tensors: ``matrix`` (float32, (V, D)), ``words`` (uint8: the words' UTF-8 bytes, joined),
``word_offsets`` (int64, (V + 1,)) and, when known, ``counts`` (int64, (V,)). The file's metadata
has the one entry ``embedlayer-vectors``: JSON with sorted keys, holding the version of the format
and the vectors' own metadata. (One entry, because safetensors writes several in a random order,
and two files of the same vectors are to be the same bytes.)
"""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.words import pack_words, unpack_words
from embedlayer.vectors.formats.contents import Contents, Start

ENTRY = "embedlayer-vectors"
VERSION = 1
SUFFIXES = (".safetensors",)
TENSORS = {
    "matrix": (np.float32, 2),
    "words": (np.uint8, 1),
    "word_offsets": (np.int64, 1),
    "counts": (np.int64, 1),
}


def begins(start: Start) -> bool:
    """As safetensors do: the length of the JSON header, then a brace."""
    length = int.from_bytes(start.raw[:8], "little")
    return start.raw[8:9] == b"{" and 8 + length <= start.size


def read(path: Path) -> Contents:
    """Words, matrix, counts and metadata.

    Raises:
        EmbedlayerError: a damaged file, another program's, or one of a later version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = _metadata(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise EmbedlayerError(f"a damaged safetensors file: {error}") from None
    for name, (dtype, dimensions) in TENSORS.items():
        if name not in tensors and name != "counts":
            raise EmbedlayerError(f"the tensor {name} is missing")
        if name in tensors and (tensors[name].dtype, tensors[name].ndim) != (dtype, dimensions):
            raise EmbedlayerError(f"the tensor {name} is not {dtype.__name__}, {dimensions}-D")
    words = unpack_words(tensors["words"], tensors["word_offsets"])
    return Contents(words, tensors["matrix"], tensors.get("counts"), metadata)


def write(path: Path, contents: Contents) -> None:
    """Words, matrix, counts and metadata; the same vectors always make the same bytes.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold.
        OSError: a full disk, a folder that cannot be written to.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    words, offsets = pack_words(contents.words)
    tensors = {"matrix": contents.matrix, "words": words, "word_offsets": offsets}
    if contents.counts is not None:
        tensors["counts"] = contents.counts
    entry = {"version": VERSION, "metadata": contents.metadata or {}}
    try:
        save_file(tensors, path, {ENTRY: json.dumps(entry, sort_keys=True)})
    except SafetensorError as error:
        code = re.search(r"os error (\d+)", str(error))  # of the system, in the library's text
        number = int(code[1]) if code else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def _metadata(entries: dict[str, str]) -> dict[str, Any]:
    if ENTRY not in entries:
        raise EmbedlayerError("a safetensors file, but not of embedlayer's vectors")
    try:
        entry = json.loads(entries[ENTRY])
        version, metadata = entry["version"], entry["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise EmbedlayerError(f"damaged metadata: {error!r}") from None
    if version != VERSION:
        raise EmbedlayerError(
            f"version {version} of the format, but this embedlayer reads version {VERSION}: "
            "install the one that wrote it"
        )
    return metadata
