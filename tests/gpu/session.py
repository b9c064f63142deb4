"""What ci/gpu.sh does on a machine with a GPU: phase after phase, each within its time, as JSON.

    PYTHONPATH=tests python -m gpu.session TEXT RESULT.json [--wheels DIR]

RESULT.json is written after every phase: what it was, how it ended, and the benchmark's numbers.
The exit code is the highest of a phase's; 124 is that of one that was cut. With ``--wheels`` all
limits together are below nine minutes, the packages come from DIR or are there already, and the
tests are those that run on the device; without, the registry gives the packages, and all tests run
for as long as they need. Only Python's own library is used here: the packages come in a phase.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from .wheels import PROJECT, test_requirements, wheel_in

CUT = 124  # the exit code of a phase that took too long, as timeout's
TAIL = 40  # lines of a phase's output that are kept
SANITIZER = "compute-sanitizer"
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")


class Phase(NamedTuple):
    """A command; ``seconds`` is its limit, ``absent`` says why it cannot run."""

    name: str
    command: tuple[str, ...]
    seconds: float | None = None
    needed: bool = False  # where it fails, none of the others can run
    absent: str | None = None


def phases(text: str, numbers: Path, wheels: Path | None) -> list[Phase]:
    """All of them, in order; with wheels their limits come to 8 min 45 s."""
    python = (sys.executable, "-P", "-m")
    pip = (*python, "pip", "install", "--quiet", "--disable-pip-version-check")
    begin = _from_registry(pip, python) if wheels is None else _from_wheels(pip, python, wheels)
    absent = None if shutil.which(SANITIZER) else f"{SANITIZER} is not installed"
    watched = ("--error-exitcode", "1", *python, "gpu.races", "device")
    watch = 35 if wheels else None
    sanitizers = [
        Phase(tool, (SANITIZER, "--tool", tool, *watched), watch, absent=absent) for tool in TOOLS
    ]
    benchmark = (*python, "gpu.benchmark", text, str(numbers))
    return [*begin, *sanitizers, Phase("benchmark", benchmark, 150 if wheels else None)]


def _from_registry(pip: tuple[str, ...], python: tuple[str, ...]) -> list[Phase]:
    return [
        Phase("install", (*pip, f"{PROJECT}[test,verify]"), needed=True),
        Phase("tests", (*python, "pytest")),
    ]


def _from_wheels(pip: tuple[str, ...], python: tuple[str, ...], wheels: Path) -> list[Phase]:
    local = (*pip, "--no-index", "--find-links", str(wheels))
    ours = str(wheel_in(wheels))
    # What is installed there is not what the tests were written for: warnings are no errors.
    pytest = (*python, "pytest", "-q", "-p", "gpu.only_device", "-W", "default")
    return [
        # The wheel by itself, as another version may be there.
        Phase("wheel", (*local, "--ignore-installed", "--no-deps", ours), 10, needed=True),
        Phase("install", (*local, ours, *test_requirements()), 45, needed=True),
        Phase("tests", pytest, 180),
    ]


def run(phase: Phase) -> dict[str, Any]:
    """Run one, its output shown as it comes; what came of it."""
    print(f"== {phase.name}", flush=True)
    found: dict[str, Any] = {"name": phase.name, "limit_seconds": phase.seconds}
    if phase.absent:
        print(phase.absent, flush=True)
        return found | {"outcome": "not run", "reason": phase.absent, "exit": 0}
    begin = time.monotonic()
    process = subprocess.Popen(
        phase.command,
        cwd=PROJECT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, which can be ended as a whole
    )
    tail: deque[str] = deque(maxlen=TAIL)
    reader = threading.Thread(target=_show, args=(process, tail))
    reader.start()
    try:
        code, outcome = process.wait(phase.seconds), "failed"
    except subprocess.TimeoutExpired:
        code, outcome = CUT, "cut"
    finally:
        _end(process)
        reader.join()
    seconds = round(time.monotonic() - begin, 1)
    outcome = outcome if code else "passed"
    print(f"-- {phase.name}: {outcome} after {seconds} s", flush=True)
    code = 128 - code if code < 0 else code  # ended by a signal: as a shell has it
    return found | {"outcome": outcome, "exit": code, "seconds": seconds, "output": list(tail)}


def run_all(todo: list[Phase], result: Path, numbers: Path) -> int:
    """Run them in turn and keep RESULT.json; the highest exit code."""
    done: list[dict[str, Any]] = []
    lacking = None
    for phase in todo:
        done.append(run(phase._replace(absent=lacking or phase.absent)))
        if phase.needed and done[-1]["exit"]:
            lacking = f"{phase.name} {done[-1]['outcome']}"
        report = {
            "exit": max(one["exit"] for one in done),
            "finished": len(done) == len(todo),
            "phases": done,
            "benchmark": json.loads(numbers.read_text()) if numbers.exists() else None,
        }
        result.write_text(json.dumps(report, indent=2) + "\n")
    return report["exit"]


def _environment() -> dict[str, str]:
    """As here, but only the tests' and benchmarks' folders before the installed packages."""
    paths = os.pathsep.join(str(PROJECT / name) for name in ("tests", "benchmarks"))
    return os.environ | {
        "PYTHONPATH": paths, "EMBEDLAYER_REQUIRE": "cupy", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


def _show(process: subprocess.Popen[str], tail: deque[str]) -> None:
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            print(line, end="", flush=True)
            tail.append(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    """End what the phase started, too, if anything still runs."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(3)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--wheels", type=Path)
    chosen = parser.parse_args()
    numbers = chosen.result.with_suffix(".benchmark.json").resolve()
    numbers.unlink(missing_ok=True)
    wheels = chosen.wheels and chosen.wheels.resolve()
    return run_all(phases(str(chosen.text.resolve()), numbers, wheels), chosen.result, numbers)


if __name__ == "__main__":
    sys.exit(main())
