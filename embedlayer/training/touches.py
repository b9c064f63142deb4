"""How often the tokens of a text touch each row of the tables, expected from the counts."""

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.backend import to_numpy
from embedlayer.models.options import Word2Vec
from embedlayer.models.outputs.protocol import Outputs
from embedlayer.text.vocabulary import Vocabulary


def row_touches(
    model: Word2Vec,
    vocabulary: Vocabulary,
    bags: tuple[Ids, Array],
    outputs: Outputs,
    tokens: int,
) -> tuple[np.ndarray, np.ndarray]:
    """float32, (rows,), of W_in and W_out: products with other rows, of so many tokens.

    The tokens are counted before subsampling. A context's row meets all output rows of its window
    and an output row all hidden vectors of it; ends of sentences are left out of the account. Of
    ``bags``, the rows of W_in that each word reads (``Inputs.bags``), each is touched as the word.
    """
    counts = vocabulary.counts.astype(np.float64)
    windows = tokens * vocabulary.keep_probabilities(model.sample) * counts / counts.sum()
    narrow, wide = model.half_widths
    contexts = narrow + wide  # of a window: both sides of a mean half-width
    scored = to_numpy(outputs.scored(windows))
    words = windows * contexts * scored.sum() / windows.sum()
    ids, offsets = map(to_numpy, bags)
    W_in = np.bincount(ids, words.repeat(np.diff(offsets)), model.input_rows(len(words)))
    W_out = scored * (1 if model.mode().mean else contexts)
    return W_in.astype(np.float32), W_out.astype(np.float32)
