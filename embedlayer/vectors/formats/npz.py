"""NumPy's .npz: ``words``, ``vectors``, ``counts`` and ``metadata`` (JSON), for ``np.load``.

Words are an array of text, so that no pickle is needed; NumPy gives each the room of the longest.
Another program's file is read if one array alone can be the words, and one alone the vectors.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.npy import ZIP, read_npz
from embedlayer.storage.reading import Opened
from embedlayer.storage.tensors import json_object
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start
from embedlayer.vectors.formats.words import cannot_keep

SUFFIXES = (".npz",)
COUNTS = ("counts", "count")
MOST_TEXT = 1 << 32  # bytes of the array of words


def begins(start: Start) -> bool:
    """As a zip archive does."""
    return start.data.startswith(ZIP)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words and matrix; counts and metadata where they are there.

    Raises:
        EmbedlayerError: a damaged file, one with pickled objects, or one of which it is not clear
            what are the words and what the vectors.
    """
    arrays = read_npz(file.seekable())
    text = _only(arrays, "words", lambda array: array.ndim == 1 and array.dtype.kind in "US")
    matrix = _only(arrays, "vectors", lambda array: array.ndim == 2 and array.dtype.kind in "fiu")
    counts = next((arrays[name] for name in COUNTS if name in arrays), None)
    metadata = arrays.get("metadata")
    try:
        words = (
            [word.decode() for word in text.tolist()] if text.dtype.kind == "S" else text.tolist()
        )
        known = metadata is not None and metadata.shape == () and metadata.dtype.kind == "U"
        entries = json_object(str(metadata)) if known else {}
    except ValueError:  # of characters that there are not, too
        raise EmbedlayerError("the words, or the metadata, are no text: damaged") from None
    if len(words) != len(matrix):
        raise EmbedlayerError(f"{len(words)} words, but {len(matrix)} vectors")
    return asked_for(Contents(words, matrix, counts, entries), options)


def write(path: Path, contents: Contents) -> None:
    """Words, matrix, counts and metadata.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold, or that ends in a NUL, which NumPy drops;
            a word so long that all of them would take gigabytes.
    """
    pack_words(contents.words)
    _check_words(contents)
    arrays: dict[str, Any] = {"words": np.array(contents.words), "vectors": contents.matrix}
    if contents.counts is not None:
        arrays["counts"] = contents.counts
    if contents.metadata:
        arrays["metadata"] = np.array(json.dumps(contents.metadata, sort_keys=True))
    # As np.savez does, but without the time in it; and closed whatever happens.
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _only(arrays: dict[str, np.ndarray], name: str, fits: Any) -> np.ndarray:
    """The array of the name, else the only one that fits."""
    found = [key for key, array in arrays.items() if fits(array)]
    if name in found:
        return arrays[name]
    if len(found) == 1:
        return arrays[found[0]]
    raise EmbedlayerError(
        f"which array holds the {name}? The file has {', '.join(arrays)[:200] or 'none'}: save it "
        "as np.savez(file, words=..., vectors=...), words as an array of text and not of objects"
    )


def _check_words(contents: Contents) -> None:
    for word in contents.words:
        if word.endswith("\0"):
            raise cannot_keep(word, "ends in a NUL")
    longest = max(contents.words, key=len)
    if 4 * len(longest) * len(contents.words) > MOST_TEXT:
        raise EmbedlayerError(
            f"the word {longest[:40]!r}… has {len(longest)} characters, and NumPy keeps each of "
            f"{len(contents.words)} words in as much room: use the native format (.safetensors)"
        )
