"""Columns ``word``, ``count`` and ``vector`` of Arrow, which Parquet and Arrow files share.

Vectors are lists of D float32 (a fixed size); the metadata is JSON, in the schema's metadata under
``embedlayer``. Another program's table is read if one column alone has text, and one alone lists of
numbers; or, without lists, if several have fractions: the dimensions, each in a column.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError, extra_library, in_one_line
from embedlayer.storage.tensors import json_object
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.asked import asked_for
from embedlayer.vectors.formats.contents import Contents, ReadingOptions

ENTRY = b"embedlayer"
COUNTS = ("count", "counts", "freq", "frequency")


def pyarrow() -> ModuleType:
    """The library; MissingLibraryError where it is not installed."""
    return extra_library("pyarrow", "arrow")


def table_of(contents: Contents) -> Any:
    """The contents as a ``pyarrow.Table``; EmbedlayerError for a word that UTF-8 cannot hold."""
    pack_words(contents.words)
    pa = pyarrow()
    values = pa.array(contents.matrix.reshape(-1))
    columns = {"word": pa.array(list(contents.words), pa.large_string())}
    if contents.counts is not None:
        columns["count"] = pa.array(contents.counts)
    columns["vector"] = pa.FixedSizeListArray.from_arrays(values, contents.matrix.shape[1])
    entry = json.dumps(contents.metadata or {}, sort_keys=True)
    return pa.table(columns).replace_schema_metadata({ENTRY: entry})


def contents_of(table: Any, options: ReadingOptions) -> Contents:
    """What a table holds, as the options ask for it.

    Raises:
        EmbedlayerError: it is not clear which columns hold words and vectors, or some of them are
            missing.
    """
    words = _only("word", table, [name for name, kind in _kinds(table) if _is_text(kind)])
    text = table.column(words).to_pylist()
    if None in text:
        raise EmbedlayerError(f"row {text.index(None) + 1} has nothing in the column {words!r}")
    named = [name for name in COUNTS if name in table.column_names]
    counts = table.column(named[0]).to_numpy() if named else None
    entry = (table.schema.metadata or {}).get(ENTRY)
    metadata = {} if entry is None else json_object(entry)
    return asked_for(Contents(text, _matrix(table), counts, metadata), options)


@contextmanager
def told() -> Iterator[None]:
    """Within the block, what Arrow cannot read is an EmbedlayerError of one line."""
    try:
        yield
    except EmbedlayerError:
        raise
    except (pyarrow().ArrowException, ValueError, TypeError, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise EmbedlayerError(f"a damaged table: {in_one_line(error)}") from None


def _kinds(table: Any) -> Iterator[tuple[str, Any]]:
    """The name and the type of each column; what a dictionary holds is of its own type."""
    for field in table.schema:
        kind = field.type
        yield field.name, kind.value_type if pyarrow().types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    types = pyarrow().types
    return types.is_string(kind) or types.is_large_string(kind)


def _is_vector(kind: Any) -> bool:
    types = pyarrow().types
    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return listed and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _matrix(table: Any) -> np.ndarray:
    lists = [name for name, kind in _kinds(table) if _is_vector(kind)]
    if not lists:
        numbers = [name for name, kind in _kinds(table) if pyarrow().types.is_floating(kind)]
        if len(numbers) > 1:
            return np.stack([table.column(name).to_numpy() for name in numbers], axis=1)
    import pyarrow.compute as compute

    name = _only("vector", table, lists)
    column = table.column(name)
    sizes = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(sizes) != 1 or not sizes[0]:
        raise EmbedlayerError(f"the lists of the column {name!r} are not of one length")
    return compute.list_flatten(column).to_numpy().reshape(-1, sizes[0])


def _only(meant: str, table: Any, found: list[str]) -> str:
    """The column of that name, else the only one of its kind."""
    if meant in found:
        return meant
    if len(found) == 1 and table.column_names.count(found[0]) == 1:
        return found[0]
    raise EmbedlayerError(
        f"which column holds the {meant}s? The file has {', '.join(table.column_names)[:200]!r}: "
        "name one of text 'word' and one of lists of numbers 'vector'"
    )
