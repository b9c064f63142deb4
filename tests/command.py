"""Running the command line: in this process, or in one of its own."""

import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from embedlayer.cli import main

PROGRAM = [sys.executable, "-P", "-m", "embedlayer"]


def run(*arguments: Any, code: int = 0, stdin: bytes | None = None) -> Result:
    """The command in this process; raises unless it ends with the code."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], stdin)
    if result.exit_code != code:
        raise AssertionError(f"exit code {result.exit_code}: {result.output}") from result.exception
    return result


def mistake(*arguments: Any, stdin: bytes | None = None) -> str:
    """What is wrong, of a command that must end with code 2, one line and no output."""
    result = run(*arguments, code=2, stdin=stdin)
    (line,) = result.stderr.splitlines()
    assert result.stdout == ""
    assert line.startswith("embedlayer: error: ")
    return line.removeprefix("embedlayer: error: ")


def run_process(
    *arguments: Any, code: int = 0, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own; raises unless it ends with the code."""
    command = [*PROGRAM, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, timeout=120, **{"text": True, **options})
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done
