"""A contest: several implementations of one operation, checked, then timed in turns."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from measure import Spread, WrongResult, ratios, timed, turns
from report import NONE, note, show, spread

UNITS = {"bytes": "GB/s", "operations": "Gflop/s"}
HEADER = ("operation", "implementation", "ms", "rate", "share", "time ÷ ours")


@dataclass(frozen=True)
class Contender:
    """One implementation. ``check`` raises WrongResult; ``run`` does the work once."""

    check: Callable[[], object]
    run: Callable[[], object]


@dataclass(frozen=True)
class Contest:
    """One operation and who carries it out; ``ours`` is the contender the others are held against.

    ``work`` is what one run must do: bytes of the arrays and table rows it reads and writes, each
    once, or floating-point operations. A string in place of a contender says why it is absent.
    """

    operation: str
    work: float
    unit: str
    ours: str
    contenders: dict[str, Contender | str]


def compared(run: Callable[[], Any], wanted: Any, tolerance: float = 0.0) -> Contender:
    """A contender whose first result must be ``wanted``: equal, or close by a tolerance."""
    return Contender(lambda: check_same(run(), wanted, tolerance), run)


def check_same(found: Any, wanted: Any, tolerance: float = 0.0) -> None:
    """Raise WrongResult unless arrays, or sequences of them, are the same.

    With a tolerance, numbers may differ by it times the largest of the wanted ones.
    """
    if isinstance(wanted, (tuple, list)):
        if len(found) != len(wanted):
            raise WrongResult(f"{len(found)} arrays instead of {len(wanted)}")
        for one, other in zip(found, wanted, strict=True):
            check_same(one, other, tolerance)
        return
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        raise WrongResult(f"shape {found.shape} instead of {wanted.shape}")
    if tolerance == 0:
        if not np.array_equal(found, wanted):
            raise WrongResult(f"{int((found != wanted).sum())} of {wanted.size} numbers differ")
    elif wanted.size:
        error = np.abs(found - wanted.astype(np.float64)).max() / max(1e-30, np.abs(wanted).max())
        if not error <= tolerance:
            raise WrongResult(f"off by {error:.2g} of the largest number, not {tolerance:.2g}")


def in_threads(pool: ThreadPoolExecutor, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of calls that run side by side."""
    return [future.result() for future in [pool.submit(call) for call in calls]]


def hold(contest: Contest, runs: int, least: float, limits: dict[str, float]) -> dict[str, Any]:
    """Check every contender, then time all in turns; what came out, as JSON can hold it.

    Args:
        contest: what to run.
        runs: rounds of turns.
        least: seconds of one turn, filled with as many calls as it takes.
        limits: by unit, the machine's copy bandwidth and its sgemm rate.

    Raises:
        WrongResult: names the operation and the contender.
    """
    note(contest.operation)
    present: dict[str, Contender] = {}
    for name, contender in contest.contenders.items():
        if isinstance(contender, str):
            continue
        try:
            contender.check()
        except WrongResult as error:
            raise WrongResult(f"{contest.operation}, {name}: {error}") from None
        present[name] = contender
    seconds: dict[str, list[float]] = {name: [] for name in present}
    for _, name in turns(present, runs):
        seconds[name].append(timed(present[name].run, least))
    results: list[dict[str, Any]] = []
    for name, contender in contest.contenders.items():
        if isinstance(contender, str):
            results.append({"implementation": name, "absent": contender})
            continue
        rate = contest.work / Spread.of(seconds[name]).median
        results.append(
            {
                "implementation": name,
                "seconds": seconds[name],
                "rate": rate,
                "share": rate / limits[contest.unit],
                "slower": ratios(seconds[name], seconds[contest.ours])._asdict(),
            }
        )
    kept = {"operation": contest.operation, "work": contest.work, "unit": contest.unit}
    return kept | {"ours": contest.ours, "results": results}


def show_contests(title: str, outcomes: Sequence[dict[str, Any]]) -> None:
    """The table of contests held."""
    rows = []
    for outcome in outcomes:
        unit = UNITS[outcome["unit"]]
        for place, result in enumerate(outcome["results"]):
            names = ("" if place else outcome["operation"], result["implementation"])
            if "absent" in result:
                rows.append((*names, "absent: " + result["absent"], NONE, NONE, NONE))
                continue
            ours = result["implementation"] == outcome["ours"]
            rows.append(
                (
                    *names,
                    f"{1000 * Spread.of(result['seconds']).median:.3f}",
                    f"{result['rate'] / 1e9:.2f} {unit}",
                    f"{100 * result['share']:.0f} %",
                    NONE if ours else spread(Spread(**result["slower"])),
                )
            )
    show(title, HEADER, rows)
