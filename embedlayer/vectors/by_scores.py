"""The search of a device with memory of its own: chunks of all scores, and the device's top."""

from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.device import device_of


def best_rows(
    unit: Any, directions: Any, excluded: np.ndarray, offsets: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`search.nearest_rows`; the scores are those of the matrix product, float32."""
    device = device_of(unit)
    xp = device.xp
    chunk = max(1, device.search_scores // len(unit))
    queries = np.repeat(np.arange(len(directions)), np.diff(offsets))
    places = xp.asarray(np.stack([queries, excluded]))
    answers = []
    for start in range(0, len(directions), chunk):
        score = directions[start : start + chunk] @ unit.T
        out = slice(offsets[start], offsets[min(start + chunk, len(directions))])
        score[places[0, out] - start, places[1, out]] = -xp.inf
        best = device.top(score, k)
        best_score = xp.take_along_axis(score, best, axis=1)
        answers.append(xp.stack([best.astype(np.int32), best_score.view(np.int32)]))
    rows, bits = to_numpy(xp.concatenate(answers, axis=1))  # both at once: one wait for a device
    return rows.astype(np.int64), bits.view(np.float32).astype(np.float64)
