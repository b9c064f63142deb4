"""The host's search: blocks of scores that stay in the cache, and the best of each query kept.

The product is BLAS's, on its own threads; compiled code on one thread takes the best from each
block in a twentieth of that time. To hold BLAS to one thread for ours would change a setting of the
whole process, which two searches at once could leave behind.
"""

import numpy as np

from embedlayer.device import device_of

QUERIES = 1024  # of a block: so many that BLAS multiplies at its full speed


def best_rows(
    unit: np.ndarray, directions: np.ndarray, excluded: np.ndarray, offsets: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`search.nearest_rows`; the scores are added up in float64, in one order for all."""
    from embedlayer.vectors.topk import keep_best

    size = len(directions), k
    best, rows = np.full(size, -np.inf), np.zeros(size, np.int64)
    slack = rounding(unit.shape[1])
    queries = min(QUERIES, len(directions))
    height = min(len(unit), max(1, device_of(unit).search_scores // queries))
    memory = np.empty(queries * height, np.float32)
    for start in range(0, len(directions), queries):
        part = slice(start, start + queries)
        asked = directions[part]
        for first in range(0, len(unit), height):
            block = unit[first : first + height]
            scores = memory[: len(asked) * len(block)].reshape(len(asked), len(block))
            np.matmul(asked, block.T, out=scores)
            keep_best(
                scores, first, unit, asked, excluded, offsets[start:], slack, best[part], rows[part]
            )
    order = np.lexsort((rows, -best), axis=-1)
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(best, order, axis=1)


def rounding(dim: int) -> float:
    """How far a float32 dot product of vectors of length 1 may be from the exact one.

    In any order of additions, fused or not, at most D·u / (1 − D·u), u = 2⁻²⁴ (Higham, "Accuracy
    and Stability of Numerical Algorithms", section 3.1). This is four times as much and more:
    lengths are rounded, too.
    """
    return (dim + 8) * 2.0**-22
