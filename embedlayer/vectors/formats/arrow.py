"""Arrow's own files (IPC, which Feather is too), with the columns of :mod:`columns`."""

import re
from pathlib import Path

from embedlayer.storage.archives import check_expansion
from embedlayer.storage.reading import Opened
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.columns import contents_of, pyarrow, table_of, told
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start

SUFFIXES = (".arrow", ".feather")
MAGIC = b"ARROW1"
BATCH_ROWS = 1 << 16
LENGTH_BYTES = 8  # before a compressed buffer: how long it will be
# How buffers begin that are compressed: frames of LZ4, of Zstandard, and of either to be skipped.
FRAME = re.compile(rb'\x04"M\x18|\x28\xb5\x2f\xfd|[\x50-\x5f]\x2aM\x18')


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
        return asked_for(contents_of(table), options)


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
    places = (found.start() for found in FRAME.finditer(data))
    lengths = [data[place - LENGTH_BYTES : place] for place in places if place % LENGTH_BYTES == 0]
    return sum(int.from_bytes(length, "little") for length in lengths)
