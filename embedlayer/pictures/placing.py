"""Which labels of a drawn map have room: the first words first, on one of four sides of a point."""

from collections.abc import Sequence

import numpy as np


def placed_labels(
    points: np.ndarray,
    sizes: np.ndarray,
    gaps: Sequence[float],
    frame: tuple[float, float],
    air: float,
) -> dict[int, tuple[float, float]]:
    """The left end and the middle height of each label that has room.

    Args:
        points: floats, (n, 2): where the words lie, in pixels.
        sizes: floats, (n, 2): widths and heights of their labels.
        gaps: from the middle of a point to its label.
        frame: width and height of the picture, outside of which no label lies.
        air: pixels kept free around a label.
    """
    places: dict[int, tuple[float, float]] = {}
    taken = np.empty((len(points), 4))
    for i, ((x, y), (width, height), gap) in enumerate(zip(points, sizes, gaps, strict=True)):
        above = gap + height / 2
        sides = (
            (x + gap, y),
            (x - gap - width, y),
            (x - width / 2, y + above),
            (x - width / 2, y - above),
        )
        held = taken[: len(places)]
        for left, middle in sides:
            box = (
                left - air,
                middle - height / 2 - air,
                left + width + air,
                middle + height / 2 + air,
            )
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= frame[0] and box[3] <= frame[1]
            if inside and not _meets(held, box):
                taken[len(places)] = left, middle - height / 2, left + width, middle + height / 2
                places[i] = left, middle
                break
    return places


def _meets(held: np.ndarray, box: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = held.T
    apart = (left >= box[2]) | (right <= box[0]) | (bottom >= box[3]) | (top <= box[1])
    return not bool(apart.all())
