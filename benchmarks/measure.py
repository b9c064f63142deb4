"""Fair timing: contenders take turns, and are compared run by run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

Name = TypeVar("Name")


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


def turns(names: Iterable[Name], runs: int) -> Iterator[tuple[int, Name]]:
    """A B C A B C …: the run, from 0, and whose turn it is; a busy minute then hits all alike."""
    return ((run, name) for run in range(runs) for name in tuple(names))


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
