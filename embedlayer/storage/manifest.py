"""What a folder of ours says of itself: JSON behind a digest, which shows damage to it."""

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.storage.mapped import map_array
from embedlayer.storage.writing import sync

ROWS, ROW_BYTES = 128, 8192  # of a block: 1 MiB, which stays in a core's cache


def write_manifest(path: Path, about: dict[str, Any]) -> None:
    """Write what JSON can hold, so that it is on the disk when the call returns."""
    text = json.dumps(about)
    path.write_text(f"{digest(text)}\n{text}")
    sync(path)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """What :func:`write_manifest` wrote; None where that is absent or damaged."""
    try:
        if not path.is_file():  # to open a pipe would be to wait
            return None
        first, text = path.read_text().split("\n", 1)
        return json.loads(text) if first == digest(text) else None
    except (OSError, ValueError):
        return None


def digest(*parts: Any) -> str:
    """BLAKE2b of texts, or of bytes and contiguous arrays, one behind the other: 32 hex digits."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(part.encode() if isinstance(part, str) else memoryview(part).cast("B"))
    return made.hexdigest()


def checksum(array: np.ndarray) -> int:
    """32 bits of a contiguous array's bytes, three times as fast as their CRC-32.

    It is the CRC-32 of sums: the bytes are numbers of 64 bits in blocks of 128 rows and 1,024
    columns, whose rows and columns are summed. What changes one row alone changes sums of columns,
    and what changes one column, sums of rows. What leaves all sums as they were has to change two
    rows in the same two columns, so that four numbers balance.
    """
    data, found, at = array.reshape(-1).view(np.uint8), 0, 0
    while rows := min(ROWS, (len(data) - at) // ROW_BYTES):
        block = data[at : at + rows * ROW_BYTES].view("<u8").reshape(rows, -1)
        for axis in (0, 1):
            sums = np.add.reduce(block, axis=axis, dtype=np.uint64)
            found = zlib.crc32(sums.astype("<u8", copy=False).data, found)
        at += rows * ROW_BYTES
    return zlib.crc32(data[at:].data, found)


def file_checksum(path: Path) -> int:
    """The checksum of a file; OSError where it cannot be read."""
    return checksum(map_array(path, np.uint8, path.stat().st_size))
