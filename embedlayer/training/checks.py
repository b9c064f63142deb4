"""What a run is given, checked: a corpus and a model from which something can be learnt."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError, NothingToLearnError
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.options import SkipGram, Word2Vec
from embedlayer.options import check_function
from embedlayer.text.corpus import Corpus
from embedlayer.training.held_out import check_held_out
from embedlayer.training.steps import Steps

LEAST_KEPT = 0.05  # of the tokens; fewer are hardly meant
PIECE = 1 << 20  # sentences looked at together

_log = logging.getLogger("embedlayer")


def checked_model(model: Word2Vec | None) -> Word2Vec:
    """The model, SkipGram() by default; EmbedlayerError for anything else."""
    if model is not None and not isinstance(model, Word2Vec):
        raise EmbedlayerError(f"model is {model!r}: give SkipGram(...) or CBOW(...)")
    return model or SkipGram()


def checked_callbacks(callbacks: Any) -> tuple[Callable[..., object], ...]:
    """The callbacks as a tuple; EmbedlayerError unless they are functions."""
    if not isinstance(callbacks, Iterable):
        raise EmbedlayerError(f"callbacks is {callbacks!r}: give a list of functions")
    made = tuple(callbacks)
    for i, callback in enumerate(made):
        check_function(f"callbacks[{i}]", callback)
    return made


def check_corpus(corpus: Any, model: Word2Vec, held_out: float = 0.0) -> None:
    """Raise unless kernels can read a corpus, and something can be learnt from it.

    Args:
        corpus, model: of a run.
        held_out: the share of windows that is.

    Raises:
        EmbedlayerError: no corpus, or one that kernels cannot read.
        NothingToLearnError: one from which nothing can be learnt.
    """
    if not isinstance(corpus, Corpus):
        raise EmbedlayerError(
            f"corpus is {corpus!r}: give a Corpus (embedlayer.train takes paths and lists, too)"
        )
    vocabulary = corpus.checked().vocabulary
    if len(vocabulary) < 2:
        raise NothingToLearnError(
            f"{vocabulary.words[0]!r} is the only word of the vocabulary, and has none to differ "
            "from: raise max_size (--max-vocab), lower min_count, or give more text"
        )
    if not _has_contexts(corpus.offsets):
        raise NothingToLearnError(
            "every sentence has one word of the vocabulary, so that none has a context: put what "
            "belongs together on one line, raise max_sentence or lower min_count"
        )
    kept = float(vocabulary.counts @ vocabulary.keep_probabilities(model.sample))
    if kept < 2:
        raise NothingToLearnError(
            f"sample {model.sample} drops every token but {kept:.2g} of {len(corpus.ids)} in an "
            "epoch: raise it, or give 0 to keep all"
        )
    check_held_out(held_out, len(corpus.ids), kept)
    if kept < LEAST_KEPT * len(corpus.ids):
        _log.warning(
            "sample %g keeps %.1f %% of the tokens: raise it (--sample), or give 0 to keep all",
            model.sample,
            100 * kept / len(corpus.ids),
        )


def check_optimizer(name: str, inputs: Reader, steps: Steps) -> None:
    """Raise EmbedlayerError for an optimizer that needs rows which last, where they do not."""
    if inputs.shared and steps.kept:
        raise EmbedlayerError(
            f"the optimizer {name!r} keeps numbers for each row of a table, and n-grams have their "
            "words trained in small tables of a moment: give 'sgd'"
        )


def _has_contexts(offsets: np.ndarray) -> bool:
    """Whether some sentence has two words or more; nearly always the first piece has."""
    pieces = (offsets[i : i + PIECE + 1] for i in range(0, len(offsets) - 1, PIECE))
    return any(int(np.diff(piece).max()) > 1 for piece in pieces)
