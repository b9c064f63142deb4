"""What gensim's methods take: a key, several keys, a place among the rows, numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedlayer.compat.gensim.errors import WrongTypeError
from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import Whole
from embedlayer.vectors.checks import as_floats

MOST = 2**31


def is_key(value: object) -> bool:
    """Whether a value is one key, a string or the number of a row, and not several or a vector."""
    return isinstance(value, str | int | np.integer)


def several(keys: Any) -> list[Any]:
    """Keys as a list.

    Raises:
        WrongTypeError: what has no items (also a TypeError).
    """
    try:
        return list(keys)
    except TypeError:
        raise WrongTypeError(f"a list of keys is expected, not {shown(keys)}") from None


def bound(name: str, value: Any) -> int | None:
    """A bound of a slice, or None; EmbedlayerError for anything else."""
    return None if value is None else Whole(-MOST, MOST).checked(name, value)


def numbers(name: str, values: Any, kind: Any, shape: Sequence[int] | None = None) -> np.ndarray:
    """An array of a dtype and shape (-1: any size; None: as it is).

    Raises:
        EmbedlayerError: values that no such array holds; ``name`` is theirs.
    """
    try:
        array = as_floats(values, kind)
        return array if shape is None else array.reshape(shape)
    except (TypeError, ValueError) as error:
        expected = "numbers are expected" if shape is None else f"numbers {shape} are expected"
        raise EmbedlayerError(f"{name}: {expected}: {error!s:.80}") from None
