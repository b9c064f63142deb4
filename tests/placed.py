"""Every kernel of the CPU on arrays that end where nothing may be read or written.

    python tests/placed.py checked    in plain Python: NUMBA_DISABLE_JIT=1, and the instructions of
        kernels/cpu/simd in NumPy. Every address must lie inside one array; those that kernels
        allocate are full of what nobody wants to meet, and have margins too.
    python tests/placed.py guarded    compiled; arrays end, or begin, at a page without access.

A process of its own for each: the first has other kernels, the second may be killed.
"""

import ctypes
import mmap
import os
import sys
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

LANES, MARGIN = 16, 4096
_starts: list[int] = []
_arrays: list[np.ndarray] = []  # uint8, in the order of their addresses
_empty = np.empty


def with_margins(array: np.ndarray) -> np.ndarray:
    """A copy that addresses may point into; what lies before and behind it is nobody's."""
    room = _empty(array.nbytes + 2 * MARGIN, np.uint8)
    copy = room[MARGIN : MARGIN + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    place = bisect_right(_starts, copy.ctypes.data)
    _starts.insert(place, copy.ctypes.data)
    _arrays.insert(place, room[MARGIN : MARGIN + array.nbytes])
    return copy


def memory(address: Any, dtype: str, count: Any) -> np.ndarray:
    """So many numbers at an address; IndexError where they do not lie in one array."""
    place = bisect_right(_starts, int(address)) - 1
    first, size = int(address) - _starts[max(place, 0)], count * np.dtype(dtype).itemsize
    if place < 0 or first % 4 or first + size > len(_arrays[place]):
        raise IndexError(f"{size} bytes at {first} of an array of {len(_arrays[place])} bytes")
    return _arrays[place][first : first + size].view(dtype)


def store_first(address: Any, vector: Any, count: Any) -> None:
    memory(address, "f4", min(LANES, count))[:] = vector[:count]


def load_first(address: Any, count: Any) -> np.ndarray:
    vector = np.zeros(LANES, np.float32)
    vector[:count] = memory(address, "f4", min(LANES, count))
    return vector


def odd_in_sixes(address: Any) -> int:
    sixes, bits = memory(address, "i4", LANES)[:12].reshape(2, 6).tolist(), 0
    for place, (six, i) in enumerate((six, i) for six in sixes for i in range(6)):
        next_three = [six[(i + distance) % 6] for distance in (1, 2, 3)]
        bits |= (six[i] < 0 or six[i] in next_three) << place
    return bits


def any_in_both(address: Any) -> bool:
    six, others = memory(address, "i4", 12).reshape(2, 6).tolist()
    return not set(six).isdisjoint(others)


def any_equal(address: Any, count: Any) -> bool:
    return len(set(memory(address, "i4", count).tolist())) < count


def copy_others(to: Any, address: Any, value: Any) -> None:
    values = memory(address, "i4", LANES)
    memory(to, "i4", LANES)[:] = np.where(values == value, -1, values)


INSTRUCTIONS: dict[str, Callable[..., Any]] = {
    "load": lambda address: memory(address, "f4", LANES).copy(),
    "store": lambda address, vector: store_first(address, vector, LANES),
    "load_first": load_first,
    "store_first": store_first,
    "load_address": lambda address: int(memory(address, "i8", 1)[0]),
    "odd_in_sixes": odd_in_sixes,
    "any_in_both": any_in_both,
    "any_equal": any_equal,
    "copy_others": copy_others,
    "choose": lambda condition, a, b: a if condition else b,
    "broadcast": lambda address: np.full(LANES, memory(address, "f4", 1)[0]),
    "prefetch": lambda address: None,
    "prefetch_once": lambda address: None,
    "zeros": lambda: np.zeros(LANES, np.float32),
    "splat": lambda value: np.full(LANES, value, np.float32),
    "clip": lambda vector, limit: np.clip(vector, -limit, limit),
    "magnitude": np.abs,
    "floor": np.floor,
    "power_of_two": lambda vector: np.ldexp(np.float32(1), vector.astype(int)),
    "sum_lanes": lambda *vectors: np.array([*map(np.sum, vectors), 0, 0, 0, 0], np.float32),
    "combine": lambda a, b: None,  # NumPy's own + − × ÷ are used
}


def check_addresses() -> None:
    """Let kernels run in Python, with checked addresses; before they are imported."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    from numba import extending

    extending.intrinsic = lambda definition: INSTRUCTIONS[definition.__name__]
    np.zeros = _allocating(np.zeros)  # type: ignore[assignment]
    np.full = _allocating(np.full)  # type: ignore[assignment]
    np.empty = _allocating(_poisoned)  # type: ignore[assignment]
    np.seterr(over="ignore")  # of hashes


def _allocating(make: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda *arguments, **options: with_margins(make(*arguments, **options))


def _poisoned(shape: Any, dtype: Any = float) -> np.ndarray:
    array = _empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = 0x7F
    return array


def at_guarded_page(array: np.ndarray, at_end: bool) -> np.ndarray:
    """A copy between two pages without access, at the end of what lies between or at its start."""
    page = mmap.PAGESIZE
    inside = -(-max(1, array.nbytes) // page) * page
    room = mmap.mmap(-1, inside + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))
    for guard in (start, start + page + inside):
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(guard), page, 0):
            raise OSError("mprotect fails")
    first = page + (inside - array.nbytes if at_end else 0)
    copy = np.frombuffer(room, array.dtype, array.size, first).reshape(array.shape)
    copy[...] = array
    return copy


def check_kernels(place: Callable[[np.ndarray], np.ndarray]) -> None:
    """All kernels equal the reference, on arrays that ``place`` has copied."""
    check_integer_kernels(place)
    check_rows(place)
    check_merge(place)
    check_updates(place)
    check_steps(place)
    check_counts()


def check_integer_kernels(place: Callable[[np.ndarray], np.ndarray]) -> None:
    from embedlayer.kernels import cpu, reference
    from embedlayer.models.outputs.alias import alias_table
    from embedlayer.rng import make_key, thresholds

    random, key = np.random.default_rng(0), make_key(1, "placed")
    keep = place(thresholds(np.linspace(0.3, 1, 7)))
    prob, alias = map(place, alias_table(np.arange(1.0, 8)))
    for sizes in ([], [1], [2], [40], [5, 0, 17, 1, 33]):
        ids = place(random.integers(0, 7, sum(sizes)).astype(np.int32))
        offsets = place(np.cumsum([0, *sizes]).astype(np.int64))
        kept = reference.subsample(ids, offsets, 3, keep, key)
        require_equal(cpu.subsample(ids, offsets, 3, keep, key), kept)
        kept = tuple(map(place, kept))
        for widths in ((1, 1, 1), (1, 5, 5), (16, 16, 16), (1, 17, 17), (1, 1000, 39)):
            wanted = reference.windows(*kept, *widths, key)
            require_equal(cpu.windows(*kept, *widths, key), wanted)
            targets, positions = place(wanted[2]), place(wanted[3])
            for negative, shared in ((3, 1), (16, 1), (15, 64)):
                windows = place(targets.repeat(shared)), place(positions.repeat(shared))
                rows = reference.draw(prob, alias, *windows, negative, key)
                require_equal([cpu.draw(prob, alias, *windows, negative, key)], [rows])


def check_counts() -> None:
    """Whatever the counts, slots and nodes are inside their arrays."""
    from embedlayer.models.outputs.huffman import huffman_tree
    from embedlayer.models.outputs.pairing import pair_slots

    for counts in ([0, 0], [5], [7, 3, -2], [2**62] * 3, [-(2**63)] * 4, [9, 1, 1, 1]):
        rows = huffman_tree(np.array(counts)).rows
        if not -1 <= rows.min() <= rows.max() < max(1, len(counts) - 1):
            raise AssertionError(f"counts {counts} give nodes {rows}")
        for weights in (counts, [*counts, np.nan], [*counts, np.inf]):
            with np.errstate(all="ignore"):
                share = np.array(weights, float) * (len(weights) / np.sum(weights))
            alias = np.arange(len(weights), dtype=np.int32)
            pair_slots(share, alias)
            if not 0 <= alias.min() <= alias.max() < len(weights):
                raise AssertionError(f"weights {weights} give words {alias}")


def check_rows(place: Callable[[np.ndarray], np.ndarray]) -> None:
    from embedlayer.kernels import cpu, reference
    from embedlayer.kernels.cpu import rows as compiled
    from embedlayer.kernels.cpu import sums

    random = np.random.default_rng(1)
    sums.PART_BYTES = 64  # several parts
    for dim in (1, 16, 33, 84):
        W = place(random.standard_normal((9, dim)).astype(np.float32))
        rows = place(np.array([8, 0, -1, 3, 8, 8, 0, 1], np.int32))
        values = place(random.standard_normal((8, dim)).astype(np.float32))
        found, wanted = place(W), W.copy()
        cpu.scatter_add(found, rows, values)
        reference.scatter_add(wanted, rows, values)
        require_close(found, wanted)
        found, wanted = place(W), W.copy()
        products = place(rows.reshape(4, 2)), place(values[:, :1].reshape(4, 2)), place(values[:4])
        cpu.add_products(found, *products)
        reference.add_products(wanted, *products)
        require_close(found, wanted)
        found, wanted = place(W), W.copy()
        reference.scatter_add(wanted, rows, values)
        for part in range(3):
            compiled._add_part(found, rows, values, 3, part)
        require_close(found, wanted)
        for one, other in zip(
            cpu.sum_by_row(rows, values, 9), reference.sum_by_row(rows, values, 9), strict=True
        ):
            require_close(one, other)
        ids, offsets = place(np.maximum(rows, 0)), place(np.array([0, 0, 3, 8, 8]))
        bags = place(np.array([2, 1, 2], np.int32))  # of which none is empty
        require_close(
            cpu.bag_means(W, ids, offsets, bags), reference.bag_means(W, ids, offsets, bags)
        )
        found, wanted = place(W), W.copy()
        cpu.add_to_bags(found, ids, offsets, bags, values[:3])
        reference.add_to_bags(wanted, ids, offsets, bags, values[:3])
        require_close(found, wanted)
        words, places = cpu.distinct(rows, 9)
        require_equal([words, places], [[8, 0, 3, 1], [0, 1, -1, 2, 0, 0, 1, 3]])
        for mean in (False, True):
            wanted = reference.bag_sum(W, ids, offsets, mean)
            require_close(cpu.bag_sum(W, ids, offsets, mean), wanted)


def check_merge(place: Callable[[np.ndarray], np.ndarray]) -> None:
    from embedlayer.kernels import cpu, reference

    random = np.random.default_rng(2)
    for dim, size in ((1, 2), (16, 3), (33, 5)):
        rows, *parts = (
            place(random.standard_normal((9, dim)).astype(np.float32)) for _ in range(1 + size)
        )
        share, wanted = place(random.random(5).astype(np.float32)), rows.copy()
        reference.merge_rows(wanted[::2], [part[::2].copy() for part in parts], share)
        cpu.merge_rows(rows[::2], [part[::2] for part in parts], share)
        for found in (rows, *parts):
            require_close(found[::2], wanted[::2])


def check_updates(place: Callable[[np.ndarray], np.ndarray]) -> None:
    from embedlayer.kernels import cpu
    from embedlayer.optim import OPTIMIZERS

    random, rows = np.random.default_rng(2), np.array([0, 3, 4, 40])
    for (name, make), dim in ((one, dim) for one in OPTIMIZERS.items() for dim in (1, 16, 33)):
        optimizer, grad = make(), random.standard_normal((4, dim)).astype(np.float32)
        optimizer.updates = 1
        arrays = [random.random((41, dim), np.float32) for _ in ("param", *optimizer.kept)]
        found, wanted = [*map(place, arrays)], [array[rows] for array in arrays]
        done = cpu.update_rows(name, place(rows), place(grad), found, optimizer._numbers())
        optimizer._step(wanted[0], grad, *wanted[1:])
        require_equal([done], [True])
        for array, one, other in zip(arrays, found, wanted, strict=True):
            array[rows] = other
            require_close(one, array)


def check_steps(place: Callable[[np.ndarray], np.ndarray]) -> None:
    from examples import MODES, Step, make_step, run_in_parts

    from embedlayer.kernels import cpu, reference
    from embedlayer.kernels.arguments import Tables
    from embedlayer.kernels.cpu.local import TOKENS_PER_ROW, LocalRows

    cases = [([2, 5, 1, 0, 3], 6), ([1], 1), ([3, 4], 8), ([0, 0], 3), ([1] * 70, 13), ([30], 6)]
    for number, (mode, dim, case) in enumerate(
        (mode, dim, case) for mode in MODES for dim in (1, 16, 20, 84) for case in cases
    ):
        step = make_step(case[0], dim=dim, width=case[1], shared=bool(number % 2), dtype=np.float32)
        wanted = run_in_parts(reference.sgd_step, step, 1 + mode.mean, 0.1, mode)
        for threads in (0, 500):
            here = Step(*map(place, step))
            tables, local = Tables(*here.tables), None
            if threads:
                local = LocalRows(tables, 5 * threads * TOKENS_PER_ROW, threads).__enter__()
            loss, pairs = cpu.sgd_step(tables, here.batch, 0.1, mode, local=local)
            if local:
                local.__exit__()
            require_close(tables.W_in, wanted[0])
            require_close(tables.W_out, wanted[1])
            require_close(loss, wanted[2])
            require_equal([pairs], [wanted[3]])


def require_equal(found: Any, wanted: Any) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def require_close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)


if __name__ == "__main__":
    if sys.argv[1] == "checked":
        check_addresses()
        check_kernels(with_margins)
        from embedlayer.kernels.cpu.step import pairs

        pairs.ONE_REGISTER = not pairs.ONE_REGISTER  # as on another processor
        check_steps(with_margins)
    else:
        for at_end in (True, False):
            check_kernels(lambda array, at_end=at_end: at_guarded_page(array, at_end))
    print("every kernel stays inside its arrays")
