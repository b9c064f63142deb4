"""Parquet files, with the columns of :mod:`columns`: for pandas, DuckDB, Spark and their like."""

from pathlib import Path

from embedlayer.storage.archives import check_expansion
from embedlayer.storage.reading import Opened
from embedlayer.vectors.formats.columns import contents_of, pyarrow, table_of, told
from embedlayer.vectors.formats.contents import Contents, ReadingOptions, Start

SUFFIXES = (".parquet",)
MAGIC = b"PAR1"
GROUP_ROWS = 1 << 16
# Rows whose size is checked before more are read. (What a column announces of itself is not asked
# for: pyarrow 26 ends the process where that is damaged.)
BATCH_ROWS = 1 << 12


def begins(start: Start) -> bool:
    """With the four letters of every Parquet file."""
    return start.data.startswith(MAGIC)


def read(file: Opened, options: ReadingOptions) -> Contents:
    """Words, matrix, and counts and metadata where they are there.

    Raises:
        EmbedlayerError: a damaged file, one of other columns, or one that expands as no honest
            file does; no pyarrow.
    """
    buffer = pyarrow().py_buffer(file.stream.read())
    with told():
        from pyarrow.parquet import ParquetFile

        parquet = ParquetFile(pyarrow().BufferReader(buffer))
        batches, rows, size = [], 0, 0
        for batch in parquet.iter_batches(BATCH_ROWS):
            batches.append(batch)
            rows, size = rows + len(batch), size + batch.nbytes
            check_expansion(file.name, len(buffer), size)
            if options.limit is not None and rows >= options.limit:
                break
        whole = pyarrow().Table.from_batches(batches, parquet.schema_arrow)
        return contents_of(whole, options)


def write(path: Path, contents: Contents) -> None:
    """Words, matrix, counts and metadata.

    Raises:
        EmbedlayerError: a word that UTF-8 cannot hold; no pyarrow.
    """
    table = table_of(contents)
    from pyarrow.parquet import write_table

    with path.open("wb") as stream:
        write_table(table, stream, row_group_size=GROUP_ROWS, use_dictionary=False)
