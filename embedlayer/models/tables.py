"""The two tables at the start of training."""

from embedlayer import rng
from embedlayer.device import Device
from embedlayer.kernels.arguments import Tables
from embedlayer.models.options import Word2Vec
from embedlayer.threads import in_parts

COLUMNS = 16  # tables have a multiple of so many, so that every row fills whole cache lines
# Numbers of the input table drawn at once: their bits stay in a core's cache (2**19 took four times
# as long), or are as many as keep a device at work.
DRAWN, DRAWN_ON_DEVICE = 1 << 16, 1 << 23

Shapes = tuple[tuple[int, int], tuple[int, int]]


def table_shapes(model: Word2Vec, words: int) -> Shapes:
    """The shapes of W_in and W_out for a vocabulary of so many words."""
    columns = -(-model.dim // COLUMNS) * COLUMNS
    rows = model.input_rows(words), model.output_sizes(words, words).table_rows
    return (rows[0], columns), (rows[1], columns)


def start_tables(model: Word2Vec, words: int, seed: int, device: Device) -> Tables:
    """The tables at the start, float32.

    ``W_in`` is uniform in ±start/√D from the seed, the same on every device; ``W_out`` is zero.
    Both have D columns and then zeros up to a multiple of 16, which training leaves zero.
    """
    shape_in, shape_out = table_shapes(model, words)
    W_in, key = device.zeros(*shape_in), rng.make_key(seed, "W_in")
    drawn_rows = max(1, (DRAWN if device.piece_bytes else DRAWN_ON_DEVICE) // model.dim)
    parts, width = device.workers(None), 2 * model.start / model.dim**0.5

    def draw(part: int) -> None:
        for first in range(part * drawn_rows, len(W_in), parts * drawn_rows):
            rows = W_in[first : first + drawn_rows, : model.dim]
            drawn = rng.uniform(device.xp, key, rows.shape, first * model.dim)
            rows[...] = (drawn - 0.5) * width

    in_parts(draw, parts)
    return Tables(W_in, device.zeros(*shape_out))
