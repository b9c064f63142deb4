"""The arrays of a state in files: all in one, or the tables in slices, written at the same time."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.kernels.arguments import Tables
from embedlayer.storage.manifest import file_checksum
from embedlayer.storage.mapped import map_array
from embedlayer.storage.tensors import tensors_in, write_tensors
from embedlayer.storage.writing import sync
from embedlayer.training.state import State

TABLES = dict.fromkeys(Tables._fields, (np.float32, 2))
OPTIONAL = {"sums": (np.float64, 2), "rates": (np.float32, 1)}
SLICE = "slice-"


def arrays_of(state: State, tables: bool) -> dict[str, np.ndarray]:
    """The arrays of a state, by name, with or without the tables."""
    arrays = state.tables._asdict() if tables else {}
    arrays |= {name: getattr(state, name) for name in OPTIONAL if getattr(state, name) is not None}
    for name, names in optimizer_names(state).items():
        if isinstance(names, list):
            arrays |= zip(names, state.optimizer[name], strict=True)
    return {name: np.ascontiguousarray(to_numpy(array)) for name, array in arrays.items()}


def optimizer_names(state: State) -> dict[str, Any]:
    """The optimizer's state, with the names of arrays in the place of these."""
    return {
        name: [f"optimizer.{name}.{i}" for i in range(len(value))]
        if isinstance(value, list)
        else value
        for name, value in state.optimizer.items()
    }


def write_slice(folder: Path, tables: Tables, part: int, parts: int) -> tuple[str, int]:
    """Write one of so many parts of the rows of both tables, so that it is on the disk.

    Returns:
        The file's name, and its checksum.

    Raises:
        OSError: the folder or the disk does not take it.
    """
    path = folder / f"{SLICE}{part + 1}-of-{parts}.safetensors"
    rows = (
        table[len(table) * part // parts : len(table) * (part + 1) // parts] for table in tables
    )
    write_tensors(path, dict(zip(TABLES, rows, strict=True)))
    sync(path)
    return path.name, file_checksum(path)


def slices_among(names: Iterable[str]) -> list[str]:
    """The names of slices, in the order of their rows."""
    found = [name for name in names if name.startswith(SLICE)]
    return sorted(found, key=lambda name: int(name.removeprefix(SLICE).split("-")[0]))


def map_arrays(path: Path, optimizer: dict[str, Any], tables: bool) -> dict[str, np.ndarray]:
    """The arrays of a file of a state, by name: its pages, read-only.

    Args:
        path: of the file.
        optimizer: what it has of an optimizer, as :func:`optimizer_names` has it.
        tables: it has the tables, too.

    Raises:
        EmbedlayerError, OSError: it has not, or is damaged.
    """
    names = [name for value in optimizer.values() if isinstance(value, list) for name in value]
    wanted = dict.fromkeys(names, (np.float32, 2)) | OPTIONAL | (TABLES if tables else {})
    data = map_array(path, np.uint8, path.stat().st_size).data
    return tensors_in(data, wanted, optional=tuple(OPTIONAL))[0]
