"""Kernels ready before any clock starts: the whole path, once, on a text of a few words."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from embedlayer.models.options import Word2Vec
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training

FEW_BUCKETS = 1000
SHARE = 0.5  # of so few windows, held out where any are
TEXT = Path(__file__).with_name("warmup.txt")  # a file, so that nothing need be tidied up


def warm_up(
    model: Word2Vec, compiling: Callable[[], object], watch: bool = False, **options: Any
) -> float:
    """Compile or load all that training this model will call; the seconds that it took.

    Compiled code is kept on disk, so that only the first run on a machine compiles. Nothing is
    left behind.

    Args:
        model: its tables, for these few words, are made with the options of the real ones.
        compiling: called once, if numba has to compile.
        watch: whether the training will look for neighbours.
        options: as ``Training`` takes them; a mistake in them is found here.

    Raises:
        EmbedlayerError: as ``Training``.
    """
    started = perf_counter()
    with when_compiling(compiling), _few_held_out():
        corpus = Corpus.from_files(TEXT, min_count=1, cache=False, workers=2)
        subwords = model.subwords and replace(model.subwords, buckets=FEW_BUCKETS)
        # Subsampling would leave nothing to train on.
        keeping_all = replace(model, sample=0.0, subwords=subwords)
        workers = min(2, options.get("workers") or 2)  # two call all that many do
        little: Any = {"epochs": 1, "held_out": SHARE if options.get("held_out") else 0.0}
        if not options.get("gpus"):
            little["workers"] = workers
        Training(corpus, keeping_all, watch=int(watch), **options | little).run()
    return perf_counter() - started


@contextmanager
def _few_held_out() -> Iterator[None]:
    """Within the block nothing is logged of how few windows are held out: nobody asked for them."""
    log = logging.getLogger("embedlayer")

    def other(record: logging.LogRecord) -> bool:
        return record.module != "held_out"

    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)


@contextmanager
def when_compiling(tell: Callable[[], object]) -> Iterator[None]:
    """Within the block, call ``tell`` when numba begins to compile, for the first time."""
    from numba.core import event

    class FirstTime(event.Listener):
        told = False

        def on_start(self, event: Any) -> None:
            if not self.told:
                self.told = True
                tell()

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", FirstTime()):
        yield
