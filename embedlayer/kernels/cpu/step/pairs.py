"""Compiled: contexts against up to six output rows: the scores of all pairs, and their updates.

The inner loops hold a block in registers: two hidden vectors and three output rows for the scores;
for the update six output rows and their sums, of two vectors each, or where a vector takes two of
sixteen registers, three of them.
"""

from embedlayer.kernels.cpu.simd.arithmetic import sum_lanes, zeros
from embedlayer.kernels.cpu.simd.memory import (
    ADDRESS,
    FLOAT,
    LINE,
    broadcast,
    load,
    load_address,
    load_two,
    store,
    store_two,
)
from embedlayer.kernels.cpu.simd.rows import columns_from, prefetch_six, read, six_addresses, write
from embedlayer.kernels.cpu.simd.vector import LANES, ONE_REGISTER
from embedlayer.kernels.cpu.step.scores import GROUP
from embedlayer.storage.compiled import compiled, inlined


@compiled
def score_six(h, k, outputs, dim, masked):
    """The twelve products of two hidden vectors, h and k, with six output rows."""
    o0, o1, o2, o3, o4, o5 = six_addresses(outputs)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    h3, h4, h5, k3, k4, k5 = _products(h, k, o3, o4, o5, dim, masked)
    return sum_lanes(h0, h1, h2, h3, h4, h5, k0, k1, k2, k3, k4, k5)


@compiled
def score_few(h, k, outputs, dim, masked):
    """As :func:`score_six`, where no more than three of the six output rows are left."""
    o0, o1, o2, _, _, _ = six_addresses(outputs)
    h0, h1, h2, k0, k1, k2 = _products(h, k, o0, o1, o2, dim, masked)
    none = zeros()
    return sum_lanes(h0, h1, h2, none, none, none, k0, k1, k2, none, none, none)


@compiled
def _products(h, k, o0, o1, o2, dim, masked):
    """The products of two hidden vectors with three output rows, not yet summed over the lanes."""
    h0 = h1 = h2 = k0 = k1 = k2 = zeros()
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        x, y = read(h, columns), read(k, columns)
        o = read(o0, columns)
        h0, k0 = h0 + x * o, k0 + y * o
        o = read(o1, columns)
        h1, k1 = h1 + x * o, k1 + y * o
        o = read(o2, columns)
        h2, k2 = h2 + x * o, k2 + y * o
    return h0, h1, h2, k0, k1, k2


@compiled
def update(values, window, outputs, coming, halfway, steps, dim, masked):
    """Add step · output row to every context and step · context to six output rows.

    ``values`` is where the addresses of the contexts' values are stored. Between the writes it asks
    for the six rows whose addresses are stored from ``coming`` on. From ``halfway`` on there is
    room for a vector of each context.
    """
    if ONE_REGISTER:
        rows, two = six_addresses(outputs), 2 * LANES
        for d in range(0, dim // two * two, two):
            _update_two(values, window, rows, coming, steps, d * FLOAT)
        for d in range(dim // two * two, dim, LANES):
            _update_one(values, window, rows, coming, steps, columns_from(d, dim, masked))
    else:  # three rows at a time; both read the contexts' values, which may be in their rows
        others, their_steps = outputs + GROUP // 2 * ADDRESS, steps + GROUP // 2 * FLOAT
        for d in range(0, dim, LANES):
            columns = columns_from(d, dim, masked)
            prefetch_six(coming, columns.byte)
            _update_three(values, window, outputs, steps, columns, None, halfway)
            _update_three(values, window, others, their_steps, columns, halfway, None)


@inlined
def _update_one(values, window, rows, coming, steps, columns):
    """Update the columns of one vector."""
    r0, r1, r2, r3, r4, r5 = rows
    prefetch_six(coming, columns.byte)
    o0, o1 = read(r0, columns), read(r1, columns)
    o2, o3 = read(r2, columns), read(r3, columns)
    o4, o5 = read(r4, columns), read(r5, columns)
    n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
    for c in range(window.hidden):
        context = load_address(window.contexts + c * ADDRESS)
        h = read(load_address(values + c * ADDRESS), columns)
        w = read(context, columns)
        g = broadcast(steps)  # six broadcasts at once take more registers: 10 % slower
        w, n0 = w + g * o0, n0 + g * h
        g = broadcast(steps + FLOAT)
        w, n1 = w + g * o1, n1 + g * h
        g = broadcast(steps + 2 * FLOAT)
        w, n2 = w + g * o2, n2 + g * h
        g = broadcast(steps + 3 * FLOAT)
        w, n3 = w + g * o3, n3 + g * h
        g = broadcast(steps + 4 * FLOAT)
        w, n4 = w + g * o4, n4 + g * h
        g = broadcast(steps + 5 * FLOAT)
        w, n5 = w + g * o5, n5 + g * h
        write(context, columns, w)
        steps += GROUP * FLOAT
    write(r0, columns, n0)
    write(r1, columns, n1)
    write(r2, columns, n2)
    write(r3, columns, n3)
    write(r4, columns, n4)
    write(r5, columns, n5)


@inlined
def _update_two(values, window, rows, coming, steps, byte):
    """Update the columns of the two vectors that begin at a byte of each row.

    Twenty-four registers hold rows and their sums: so half as many loops over the contexts.
    """
    r0, r1, r2, r3, r4, r5 = rows
    prefetch_six(coming, byte)
    prefetch_six(coming, byte + LINE)
    o0, p0 = load_two(r0 + byte)
    o1, p1 = load_two(r1 + byte)
    o2, p2 = load_two(r2 + byte)
    o3, p3 = load_two(r3 + byte)
    o4, p4 = load_two(r4 + byte)
    o5, p5 = load_two(r5 + byte)
    n0, n1, n2, n3, n4, n5 = o0, o1, o2, o3, o4, o5
    m0, m1, m2, m3, m4, m5 = p0, p1, p2, p3, p4, p5
    for c in range(window.hidden):
        context = load_address(window.contexts + c * ADDRESS) + byte
        h, k = load_two(load_address(values + c * ADDRESS) + byte)
        w, v = load_two(context)
        g = broadcast(steps)
        w, n0, v, m0 = w + g * o0, n0 + g * h, v + g * p0, m0 + g * k
        g = broadcast(steps + FLOAT)
        w, n1, v, m1 = w + g * o1, n1 + g * h, v + g * p1, m1 + g * k
        g = broadcast(steps + 2 * FLOAT)
        w, n2, v, m2 = w + g * o2, n2 + g * h, v + g * p2, m2 + g * k
        g = broadcast(steps + 3 * FLOAT)
        w, n3, v, m3 = w + g * o3, n3 + g * h, v + g * p3, m3 + g * k
        g = broadcast(steps + 4 * FLOAT)
        w, n4, v, m4 = w + g * o4, n4 + g * h, v + g * p4, m4 + g * k
        g = broadcast(steps + 5 * FLOAT)
        w, n5, v, m5 = w + g * o5, n5 + g * h, v + g * p5, m5 + g * k
        store_two(context, w, v)
        steps += GROUP * FLOAT
    store_two(r0 + byte, n0, m0)
    store_two(r1 + byte, n1, m1)
    store_two(r2 + byte, n2, m2)
    store_two(r3 + byte, n3, m3)
    store_two(r4 + byte, n4, m4)
    store_two(r5 + byte, n5, m5)


@compiled
def update_few(values, window, outputs, coming, steps, dim, masked):
    """As :func:`update`, where no more than three of the six output rows are left."""
    for d in range(0, dim, LANES):
        columns = columns_from(d, dim, masked)
        prefetch_six(coming, columns.byte)
        _update_three(values, window, outputs, steps, columns, None, None)


@inlined
def _update_three(values, window, outputs, steps, columns, begun, left):
    """Update the columns of one vector, of three output rows and of the contexts.

    ``begun`` is where the vectors lie that the contexts are before it, ``left`` where those go that
    they become; None: in their rows.
    """
    r0, r1 = load_address(outputs), load_address(outputs + ADDRESS)
    r2 = load_address(outputs + 2 * ADDRESS)
    o0, o1, o2 = read(r0, columns), read(r1, columns), read(r2, columns)
    n0, n1, n2, step = o0, o1, o2, steps
    for c in range(window.hidden):
        h = read(load_address(values + c * ADDRESS), columns)
        w = _context(window.contexts, begun, c, columns)
        g = broadcast(step)
        w, n0 = w + g * o0, n0 + g * h
        g = broadcast(step + FLOAT)
        w, n1 = w + g * o1, n1 + g * h
        g = broadcast(step + 2 * FLOAT)
        w, n2 = w + g * o2, n2 + g * h
        _set_context(window.contexts, left, c, columns, w)
        step += GROUP * FLOAT
    write(r0, columns, n0)
    write(r1, columns, n1)
    write(r2, columns, n2)


@compiled
def _context(contexts, begun, c, columns):
    if begun is None:
        return read(load_address(contexts + c * ADDRESS), columns)
    return load(begun + c * LINE)


@compiled
def _set_context(contexts, left, c, columns, vector):
    if left is None:
        write(load_address(contexts + c * ADDRESS), columns, vector)
    else:
        store(left + c * LINE, vector)
