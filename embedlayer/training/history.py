"""How a run went: loss, learning rate and speed over its tokens, in so many points at most."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from embedlayer.training.state import Done

POINTS = 400  # at most; each is a stretch of as many tokens
NEAR = 2  # points on either side, over which a speed is measured

Column = list[float | None]


class Point(NamedTuple):
    """A stretch of a run; losses are summed over it, the others are as at its end.

    Attributes:
        tokens: raw tokens done since the run began.
        seconds: of training since then.
        lr: the learning rate.
        losses, pairs: the summed loss and the pairs of that sum.
        held_out_losses, held_out_pairs: the same of windows that are held out.
    """

    tokens: float
    seconds: float
    lr: float
    losses: float
    pairs: float
    held_out_losses: float
    held_out_pairs: float


class History:
    """Adds to the points of a run what its ticks tell.

    Args:
        points: of the run so far, each as long as a :class:`Point`; changed in place.
        tokens_total: raw tokens of the whole run.
        before: what the epoch under way had come to before its first tick.
    """

    def __init__(self, points: list[list[float]], tokens_total: int, before: Done) -> None:
        self._points, self._total, self._before = points, tokens_total, before

    def add(self, tokens: int, seconds: float, lr: float, done: Done) -> None:
        """Note where the run is: a new point, or more of the last one's stretch."""
        points, before, self._before = self._points, self._before, done
        while points and points[-1][0] > tokens:  # what it told was trained again
            points.pop()
        new = Point(
            tokens,
            seconds,
            lr,
            done.losses - before.losses,
            done.pairs - before.pairs,
            done.held_out_losses - before.held_out_losses,
            done.held_out_pairs - before.held_out_pairs,
        )
        if points and self._stretch(points[-1][0]) == self._stretch(tokens):
            last = Point(*points.pop())
            summed = (a + b for a, b in zip(last[3:], new[3:], strict=True))
            new = Point(*new[:3], *summed)
        points.append(list(new))

    def _stretch(self, tokens: float) -> int:
        return math.ceil(tokens * POINTS / self._total)


def columns(points: Sequence[Sequence[float]]) -> dict[str, Column]:
    """The points as JSON can hold them, by column: what was not measured in a stretch is None.

    The speed is that from some points before to some points behind: workers end chunks in lumps.
    """
    made = [Point(*point) for point in points]
    around = [Point(*[0.0] * len(Point._fields)), *made]
    pairs = [(max(0, i - NEAR), min(len(made), i + NEAR)) for i in range(1, len(around))]
    return {
        "tokens": [point.tokens for point in made],
        "seconds": [round(point.seconds, 3) for point in made],
        "lr": [round(point.lr, 8) for point in made],
        "loss": [_mean(point.losses, point.pairs) for point in made],
        "held_out_loss": [_mean(point.held_out_losses, point.held_out_pairs) for point in made],
        "words_per_second": [
            _rate(around[b].tokens - around[a].tokens, around[b].seconds - around[a].seconds)
            for a, b in pairs
        ],
    }


def _mean(total: float, number: float) -> float | None:
    return round(total / number, 6) if number > 0 and math.isfinite(total) else None


def _rate(tokens: float, seconds: float) -> float | None:
    return round(tokens / seconds, 1) if seconds > 0 else None
