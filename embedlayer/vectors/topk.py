"""Compiled: of the scores of a block of rows, those that belong to the best of each query.

The best so far of a query are a heap whose first is the worst of them: the lowest score, among
equal ones the highest row. It begins full, of scores of −inf. A score of the matrix product, in
float32, whose order of additions depends on the block, only decides whether a row may belong to
them: then it is scored anew, in float64 and always in the same order.
"""

import numpy as np

from embedlayer.storage.compiled import compiled

GROUP = 64  # scores that are compared at once: nearly all groups hold none that is needed


@compiled(fastmath={"reassoc", "contract"})  # so that LLVM adds in vectors; the order depends on D
def exact_score(row: np.ndarray, direction: np.ndarray) -> float:
    """The dot product, of exact products, added up in float64."""
    total = 0.0
    for d in range(len(row)):
        total += np.float64(row[d]) * np.float64(direction[d])
    return total


@compiled
def keep_best(
    scores: np.ndarray, first: int, unit: np.ndarray, directions: np.ndarray,
    excluded: np.ndarray, offsets: np.ndarray, slack: float,
    best: np.ndarray, rows: np.ndarray,
) -> None:  # fmt: skip
    """Let the rows of a block take their places among the best of n queries.

    Args:
        scores: float32, (n, B): of the rows ``first`` … ``first + B − 1`` of ``unit``.
        first: the first row of the block; blocks come in their order.
        unit: float32, (V, D).
        directions: float32, (n, D).
        excluded, offsets: int64: rows that query q may not have, from ``offsets[q]`` on.
        slack: a score is never as far from the exact one.
        best, rows: float64 and int64, (n, k): the heaps, which are changed.
    """
    size = scores.shape[1]
    for query in range(len(scores)):
        floor = np.float32(best[query, 0] - slack)
        for group in range(0, size, GROUP):
            end = min(group + GROUP, size)
            if _reaching(scores, query, np.uint64(group), np.uint64(end), floor) == 0:
                continue
            for column in range(group, end):
                if scores[query, column] < floor:
                    continue
                row = first + column
                exact = exact_score(unit[row], directions[query])
                if exact <= best[query, 0]:  # an equal one has the higher row
                    continue
                if _is_among(row, excluded, offsets[query], offsets[query + 1]):
                    continue
                _replace_worst(best[query], rows[query], exact, row)
                floor = np.float32(best[query, 0] - slack)


@compiled
def _reaching(scores: np.ndarray, query: int, start: int, end: int, floor: float) -> np.int32:
    """How many scores reach the floor.

    LLVM compares 16 at once, as nothing branches, a sum is int32 and an unsigned index needs no
    care: 14 scores in a nanosecond, else 1.
    """
    count = np.int32(0)
    for column in range(start, end):
        count += np.int32(scores[query, column] >= floor)
    return count


@compiled
def _is_among(row: int, excluded: np.ndarray, start: int, end: int) -> bool:
    found = False
    for place in range(start, end):
        found |= excluded[place] == row
    return found


@compiled
def _replace_worst(best: np.ndarray, rows: np.ndarray, score: float, row: int) -> None:
    """Put a score in the place of the heap's first, and then where it belongs."""
    place, size = 0, len(best)
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        other = child + 1
        if other < size and _is_worse(best[other], rows[other], best[child], rows[child]):
            child = other
        if not _is_worse(best[child], rows[child], score, row):
            break
        best[place], rows[place] = best[child], rows[child]
        place = child
    best[place], rows[place] = score, row


@compiled
def _is_worse(score: float, row: int, than: float, than_row: int) -> bool:
    return score < than or (score == than and row > than_row)
