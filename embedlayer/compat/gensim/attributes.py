"""Attributes of keys as JSON, which the metadata of a file of vectors keeps."""

from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError

ATTRIBUTES = "gensim_attributes"  # under which the metadata has all but the counts
KINDS = "biufO"  # of numbers, and objects that JSON has


def as_json(expandos: dict[str, np.ndarray]) -> dict[str, Any]:
    """All attributes but the counts: attribute → [dtype, values]."""
    return {
        attr: [str(array.dtype), array.tolist()]
        for attr, array in expandos.items()
        if attr != "count"
    }


def from_json(entry: Any, size: int) -> dict[str, np.ndarray]:
    """What :func:`as_json` was given; EmbedlayerError for what it does not make of so many keys."""
    try:
        return {attr: _array(size, *about) for attr, about in entry.items() if attr != "count"}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise EmbedlayerError(f"damaged {ATTRIBUTES}: {error!s:.100}") from None


def _array(size: int, kind: Any, values: Any) -> np.ndarray:
    if not isinstance(kind, str) or np.dtype(kind).kind not in KINDS or len(values) != size:
        raise ValueError("of each attribute a dtype and a value for each key are expected")
    array = np.empty(size, kind)
    array[:] = values
    return array
