"""Arrays in NumPy's own files, .npy and .npz: numbers and text, viewed in place, and no pickle.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import lzma
import math
import os
import re
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from embedlayer.errors import EmbedlayerError, in_one_line
from embedlayer.storage.archives import check_expansion

ZIP = b"PK\x03\x04"
ENDING = ".npy"  # of the name of each array in an archive
MOST_HEADER = 10_000  # bytes: so much NumPy parses, too
MOST_AXES, MOST_SIZE = 32, 1 << 40
NUMBERS = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)")
TEXT = re.compile(r"[<>|=]?[SU][1-9]\d{0,8}")
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, OSError,
    ValueError, TypeError, KeyError, IndexError, RuntimeError, SyntaxError, MemoryError,
    tokenize.TokenError,
)  # fmt: skip


def array_of(data: Any, dtype: str, shape: Sequence[Any], fortran: bool = False) -> np.ndarray:
    """A read-only view of bytes as an array.

    Args:
        data: the bytes of all elements, and no more.
        dtype: as NumPy writes it in a header, such as "<f4".
        shape, fortran: of the array, and whether its first axis runs fastest.

    Raises:
        EmbedlayerError: a dtype that is neither of numbers nor of text, a shape of another size.
    """
    if not (isinstance(dtype, str) and (NUMBERS.fullmatch(dtype) or TEXT.fullmatch(dtype))):
        raise EmbedlayerError(f"an array of {dtype!s:.40}: numbers or words are expected")
    view = memoryview(data).cast("B").toreadonly()
    known = all(type(size) is int and 0 <= size < MOST_SIZE for size in shape)
    kind = np.dtype(dtype)
    fits = known and len(shape) <= MOST_AXES and math.prod(shape) * kind.itemsize == len(view)
    if not fits or math.prod(map(float, filter(None, shape))) > MOST_SIZE:  # (0, 2⁴⁰, 2⁴⁰), too
        raise EmbedlayerError(f"an array {shape!s:.60} of {dtype} in {len(view)} bytes: damaged")
    return np.ndarray(tuple(shape), kind, view, order="F" if fortran else "C")


def read_npy(data: Any) -> np.ndarray:
    """The array of a .npy file, a view of its bytes; EmbedlayerError for any damage."""
    start = io.BytesIO(data[: MOST_HEADER + 16])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header that Python 2 wrote
            if np.lib.format.read_magic(start)[0] == 1:
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(start, MOST_HEADER)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(start, MOST_HEADER)
    except DAMAGE as error:
        raise EmbedlayerError(f"no .npy file, or a damaged one: {in_one_line(error)}") from None
    if dtype.hasobject:
        raise EmbedlayerError("a pickled array, which is not read: it could execute anything")
    return array_of(memoryview(data)[start.tell() :], dtype.str, shape, fortran)


def read_npz(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of a .npz file, by name, without those that hold pickled objects.

    Raises:
        EmbedlayerError: a damaged file, or one that expands as no honest file does.
    """
    arrays = {}
    size, made = file.seek(0, os.SEEK_END), 0
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if not entry.filename.endswith(ENDING):
                    raise EmbedlayerError(
                        f"a zip archive that holds {entry.filename!r:.60}, no .npz file: unpack it"
                    )
                made += entry.file_size  # of all: many entries may share the same bytes
                check_expansion("the archive", size, made)
                name = entry.filename.removesuffix(ENDING)
                arrays[name] = read_npy(archive.read(entry))
    except EmbedlayerError:
        raise
    except DAMAGE as error:
        raise EmbedlayerError(f"no .npz file, or a damaged one: {in_one_line(error)}") from None
    return arrays
