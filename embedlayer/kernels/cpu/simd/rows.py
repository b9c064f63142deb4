"""Rows as vectors of sixteen columns: read, written, added to and copied by address.

``masked`` is True where a row may end inside its last vector. It is None, which has a type of its
own, where all rows consist of whole vectors: numba then compiles a function without masks.
"""

from typing import NamedTuple

from numba.core import types
from numba.extending import overload

from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    LINE,
    broadcast,
    load,
    load_address,
    load_first,
    prefetch,
    store,
    store_first,
)
from embedlayer.kernels.cpu.simd.vector import LANES
from embedlayer.storage.compiled import compiled


class Columns(NamedTuple):
    """The columns of a row that one vector holds."""

    byte: int  # where they begin in a row
    count: int | None  # how many there are; None: sixteen


@compiled
def columns_from(d, dim, masked):
    """The columns from d on of rows of ``dim`` columns."""
    return Columns(d * FLOAT, _count(dim - d, masked))


@compiled
def read(row, columns):
    return _load(row + columns.byte, columns.count)


@compiled
def write(row, columns, vector):
    _store(row + columns.byte, columns.count, vector)


@compiled
def add(row, columns, vector):
    write(row, columns, read(row, columns) + vector)


# What depends on a type is chosen when a function is compiled: whether numba removes a branch on
# None differs from one version of Python to the next.


def _count(left, masked):
    """How many columns a vector holds, of those that are left; None: sixteen."""


@overload(_count)
def _choose_count(left, masked):
    if isinstance(masked, types.NoneType):
        return lambda left, masked: None
    return lambda left, masked: min(LANES, left)


def _load(address, count):
    """The vector at an address: its first ``count`` columns, or all."""


@overload(_load)
def _choose_load(address, count):
    if isinstance(count, types.NoneType):
        return lambda address, count: load(address)
    return lambda address, count: load_first(address, count)


def _store(address, count, vector):
    """Write the first ``count`` columns of a vector to an address, or all."""


@overload(_store)
def _choose_store(address, count, vector):
    if isinstance(count, types.NoneType):
        return lambda address, count, vector: store(address, vector)
    return lambda address, count, vector: store_first(address, vector, count)


@compiled
def copy_rows(addresses, count, to, pitch, dim, masked):
    """Copy ``count`` rows, whose addresses are stored from ``addresses`` on.

    The first copy begins at ``to``, the others follow ``pitch`` bytes apart.
    """
    for i in range(count):
        row = load_address(addresses + i * ADDRESS)
        for d in range(0, dim, LANES):
            columns = columns_from(d, dim, masked)
            store(to + columns.byte, read(row, columns))
        to += pitch


@compiled
def prefetch_row_at(row, pitch):
    """Ask for a row of ``pitch`` bytes, which will be read and written."""
    for line in range(0, pitch, LINE):
        prefetch(row + line)


@compiled
def six_addresses(addresses):
    """The six addresses that are stored from ``addresses`` on."""
    a, b = load_address(addresses), load_address(addresses + ADDRESS)
    c, d = load_address(addresses + 2 * ADDRESS), load_address(addresses + 3 * ADDRESS)
    e, f = load_address(addresses + 4 * ADDRESS), load_address(addresses + 5 * ADDRESS)
    return a, b, c, d, e, f


@compiled
def six_steps(steps):
    """The six floats that are stored from ``steps`` on, each in all lanes of a vector."""
    a, b, c = broadcast(steps), broadcast(steps + FLOAT), broadcast(steps + 2 * FLOAT)
    d, e, f = (
        broadcast(steps + 3 * FLOAT),
        broadcast(steps + 4 * FLOAT),
        broadcast(steps + 5 * FLOAT),
    )
    return a, b, c, d, e, f
