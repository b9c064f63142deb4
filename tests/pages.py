"""The project's pages: their blocks of code are run, and what they name is looked up.

Every check raises AssertionError with the page and the line.
"""

import contextlib
import io
import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from command import run
from gpu import double

from embedlayer.cli import main

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
KINDS = ("python", "bash", "text")  # text: trees, formulas, output
PRINTED = "text printed"  # exactly what the block of Python before it prints
NOT_RUN = re.compile(r"(python|bash) norun: (.+)")  # the reason stands in the block's first line

FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
INDENTED = re.compile(r"(?:^\n|\A)((?: {4}.*\n)+)", re.MULTILINE)
CODE = re.compile(r"\s*(from \w[\w.]* import |[\w.]+ = [\w.]+\(|\w+(\.\w+)+\(.*\))")
COMMAND = re.compile(r"\s*(\$ |[A-Z_]+=\S+ +\w|(embedlayer|python3?|pip|bash|pytest|import|from) )")
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"[\w./*-]+\.(py|cu|cpp|h|sh|md|toml|yaml|yml|png|json)|[\w./-]+/")
DOTTED = re.compile(r"embedlayer(\.\w+)+")
NAME = re.compile(r"([A-Za-z_][\w.]*)(?:\(.*\))?")  # a name, or a call


class Block(NamedTuple):
    """A fenced block: where it is, its info string and its lines."""

    page: str
    line: int
    info: str
    text: str

    @property
    def kind(self) -> str:
        return self.info.split()[0] if self.info else ""

    @property
    def reason(self) -> str | None:
        """Why the block is not run; None where it is."""
        found = NOT_RUN.fullmatch(self.info)
        return found and found[2]

    @property
    def at(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    """The fenced blocks; AssertionError where one does not say what it is, or code has no fence."""
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1].strip(), match[2])
        for match in FENCE.finditer(text)
    ]
    for block in found:
        known = block.info in (block.kind, PRINTED) or block.reason
        if block.kind not in KINDS or not known:
            raise AssertionError(f"{block.at}: a block is {', '.join(KINDS)}, not {block.info!r}")
        for line in block.text.splitlines() if block.info == "text" else ():
            if CODE.match(line) or COMMAND.match(line):
                raise AssertionError(
                    f"{block.at}: code in a block of text, which is not run:{line}"
                )
    for indented in INDENTED.findall(without_blocks(text)):
        for line in indented.splitlines():
            if COMMAND.match(line):
                raise AssertionError(f"{page}: code without a fence:{line}")
    return found


def without_blocks(text: str) -> str:
    return FENCE.sub("", text)


def run_blocks(blocks: list[Block]) -> Iterator[tuple[Block, dict[str, Any], str]]:
    """Run the blocks of a page, one session, here; each with the names so far and its output."""
    names: dict[str, Any] = {}
    printed = ""
    with np.printoptions():  # a page may set them
        for block in blocks:
            if block.info == "python":
                printed = run_python(block, names)
            elif block.info == PRINTED and block.text != printed:
                raise AssertionError(f"{block.at}: the code prints\n{printed}not\n{block.text}")
            elif block.info == "bash":
                for line in block.text.splitlines():
                    check_line(block, line)
            yield block, names, printed


def run_python(block: Block, names: dict[str, Any]) -> str:
    output = io.StringIO()
    lines_before = "\n" * block.line  # so that a traceback has the lines of the page
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(lines_before + block.text, block.page, "exec"), names)
    except Exception as error:
        raise AssertionError(f"{block.at}: {type(error).__name__}: {error}") from error
    return output.getvalue()


def check_line(block: Block, line: str) -> None:
    """Run a line of shell that calls embedlayer; look up what any other names."""
    words = shlex.split(line, comments=True)
    environment = {}
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, value = words.pop(0).split("=", 1)
        environment[name] = value
    if not words:
        return
    program, *arguments = words
    if program not in PROGRAMS:
        raise AssertionError(f"{block.at}: nothing checks a line of {program}: {line}")
    try:
        PROGRAMS[program](arguments, environment)
    except AssertionError as error:
        raise AssertionError(f"{block.at}: {line}\n{error}") from error


def _embedlayer(arguments: list[str], environment: dict[str, str]) -> None:
    """On a GPU that is asked for: on CuPy's double."""
    on_double = environment.get("EMBEDLAYER_BACKEND") == "cupy"
    device = double.installed() if on_double else contextlib.nullcontext()
    with device, patch.dict(os.environ, environment):
        run(*arguments)


def _pip(arguments: list[str], _: dict[str, str]) -> None:
    action, *what = arguments
    assert action == "install", "what else than install?"
    for one in what:
        given = re.fullmatch(r"-e|(?:\.|embedlayer)(?:\[(.*)\])?", one)
        assert given, f"{one} is neither '.' nor embedlayer"
        for extra in (given[1] or "").split(","):
            assert not extra or extra in EXTRAS, f"pyproject.toml has no extra {extra}"


def _script(arguments: list[str], _: dict[str, str]) -> None:
    """The script exists, and its options occur in it or in a file beside it."""
    script, *others = arguments
    assert (ROOT / script).is_file(), f"there is no {script}"
    beside = (ROOT / script).parent.glob(f"*{Path(script).suffix}")
    code = "".join(path.read_text() for path in beside)
    for option in others:
        assert not option.startswith("--") or option in code, f"{script} has no {option}"


# What is run, and what is looked up: an extra, a script and its options.
PROGRAMS: dict[str, Callable[[list[str], dict[str, str]], None]] = {
    "embedlayer": _embedlayer,
    "pip": _pip,
    "bash": _script,
    "python": _script,
}


def check_names(page: str, text: str, elsewhere: tuple[str, ...] = ()) -> None:
    """Look up the links of a page, and the files, names and commands in its `code`.

    Args:
        page: relative to the root of the project.
        text: of the page.
        elsewhere: names that are not the project's.
    """
    prose = without_blocks(text)
    for target in LINK.findall(prose):
        if not (ROOT / page).parent.joinpath(target).exists():
            raise AssertionError(f"{page}: a link to {target}, which does not exist")
    for span in SPAN.findall(prose):
        if FILE.fullmatch(span) and span not in elsewhere and not _files(span):
            raise AssertionError(f"{page}: there is no file {span}")
        if DOTTED.fullmatch(span):
            _check_dotted(page, span)
        elif not FILE.fullmatch(span) and (name := NAME.fullmatch(span)):
            for part in set(name[1].split(".")) - set(elsewhere) - words_of_code():
                if part.startswith("test_"):
                    assert part in names_of_tests(), f"{page}: there is no test {part}"
                elif re.search("[A-Z_]", part):  # other words may be English
                    raise AssertionError(f"{page}: no code has the name {part}")
        if span.startswith("embedlayer "):
            _check_command(page, span.split()[1:])


def _files(name: str) -> list[Path]:
    """The files of this name, which is given from the root, from the package or from its folder."""
    for folder in (ROOT, ROOT / "embedlayer"):
        if found := list(folder.glob(name)):
            return found
    folders = ("embedlayer", "tests", "benchmarks", "ci", "docs")
    return [path for folder in folders for path in (ROOT / folder).rglob(name)]


@cache
def words_of_code() -> set[str]:
    folders = ("embedlayer", "benchmarks", "ci", "tests/gpu")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    code = [
        path.read_text() for path in files if path.suffix in (".py", ".cu", ".h", ".cpp", ".sh")
    ]
    return set(re.findall(r"\w+", "".join(code)))


@cache
def names_of_tests() -> set[str]:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(r"def (test_\w+)\(", code))


def _check_dotted(page: str, name: str) -> None:
    found: Any = import_module("embedlayer")
    for part, attribute in enumerate(name.split(".")[1:], 2):
        with contextlib.suppress(ImportError):
            import_module(".".join(name.split(".")[:part]))
        if not hasattr(found, attribute):
            raise AssertionError(f"{page}: there is no {name}")
        found = getattr(found, attribute)


def _check_command(page: str, words: list[str]) -> None:
    command = main.commands.get(words[0])
    if command is None:
        raise AssertionError(f"{page}: there is no command {words[0]}")
    known = {"--help"} | {name for one in command.params for name in one.opts}
    if unknown := {word for word in words if word.startswith("-")} - known:
        raise AssertionError(f"{page}: {words[0]} has no option {', '.join(unknown)}")
