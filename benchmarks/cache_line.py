"""How long a cache line takes from a core to another: two threads write to it in turns."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from embedlayer.kernels.cpu.simd.memory import address_of
from embedlayer.kernels.cpu.simd.vector import instruction
from embedlayer.storage.compiled import compiled

NUMBER, BYTES = ir.IntType(64), 8
LINE = 128  # bytes: the neighbour that some processors fetch, too, is nobody else's
TURNS, TRIES = 20_000, 5


def nanoseconds() -> float:
    """The least of some means of many travels of a line, from one thread to another."""
    line = np.zeros(2 * LINE // BYTES, np.int64)
    place = address_of(line) + -address_of(line) % LINE
    with ThreadPoolExecutor(2) as pool:
        seconds = [_seconds(pool, place, first) for first in range(0, TRIES * TURNS, TURNS)]
    return 1e9 * min(seconds) / TURNS  # the first one compiles


def _seconds(pool: ThreadPoolExecutor, place: int, first: int) -> float:
    started = perf_counter()
    list(pool.map(lambda mine: _take_turns(place, first + mine, first + TURNS), range(2)))
    return perf_counter() - started


@compiled
def _take_turns(place, first, end):
    """Write each second number, once the other thread has written the one before."""
    for turn in range(first, end, 2):
        while _read(place) != turn:
            pass
        _write(place, turn + 1)


@instruction(types.intp(types.intp))
def _read(builder: Any, place: Any) -> Any:
    return builder.load_atomic(builder.inttoptr(place, NUMBER.as_pointer()), "acquire", BYTES)


@instruction(types.void(types.intp, types.intp))
def _write(builder: Any, place: Any, number: Any) -> None:
    pointer = builder.inttoptr(place, NUMBER.as_pointer())
    builder.store_atomic(number, pointer, "release", BYTES)
