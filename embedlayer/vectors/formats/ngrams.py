"""The n-grams of other programs' models: which there are, if any, within bounds."""

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.ngrams import MOST_N, Subwords

MOST_NGRAMS = 1 << 20  # of a word


def ngrams_of(min_n: int, max_n: int, buckets: int, starts: np.ndarray) -> Subwords | None:
    """The n-grams of a model, as fastText's options say it; None where it has none.

    Args:
        min_n, max_n: characters of the shortest and the longest.
        buckets: rows that they share.
        starts: int64, (V + 1,): of the words, as ``pack_words`` packs them.

    Raises:
        EmbedlayerError: a number out of range; a word of so many n-grams that it was made to take
            the memory and the time.
    """
    if max_n < max(min_n, 1) or buckets == 0:
        return None
    longest = int(np.diff(starts).max(initial=0))
    if min_n < 0 or max_n > MOST_N or longest * (max_n - min_n + 1) > MOST_NGRAMS:
        raise EmbedlayerError(
            f"n-grams of {min_n} to {max_n} characters, a word of {longest} bytes: damaged"
        )
    return Subwords(max(min_n, 1), max_n, buckets)
