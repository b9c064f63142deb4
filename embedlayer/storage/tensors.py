"""Arrays under names in one file: safetensors, read with nothing believed that it says.

The format (https://github.com/huggingface/safetensors): the length of the header (uint64), the
header (JSON: of each tensor dtype, shape and place, and strings under ``__metadata__``), the bytes.
"""

import errno
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.reading import Opened

LENGTH_BYTES = 8
MOST_HEADER = 1 << 23  # bytes; parsed they take up to 40 times as many
PIECE = 1 << 22  # bytes of an array written at once
# In the order in which safetensors puts them into a file.
NAMES = {np.int64: "I64", np.float64: "F64", np.float32: "F32", np.float16: "F16", np.uint8: "U8"}

# Of each tensor dtype (a key of NAMES, or several) and dimensions.
Wanted = Mapping[str, tuple[Any, int]]


def begins_tensors(start: bytes) -> bool:
    """Whether a file that begins so is one of tensors: it has the length of a header, and a brace.

    Longer headers are not read, so that text, whose first bytes are a very large number, is none.
    """
    return start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" and _header_bytes(start) <= MOST_HEADER


def read_tensors(
    file: Opened, wanted: Wanted, optional: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As :func:`tensors_in`, of a file."""
    return tensors_in(file.stream.read(), wanted, optional)


def tensors_in(
    data: Any, wanted: Wanted, optional: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors wanted, read-only, and what the header has under ``__metadata__``.

    Args:
        data: the bytes of a file, of which the tensors are views.
        wanted, optional: of each tensor dtype and dimensions; those that may be missing.

    Raises:
        EmbedlayerError: no file of tensors, or a damaged one; a tensor that is missing, unless it
            is ``optional``, or not of the dtype and dimensions wanted.
    """
    body = LENGTH_BYTES + _header_bytes(data)
    if body > min(len(data), LENGTH_BYTES + MOST_HEADER):
        raise EmbedlayerError("damaged or no safetensors file: its header does not fit")
    header = json_object(bytes(data[LENGTH_BYTES:body]))
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, kind in wanted.items():
        if name in header:
            tensors[name] = _tensor(data, body, name, header[name], kind)
        elif name not in optional:
            raise EmbedlayerError(f"the tensor {name} is missing")
    if set(header) <= set(wanted):
        ends = [about["data_offsets"][1] for about in header.values()]
        if beyond := len(data) - body - max(ends, default=0):
            raise EmbedlayerError(f"{beyond} bytes follow the tensors")
    return tensors, metadata if isinstance(metadata, dict) else {}


def write_tensors(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write a file of tensors; OSError for a folder or a disk that does not take it.

    The bytes are the same whatever the layout of the arrays. One that is not C-contiguous, which
    safetensors would write as garbage, is written piece by piece: no copy of a large table.
    """
    if not all(array.flags.c_contiguous for array in tensors.values()):
        _write_in_pieces(path, tensors, metadata)
        return
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        code = re.search(r"(?:os error|code:) (\d+)", str(error))  # the system's, in a text
        number = int(code[1]) if code else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def _write_in_pieces(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None
) -> None:
    """As safetensors would: by dtype, then by name."""
    dtypes = [*NAMES]
    order = sorted(tensors, key=lambda name: (dtypes.index(tensors[name].dtype.type), name))
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    place = 0
    for name in order:
        array = tensors[name]
        ends = [place, place := place + array.nbytes]
        kind = NAMES[array.dtype.type]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": ends}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
        for name in order:
            array = tensors[name]
            rows = max(1, PIECE * len(array) // max(1, array.nbytes))
            for first in range(0, len(array), rows):
                file.write(np.ascontiguousarray(array[first : first + rows]).data)


def json_object(text: str | bytes) -> dict[str, Any]:
    """What a JSON object holds; EmbedlayerError for any other text, or one that is too deep."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EmbedlayerError(f"damaged JSON: {error}") from None
    if not isinstance(found, dict):
        raise EmbedlayerError(f"damaged JSON: {type(found).__name__} in the place of an object")
    return found


def _header_bytes(data: Any) -> int:
    return int.from_bytes(data[:LENGTH_BYTES], "little")


def _tensor(data: Any, body: int, name: str, about: Any, wanted: tuple[Any, int]) -> np.ndarray:
    """One tensor, once what the header says of it is known to be true."""
    try:
        dtype, shape, (first, end) = about["dtype"], about["shape"], about["data_offsets"]
        numbers = [*shape, first, end]
    except (TypeError, KeyError, ValueError):
        dtype, shape, numbers = None, (), [None]
    kinds, dimensions = wanted
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    kind = next((one for one in kinds if NAMES[one] == dtype), None)
    if kind is None or len(shape) != dimensions:
        several = " or ".join(one.__name__ for one in kinds)
        raise EmbedlayerError(f"the tensor {name} is not {several}, {dimensions}-D")
    known = all(type(number) is int and 0 <= number <= len(data) for number in numbers)
    size = np.dtype(kind).itemsize
    if not known or end - first != math.prod(shape) * size or body + end > len(data):
        raise EmbedlayerError(f"the tensor {name} is damaged or cut off: it is not in its place")
    found = np.ndarray(shape, np.dtype(kind).newbyteorder("<"), data, body + first)
    return found if found.flags.aligned and found.dtype == kind else found.astype(kind)
