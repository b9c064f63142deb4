"""What every benchmark takes and gives: common options, Markdown tables, a JSON file."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from machine import describe
from measure import Spread, WrongResult

NONE = "-"
IDLE = 0.7  # the load, at most, of a machine that has nothing else to do
WRONG, MISTAKE = 1, 2  # exit codes


def parser(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """The options that all benchmarks share; the first line of ``description`` heads the help."""
    made = argparse.ArgumentParser(
        description=(description or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--runs", type=count, default=runs, help="alternated runs of each contender")
    made.add_argument("--json", type=Path, metavar="FILE", help="write everything here as JSON")
    made.add_argument("--quick", action="store_true", help="seconds, to see that it works")
    return made


def count(text: str) -> int:
    """A number from 1 up, as an option's type."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def data_folder(given: Path | None) -> Path | None:
    """The folder of texts and evaluation sets: the one given, or that EMBEDLAYER_DATA names."""
    named = os.environ.get("EMBEDLAYER_DATA")
    return given or (Path(named) if named else None)


def mistake(text: str) -> NoReturn:
    """End for a user's mistake, told in a line."""
    note(f"error: {text}")
    sys.exit(MISTAKE)


def end(main: Callable[[], int | None]) -> NoReturn:
    """Run a benchmark to its end: with 1, and no figures, if anything computed a wrong result."""
    try:
        sys.exit(main())
    except WrongResult as error:
        note(f"wrong result: {error}")
        sys.exit(WRONG)


def start(name: str) -> dict[str, Any]:
    """The beginning of a benchmark's report, shown: its name, its command and the machine."""
    machine = describe()
    command = shlex.join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    packages = ", ".join(f"{package} {version}" for package, version in machine["packages"].items())
    print(f"## {name}\n\n    {command}\n")
    print(f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, ", end="")
    print(f"load {machine['load']}, Python {machine['python']}, {packages}.", flush=True)
    if machine["load"] > IDLE:
        print("\nTHE MACHINE IS BUSY: on an idle one the figures will be others.", flush=True)
    return {"benchmark": name, "command": command, "machine": machine}


def finish(report: dict[str, Any], path: Path | None) -> None:
    """Write the report, if a file was named for it."""
    if path is not None:
        path.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def note(text: str) -> None:
    """A word on what happens, on standard error."""
    print(text, file=sys.stderr, flush=True)


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table: the first column to the left, numbers to the right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n{title}\n")
    for line in [lines[0], rule, *lines[1:]]:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()


def spread(values: Spread | None, digits: int = 2) -> str:
    """A median with its extremes: ``8.31 (7.90 to 9.02)``."""
    if values is None:
        return NONE
    return f"{values.median:.{digits}f} ({values.low:.{digits}f} to {values.high:.{digits}f})"
