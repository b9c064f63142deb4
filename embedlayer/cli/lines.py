"""Lines that a person types at a prompt: edited, completed from words, kept in a history.

prompt_toolkit (the extra ``prompt``) reads them where it is installed; else ``input``, with
readline where Python has that.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from heapq import nsmallest
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from embedlayer.cli.output import note, tell
from embedlayer.errors import EmbedlayerError, MissingLibraryError, extra_library
from embedlayer.storage.folders import cache_folder

MOST_OFFERED = 50
HISTORY_LINES = 1000
DELIMITERS = " \t"


class Beginnings:
    """Words by their first letters.

    Args:
        words: the most frequent first.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def of(self, beginning: str) -> list[str]:
        """The words that begin so, the most frequent first, so many as are offered."""
        order, last = self._order, beginning + "\U0010ffff"
        first = bisect_left(order, beginning, key=self._words.__getitem__)
        end = bisect_left(order, last, first, key=self._words.__getitem__)
        return [self._words[row] for row in nsmallest(MOST_OFFERED, order[first:end])]

    @cached_property
    def _order(self) -> list[int]:
        """The rows of the words in the order of letters."""
        return sorted(range(len(self._words)), key=self._words.__getitem__)


def line_reader(name: str, words: Sequence[str]) -> Callable[[], str]:
    """What reads the next line; it raises KeyboardInterrupt for Ctrl-C and EOFError for Ctrl-D.

    Args:
        name: of the prompt, and of its history.
        words: with which the Tab key completes.
    """
    prompt, beginnings = f"{name}> ", Beginnings(words)
    try:
        toolkit = extra_library("prompt_toolkit", "prompt")
    except MissingLibraryError as missing:
        note(f"{missing}: lines are edited and completed better with it")
        return _by_readline(prompt, beginnings, _history_file(f"{name}.readline"))
    return _by_toolkit(toolkit, prompt, beginnings, _history_file(name))


def _history_file(name: str) -> Path | None:
    """Where lines are kept, for their user alone; None where nothing can be."""
    with suppress(EmbedlayerError, OSError):
        file = cache_folder() / "history" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        if os.access(file, os.R_OK | os.W_OK):
            return file
    return None


def _by_toolkit(
    toolkit: ModuleType, prompt: str, beginnings: Beginnings, history: Path | None
) -> Callable[[], str]:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion, ThreadedCompleter
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class Words(Completer):
        def get_completions(self, document: Document, _: CompleteEvent) -> Iterator[Completion]:
            typed = document.text_before_cursor.rpartition(" ")[2]
            for word in beginnings.of(typed) if typed else ():
                yield Completion(word, -len(typed))

    session = toolkit.PromptSession(
        prompt,
        completer=ThreadedCompleter(Words()),  # the first time takes a moment
        complete_while_typing=False,
        history=InMemoryHistory() if history is None else FileHistory(str(history)),
    )
    return session.prompt


def _by_readline(prompt: str, beginnings: Beginnings, history: Path | None) -> Callable[[], str]:
    readline = _readline()
    if readline is not None:
        readline.set_completer_delims(DELIMITERS)
        readline.set_completer(_completer(beginnings))
        libedit = getattr(readline, "backend", "readline") != "readline"
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
        readline.clear_history()
        readline.set_history_length(HISTORY_LINES)
        if history is not None:
            with suppress(OSError):
                readline.read_history_file(history)

    def read() -> str:
        try:
            line = input(prompt)
        except (KeyboardInterrupt, EOFError):
            tell("")  # what is printed next is not behind what was typed
            raise
        if readline is not None and history is not None:
            with suppress(OSError):
                readline.write_history_file(history)
        return line

    return read


def _readline() -> Any:
    """Python's module; None on Windows."""
    try:
        return import_module("readline")
    except ImportError:
        return None


def _completer(beginnings: Beginnings) -> Callable[[str, int], str | None]:
    """As readline asks for completions: one after the other, by their number."""
    found: list[str] = []

    def complete(beginning: str, number: int) -> str | None:
        if number == 0:
            found[:] = beginnings.of(beginning) if beginning else []
        return found[number] if number < len(found) else None

    return complete
