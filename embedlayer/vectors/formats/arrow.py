"""Arrow's own files (IPC, which Feather is too), with the columns of :mod:`columns`."""

from pathlib import Path

import numpy as np

from embedlayer.storage.archives import check_expansion
from embedlayer.storage.reading import Opened
from embedlayer.vectors.formats.columns import contents_of, pyarrow, table_of, told
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start

SUFFIXES = (".arrow", ".feather")
MAGIC = b"ARROW1"
BATCH_ROWS = 1 << 16
LENGTH_BYTES = 8  # before a compressed buffer: how long it will be
# How buffers begin that are compressed: frames of LZ4, of Zstandard, and of either to be skipped,
# whose last four bits are free.
LZ4, ZSTANDARD, SKIPPED = 0x184D2204, 0xFD2FB528, 0x184D2A50


def begins(start: Start) -> bool:
    """With the six letters of every Arrow file."""
    return start.data.startswith(MAGIC)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words, matrix, and counts and metadata where they are there.

    Raises:
        EmbedlayerError: a damaged file, one of other columns, or one that expands as no honest
            file does; no pyarrow.
    """
    data = file.stream.read()
    ipc = pyarrow().ipc
    check_expansion(file.name, len(data), _announced(data))
    with told():
        table = ipc.open_file(pyarrow().BufferReader(data)).read_all()
        table.validate(full=True)
        return contents_of(table, options)


def write(path: Path, contents: Contents) -> None:
    """Words, matrix, counts and metadata.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold; no pyarrow.
    """
    table = table_of(contents)
    with path.open("wb") as stream, pyarrow().ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table, BATCH_ROWS)


def _announced(data: bytes) -> int:
    """Bytes that the compressed buffers say they expand to: Arrow allocates them unseen."""
    parts = np.frombuffer(data, "<u8", len(data) // LENGTH_BYTES)  # buffers begin at such places
    words = parts.view("<u4")[::2]
    begin = (words == LZ4) | (words == ZSTANDARD) | (words & ~np.uint32(15) == SKIPPED)
    return sum(parts[np.flatnonzero(begin) - 1].tolist())
