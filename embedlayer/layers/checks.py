"""What every layer checks of what it is given: the table, the ids and the values."""

from typing import Any

import numpy as np

from embedlayer.backend import array_module, to_numpy
from embedlayer.errors import EmbedlayerError


def check_param(name: str, param: Any, ndim: int, *, integers: bool = False) -> None:
    """Raise TypeError unless ``param`` is a float32 or float64 array of ``ndim`` dimensions.

    With ``integers``, every integer dtype is good too.
    """
    xp = array_module(param)
    if not isinstance(param, xp.ndarray):
        raise TypeError(f"{name} is a {type(param).__name__}: give a NumPy or CuPy array")
    good = param.dtype in (np.float32, np.float64) or (integers and param.dtype.kind in "iu")
    if not good or param.ndim != ndim:
        wanted = "float32, float64 or integer" if integers else "float32 or float64"
        raise TypeError(
            f"{name} is {param.dtype} with {param.ndim} dimensions: give {wanted} with {ndim}"
        )


def check_ids(ids: Any, size: int, like: Any, *, no_row: bool = False) -> Any:
    """``ids`` as an int32 or int64 array of ``like``'s library, each inside a table of ``size``.

    Args:
        ids: an int, nested lists of them, or an array of any integer dtype and any shape.
        size: V, the rows of the table.
        like: an array of the library that the ids must belong to, or are copied to.
        no_row: allow −1, "no row".

    Raises:
        TypeError: ids that are not integers (floats, bools).
        IndexError: an id outside the table. Negative ids are: they do not count from the end.
    """
    xp = array_module(like, ids)
    given, ids = ids, xp.asarray(ids)
    if ids.size == 0 and not hasattr(given, "dtype"):
        ids = ids.astype(np.int64)  # an empty list has no dtype of its own
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, not {ids.dtype}")
    found, ids = ids, ids if ids.dtype in (np.int32, np.int64) else ids.astype(np.int64)
    if ids.size:
        # Seen as unsigned, a negative id is the largest of all: one pass, where two would take
        # half of the time of a small forward.
        unsigned = (ids + 1 if no_row else ids).view(f"u{ids.itemsize}")
        if int(unsigned.max()) >= size + no_row:
            _refuse(to_numpy(found), -1 if no_row else 0, size)
    return ids


def check_bags(ids: Any, offsets: Any) -> tuple[Any, Any]:
    """Flat ids, (N,), and the offsets of their bags, int64, (B + 1,).

    Args:
        ids: (N,) with offsets, or (B, L), one bag a row, without.
        offsets: integers, (B + 1,), or None.

    Raises:
        EmbedlayerError: another form, or offsets that do not rise from 0 to N.
    """
    xp = array_module(ids, offsets)
    if ids.ndim == 2 and offsets is None:
        bags, size = ids.shape
        return ids.reshape(-1), xp.arange(bags + 1, dtype=np.int64) * size
    if ids.ndim != 1 or offsets is None:
        given = "without" if offsets is None else "with"
        raise EmbedlayerError(
            f"ids have shape {ids.shape} {given} offsets: give 1-D ids with, or 2-D ids without"
        )
    offsets = xp.asarray(offsets)
    good = offsets.dtype.kind in "iu" and offsets.ndim == 1 and len(offsets) > 0
    offsets = offsets.astype(np.int64, copy=False)
    ends = good and (int(offsets[0]), int(offsets[-1]))
    if ends != (0, len(ids)) or bool((xp.diff(offsets) < 0).any()):
        raise EmbedlayerError(
            f"offsets must be integers, one more than there are bags, and rise from 0 to "
            f"{len(ids)}, the number of ids"
        )
    return ids, offsets


def check_values(name: str, values: Any, like: Any, shape: tuple[int | None, ...]) -> Any:
    """``values`` as an array of ``like``'s library and dtype; ``None`` in ``shape`` is any size.

    Raises:
        EmbedlayerError: another shape.
        TypeError: values that the dtype cannot keep, such as floats for an integer table.
    """
    xp = array_module(like, values)
    values = xp.asarray(values)
    if values.ndim != len(shape) or any(
        size not in (None, found) for size, found in zip(shape, values.shape, strict=True)
    ):
        wanted = str(shape).replace("None", "any")
        raise EmbedlayerError(f"{name} has shape {values.shape}: give {wanted}")
    if values.dtype.kind not in ("biuf" if like.dtype.kind == "f" else "biu"):
        raise TypeError(
            f"{name} is {values.dtype}, which {like.dtype} parameters cannot keep: "
            f"give {name} as {like.dtype}, or make the parameters float32"
        )
    return values.astype(like.dtype, copy=False)


def check_padding(padding_idx: int | None, W: Any) -> int | None:
    """The id of the padding row, inside the table; None for none."""
    return None if padding_idx is None else int(check_ids(padding_idx, len(W), W))


def check_forward(layer: Any, kept: Any) -> None:
    """Raise EmbedlayerError if ``kept``, what a forward keeps for backward, is None."""
    if kept is None:
        raise EmbedlayerError(f"{type(layer).__name__}.backward needs a forward before it")


def _refuse(ids: np.ndarray, lowest: int, size: int) -> None:
    bad = (ids < lowest) | (ids >= size)
    place = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
    where = f" at index {place[0] if len(place) == 1 else place}" if place else ""
    note = "; negative ids do not count from the end" if ids[place] < 0 else ""
    raise IndexError(
        f"id {ids[place]}{where} is outside the table of {size} rows: "
        f"ids go from {lowest} to {size - 1}{note}"
    )
