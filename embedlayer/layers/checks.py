"""What every layer checks of what it is given: the table, the ids and the values."""

from typing import Any

import numpy as np

from embedlayer.backend import array_module, shared, to_numpy
from embedlayer.errors import EmbedlayerError

FLOATS = (np.float16, np.float32, np.float64)
UNSIGNED = {np.dtype(np.int32): np.dtype(np.uint32), np.dtype(np.int64): np.dtype(np.uint64)}
MOST_ROWS = 2**31 - 1  # of a table: the kernels number them in int32


def checked_param(name: str, param: Any, ndim: int, *, integers: bool = False) -> Any:
    """The array of floats itself, or NumPy's or CuPy's on the memory of another library's.

    Raises:
        TypeError: no array, not ``ndim`` dimensions, or a dtype other than float16, float32,
            float64; with ``integers`` every integer dtype is good too.
    """
    param = shared(param)
    xp = array_module(param)
    if not isinstance(param, xp.ndarray):
        raise TypeError(
            f"{name} is a {type(param).__name__}: give an array of NumPy, CuPy or DLPack"
        )
    good = param.dtype in FLOATS or (integers and param.dtype.kind in "iu")
    if not good or param.ndim != ndim:
        wanted = "float16, float32, float64" + (" or integer" if integers else "")
        raise TypeError(
            f"{name} is {param.dtype} with {param.ndim} dimensions: give {wanted} with {ndim}"
        )
    if len(param) > MOST_ROWS:
        raise TypeError(f"{name} has {len(param)} rows: give at most {MOST_ROWS}")
    return param


def check_ids(ids: Any, size: int, like: Any, *, no_row: bool = False, dtype: Any = None) -> Any:
    """A copy of ``ids``, int32 or int64, each inside a table of ``size``.

    The copy is the layer's own: what happens to the given array before backward changes nothing.

    Args:
        ids: an int, nested lists of them, or an array of any integer dtype and any shape.
        size: V, the rows of the table.
        like: an array of the library that the ids must belong to, or are copied to.
        no_row: allow −1, "no row".
        dtype: of the copy; default int32 for int32, else int64.

    Raises:
        TypeError: ids that are not integers (floats, bools), or lists of different lengths.
        IndexError: an id outside the table. Negative ids are: they do not count from the end.
    """
    found = as_integers(ids, like)
    ids = found.copy() if found.dtype in UNSIGNED else found.astype(np.int64)
    if ids.size:
        # Seen as unsigned, a negative id is the largest of all: one pass, where two would take
        # half of the time of a small forward.
        shift = no_row and found.dtype.kind == "i"  # an unsigned id is no −1
        unsigned = (ids + 1 if shift else ids).view(UNSIGNED[ids.dtype])
        if int(unsigned.max()) >= size + shift:
            _refuse(to_numpy(found), -1 if no_row else 0, size)
    return ids if dtype is None else ids.astype(dtype, copy=False)


def as_integers(ids: Any, like: Any) -> Any:
    """``ids`` as an array of integers of ``like``'s library; TypeError if they are none."""
    ids = shared(ids)
    xp = array_module(like, ids)
    try:
        array = xp.asarray(ids)
    except ValueError as error:
        raise TypeError(
            f"ids must be integers, in lists of one length ({error}): for bags of different sizes "
            "give EmbeddingBag all ids in one list, and offsets, where each bag begins and the end"
        ) from None
    if array.size == 0 and not hasattr(ids, "dtype"):
        array = array.astype(np.int64)  # an empty list has no dtype of its own
    if array.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, not {array.dtype}")
    return array


def check_bags(ids: Any, offsets: Any, *, include_last: bool = True) -> tuple[Any, Any]:
    """Flat ids, (N,), and the offsets of their bags, int64, (B + 1,), a copy.

    Args:
        ids: (N,) with offsets, or (B, L), one bag a row, without.
        offsets: integers, (B + 1,), or None.
        include_last: whether the offsets have the last, N; if not, they are (B,).

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
    good = offsets.dtype.kind in "iu" or (offsets.size == 0 and not include_last)
    good = good and offsets.ndim == 1 and len(offsets) >= include_last
    offsets = offsets.astype(np.int64)
    if good and not include_last:
        offsets = xp.concatenate([offsets, xp.asarray([len(ids)], np.int64)])
    ends = good and (int(offsets[0]), int(offsets[-1]))
    # Not their differences, which may overflow.
    if ends != (0, len(ids)) or bool((offsets[1:] < offsets[:-1]).any()):
        more = "one more than there are bags" if include_last else "one for each bag"
        last = f"{len(ids)}, the number of ids"
        raise EmbedlayerError(
            f"offsets must be integers, {more}, and rise from 0 to {last}"
            + (" (include_last_offset=False takes them without the last)" if include_last else "")
        )
    return ids, offsets


def check_values(name: str, values: Any, like: Any, shape: tuple[int | None, ...]) -> Any:
    """``values`` as an array of ``like``'s library and dtype; ``None`` in ``shape`` is any size.

    Raises:
        EmbedlayerError: another shape.
        TypeError: values that the dtype cannot keep, such as floats for an integer table.
    """
    values = shared(values)
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


def check_writable(name: str, param: Any) -> None:
    """Raise EmbedlayerError for an array that cannot be written to, as ``Vectors.matrix``."""
    if not getattr(param.flags, "writeable", True):  # CuPy's arrays always can, and do not say so
        raise EmbedlayerError(
            f"{name} is read-only and cannot be trained: give the layer a copy, {name}.copy()"
        )


def check_padding(padding_idx: int | None, W: Any) -> int | None:
    """The id of the padding row, inside the table; None for none. −1 is the last, and so on."""
    if padding_idx is None:
        return None
    given = int(as_integers(padding_idx, W))
    return int(check_ids(given + len(W) if -len(W) <= given < 0 else given, len(W), W))


def _refuse(ids: np.ndarray, lowest: int, size: int) -> None:
    bad = (ids < lowest) | (ids >= size)
    place = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
    where = f" at index {place[0] if len(place) == 1 else place}" if place else ""
    note = "; negative ids do not count from the end" if ids[place] < 0 else ""
    raise IndexError(
        f"id {ids[place]}{where} is outside the table of {size} rows: "
        f"ids go from {lowest} to {size - 1}{note}"
    )
