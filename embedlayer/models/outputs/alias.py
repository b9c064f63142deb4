"""The alias table: words drawn with given probabilities, by integers alone."""

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.rng import thresholds


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The alias table of a distribution: one slot a word, two words a slot.

    A draw takes slot i, uniform on 0 … V − 1, and 32 random bits: word i when the bits are at most
    ``prob[i]``, else word ``alias[i]``. Probabilities are exact to 2**−32. (Vose, "A linear
    algorithm for generating random numbers with a given distribution", IEEE TSE 1991.)

    Args:
        weights: float64, (V,): scaled here to sum to one.

    Returns:
        prob: uint32, (V,), and alias: int32, (V,).

    Raises:
        EmbedlayerError: weights that are no probabilities.
    """
    from embedlayer.models.outputs.pairing import pair_slots

    weights = np.asarray(weights, np.float64)
    size, total = weights.size, weights.sum()
    if weights.ndim != 1 or not (0 < total < np.inf) or weights.min() < 0:
        raise EmbedlayerError(
            f"weights {weights.shape} have the sum {total}: give (V,), finite, none below 0, not "
            "all 0"
        )
    share = weights * (size / total)
    alias = np.arange(size, dtype=np.int32)
    pair_slots(share, alias)
    return thresholds(share), alias
