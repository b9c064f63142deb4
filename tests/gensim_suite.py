"""gensim's own tests, read from the installed gensim, with its names standing for ours.

Nothing of them is copied: a module's source is executed with an ``import`` that hands out
``embedlayer.compat.gensim`` where it asks for ``gensim.models``.
"""

import builtins
import importlib
import importlib.util
import logging
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from embedlayer.compat import gensim as ours


class Lines(logging.Handler):
    """The log of a test, as testfixtures' ``log_capture`` gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __str__(self) -> str:
        return "\n".join(self.lines)


def log_capture() -> Callable[..., Any]:
    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(self: unittest.TestCase) -> None:
            lines = Lines()
            logging.getLogger("embedlayer").addHandler(lines)
            try:
                test(self, lines)
            finally:
                logging.getLogger("embedlayer").removeHandler(lines)

        return run

    return decorate


def load_word2vec_format(cls: Any, binary_chunk_size: int, **options: Any) -> Any:
    """gensim's function of that name; files are not read in chunks here."""
    return cls.load_word2vec_format(**options)


def stand_ins() -> dict[str, Any]:
    """What ``import`` hands out, by name."""
    utils = importlib.import_module("gensim.test.utils")
    theirs = importlib.import_module("gensim.models.keyedvectors")
    keyedvectors = SimpleNamespace(
        KeyedVectors=ours.KeyedVectors,
        REAL=theirs.REAL,
        pseudorandom_weak_vector=theirs.pseudorandom_weak_vector,
        _load_word2vec_format=load_word2vec_format,
    )
    models = SimpleNamespace(
        word2vec=ours, keyedvectors=keyedvectors, KeyedVectors=ours.KeyedVectors
    )
    gensim = SimpleNamespace(
        models=models,
        utils=importlib.import_module("gensim.utils"),
        test=SimpleNamespace(utils=utils),
    )
    return {
        "gensim": gensim,
        "gensim.models": models,
        "gensim.models.keyedvectors": keyedvectors,
        "testfixtures": SimpleNamespace(log_capture=log_capture),
        "ot": SimpleNamespace(emd2=None),  # says that word mover's distance can be computed
    }


def load(name: str) -> ModuleType:
    """A module of gensim's tests, with our names in the place of gensim's."""
    known = stand_ins()

    def import_(module: str, *where: Any, **more: Any) -> Any:
        fromlist = where[2] if len(where) > 2 else more.get("fromlist")
        if not fromlist and module.split(".")[0] == "gensim":
            return known["gensim"]
        return known[module] if module in known else builtins.__import__(module, *where, **more)

    spec = importlib.util.find_spec(f"gensim.test.{name}")
    assert spec is not None
    assert spec.origin is not None
    module = ModuleType(spec.name)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(compile(Path(spec.origin).read_text(encoding="utf-8"), spec.origin, "exec"), vars(module))
    return module


def tests_of(module: ModuleType) -> Iterator[unittest.TestCase]:
    """Its tests, one by one."""

    def flat(suite: Any) -> Iterator[unittest.TestCase]:
        for one in suite:
            yield from flat(one) if isinstance(one, unittest.TestSuite) else [one]

    yield from flat(unittest.defaultTestLoader.loadTestsFromModule(module))
