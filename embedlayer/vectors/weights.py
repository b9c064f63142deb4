"""How much a word counts in a sentence: all alike, by TF-IDF, by SIF, or as the user says."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Real
from embedlayer.vectors.checks import as_floats

WEIGHTINGS = ("mean", "tfidf", "sif")
A = 1e-3  # of SIF, as in the paper


def check_weighting(weighting: Any, a: float) -> None:
    """Raise EmbedlayerError for what is no weighting, or an ``a`` that is no number above 0."""
    if Real(0).checked("a", a) == 0:
        raise EmbedlayerError(f"a is {a}: SIF needs a number above 0, such as {A}")
    named = isinstance(weighting, str) and weighting in WEIGHTINGS
    if not named and not isinstance(weighting, Mapping | np.ndarray):
        raise EmbedlayerError(
            f"weighting {weighting!r}: choose {', '.join(WEIGHTINGS)}, or give a mapping from "
            "words to weights"
        )


def sif_weights(counts: np.ndarray, total: int, a: float = A) -> np.ndarray:
    """Smooth inverse frequency, a / (a + count / total): float64.

    (Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017.)

    Args:
        counts: integers: how often each word occurs.
        total: how often all words do.
        a: above 0; small ones weigh frequent words down more.
    """
    return a / (a + counts / max(1, total))


def idf_weights(counts: np.ndarray, total: int) -> np.ndarray:
    """Inverse document frequency, 1 + ln((1 + total) / (1 + count)), as scikit-learn's: float64.

    Args:
        counts: integers: how many documents hold each word.
        total: the number of documents.
    """
    return 1 + np.log((1 + total) / (1 + counts.astype(np.float64)))


def weights_at(
    rows: np.ndarray,
    weighting: Any,
    words: Sequence[str],
    counts: np.ndarray | None,
    a: float = A,
    tokens: int | None = None,
) -> np.ndarray | None:
    """The weight of the word of each row: float64, (N,); None where all weigh 1.

    Args:
        rows: integers, (N,), below V.
        weighting: a name in ``WEIGHTINGS``; a mapping from words to weights, where a word that it
            lacks weighs 0; or an array of them, (V,).
        words: the V words.
        counts: int64, (V,), or None where they are not known.
        a: of SIF.
        tokens: in all; None: the sum of the counts.

    Raises:
        EmbedlayerError: no weighting, an ``a`` that is no number above 0, no counts where the
            weighting needs them, weights that are negative or not finite.
    """
    check_weighting(weighting, a)
    if isinstance(weighting, Mapping):
        used, place = np.unique(rows, return_inverse=True)
        given = [weighting.get(words[row], 0) for row in used.tolist()]
        return checked_weights(given, len(used))[place]
    if isinstance(weighting, np.ndarray):
        return checked_weights(weighting, len(words))[rows]
    if weighting == "mean":
        return None
    if counts is None:
        raise EmbedlayerError(
            f"weighting {weighting!r} needs the counts of the words, which these vectors lack: "
            "give Vectors(words, matrix, counts), or a mapping from words to weights"
        )
    total = int(counts.sum()) if tokens is None else tokens
    if weighting == "sif":
        return sif_weights(counts[rows], total, a)
    return idf_weights(counts[rows], total)


def checked_weights(weights: Any, size: int) -> np.ndarray:
    """float64, (size,); EmbedlayerError for weights that are negative or not finite, or others."""
    try:
        array = as_floats(weights, np.float64)
    except (TypeError, ValueError):
        raise EmbedlayerError("the weights of words are numbers") from None
    if array.shape != (size,) or not np.isfinite(array).all() or (array < 0).any():
        raise EmbedlayerError("the weights of words are finite numbers from 0 up, one for each")
    return array
