"""How often the tokens of a text touch each row of the tables, expected from the counts."""

from typing import NamedTuple

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.backend import array_module, to_numpy
from embedlayer.device import Device
from embedlayer.models.options import Word2Vec
from embedlayer.models.outputs.protocol import Outputs
from embedlayer.text.vocabulary import Vocabulary


class Touches(NamedTuple):
    """How often some tokens touch the rows of a table: products with other rows.

    Attributes:
        occasions: float32, (R,): of a row of W_in the tokens that are its word, once subsampled; of
            a row of W_out the windows that score it.
        each: the touches of an occasion, which come together.
    """

    occasions: Array
    each: float

    def share(self, rows: slice) -> "Touches":
        """Those of some rows."""
        return Touches(self.occasions[rows], self.each)

    def on(self, device: Device) -> "Touches":
        """The same on a device."""
        return Touches(device.xp.asarray(self.occasions), self.each)

    def where_any(self, times: int) -> Array:
        """float32: the touches of rows, of so many times the tokens, where there are any at all.

        Occasions are independent, so their number follows Poisson's law; that it is not zero makes
        its mean n / (1 − exp(−n)). A rare row is not touched a little: few replicas touch it, and
        they do so as much as one occasion does.
        """
        xp = array_module(self.occasions)
        n = xp.maximum(self.occasions * times, 1e-6)
        return self.each * n / -xp.expm1(-n)


def row_touches(
    model: Word2Vec,
    vocabulary: Vocabulary,
    bags: tuple[Ids, Array],
    outputs: Outputs,
    tokens: int,
) -> tuple[Touches, Touches]:
    """The touches of W_in and W_out by so many tokens, which are counted before subsampling.

    A context's row meets all output rows of its window and an output row all hidden vectors of it;
    ends of sentences are left out of the account. Of ``bags``, the rows of W_in that each word
    reads (``Inputs.bags``), each is touched as the word.
    """
    counts = vocabulary.counts.astype(np.float64)
    windows = tokens * vocabulary.keep_probabilities(model.sample) * counts / counts.sum()
    narrow, wide = model.half_widths
    contexts = narrow + wide  # of a window: both sides of a mean half-width
    scored = to_numpy(outputs.scored(windows))
    ids, offsets = map(to_numpy, bags)
    read = np.bincount(ids, windows.repeat(np.diff(offsets)), model.input_rows(len(windows)))
    return (
        Touches(read.astype(np.float32), float(contexts * scored.sum() / windows.sum())),
        Touches(scored.astype(np.float32), float(1 if model.mode().mean else contexts)),
    )
