"""What a folder of ours says of itself: JSON behind a digest, which shows damage to it."""

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.storage.mapped import map_array
from embedlayer.storage.writing import sync


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


def checksum(path: Path) -> int:
    """The CRC-32 of a file; OSError where it cannot be read."""
    return zlib.crc32(map_array(path, np.uint8, path.stat().st_size).data)
