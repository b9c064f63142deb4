"""Fair timing: contenders take turns, and are compared run by run."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class WrongResult(Exception):
    """What a contender computed is not what it should be: its time means nothing."""


class Spread(NamedTuple):
    """The median of some numbers, the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one number."""
        return cls(median(values), min(values), max(values))


def alternated(
    contenders: Mapping[str, Callable[[], Result]], runs: int
) -> dict[str, list[Result]]:
    """The results of each contender, run A B C A B C … so that a busy minute hits all alike."""
    results: dict[str, list[Result]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            results[name].append(run())
    return results


def timed(work: Callable[[], object], least: float) -> float:
    """The seconds of one call: the mean of as many as fill ``least`` seconds."""
    calls, started = 0, perf_counter()
    while True:
        work()
        calls += 1
        seconds = perf_counter() - started
        if seconds >= least:
            return seconds / calls


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The quotients of two contenders' numbers, each pair from one round."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])
