"""The demo's text, which every machine has: the documentation of Python and of NumPy.

Docstrings are read out of the source files, which are parsed and never imported.
"""

import ast
import importlib.util
import re
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

PARAGRAPH = re.compile(r"\n\s*\n")
WORD = re.compile(r"[^\W\d_]+")
SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "pydoc_data"}


def demo_sentences(progress: Callable[[int, int], object] | None = None) -> Iterator[list[str]]:
    """The paragraphs of the documentation, each as its words: letters alone, in lower case.

    Args:
        progress: called with the bytes of source read and those in all.
    """
    from pydoc_data.topics import topics

    for text in topics.values():
        yield from _paragraphs(text)
    files = _source_files()
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        done += file.stat().st_size
        for text in _docstrings(file):
            yield from _paragraphs(text)
        if progress:
            progress(done, total)


def _source_files() -> list[Path]:
    """Of the standard library and of NumPy, without their tests."""
    folders = [Path(sysconfig.get_path("stdlib"))]
    numpy = importlib.util.find_spec("numpy")
    if numpy is not None and numpy.origin is not None:
        folders.append(Path(numpy.origin).parent)
    return [
        file
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        if not SKIPPED & set(file.relative_to(folder).parts)
    ]


def _docstrings(file: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):  # on escapes such as "\d"
            module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # written for another version
        return
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _paragraphs(text: str) -> Iterator[list[str]]:
    for paragraph in PARAGRAPH.split(text.lower()):
        yield WORD.findall(paragraph)
