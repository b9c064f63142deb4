"""Rows as vectors of sixteen columns: read, written, added to and copied by address.

``masked`` is True where a row may end inside its last vector. It is None, which has a type of its
own, where all rows consist of whole vectors: numba then compiles a function without masks.
"""

from typing import NamedTuple

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
from embedlayer.storage.compiled import compiled, inlined


class Columns(NamedTuple):
    """The columns of a row that one vector holds."""

    byte: int  # where they begin in a row
    count: int | None  # how many there are; None: sixteen


@compiled
def columns_from(d, dim, masked):
    """The columns from d on of rows of ``dim`` columns."""
    count = None if masked is None else min(LANES, dim - d)
    return Columns(d * FLOAT, count)  # not in one line: Python 3.12+ makes two returns of it


@compiled
def read(row, columns):
    return _load(row + columns.byte, columns.count)


@compiled
def write(row, columns, vector):
    _store(row + columns.byte, columns.count, vector)


@compiled
def add(row, columns, vector):
    write(row, columns, read(row, columns) + vector)


@compiled
def _load(address, count):  # numba removes a branch on None only where None is an argument
    return load(address) if count is None else load_first(address, count)


@compiled
def _store(address, count, vector):
    if count is None:
        store(address, vector)
    else:
        store_first(address, vector, count)


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


@inlined
def prefetch_six(addresses, byte):
    """Ask for a cache line, from this byte on, of each of the six rows whose addresses are stored
    from ``addresses`` on."""
    for r in range(0, 6 * ADDRESS, ADDRESS):
        prefetch(load_address(addresses + r) + byte)


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
