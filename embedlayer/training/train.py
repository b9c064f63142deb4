"""The whole way from a text to vectors in one call."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from embedlayer.backend import get_backend
from embedlayer.device import DEVICES
from embedlayer.models.options import Word2Vec
from embedlayer.options import check_names
from embedlayer.text.corpus import Corpus
from embedlayer.text.options import CorpusOptions
from embedlayer.training.checkpoint import CheckpointFolder
from embedlayer.training.checks import checked_callbacks, checked_model
from embedlayer.training.options import (
    FILE_NAMES,
    RUN_NAMES,
    SENTENCE_NAMES,
    TrainOptions,
    run_options,
)
from embedlayer.training.plan import check_largest
from embedlayer.training.run import Training
from embedlayer.vectors.vectors import Vectors


def train(
    corpus: Corpus | str | os.PathLike[str] | Iterable[Sequence[str]],
    model: Word2Vec | None = None,
    **options: Unpack[TrainOptions],
) -> Vectors:
    """Train word vectors: the whole way from a text in one call.

    Args:
        corpus: a :class:`Corpus`; or what makes one: a file's path, an iterable of token lists, or
            a column of texts or token lists (pandas, Polars, Arrow, NumPy): ``train(df["text"])``.
        model: SkipGram(...) or CBOW(...); default SkipGram().
        options: as :class:`Training` takes them: epochs, lr, seed, workers, backend, callbacks …;
            and, where the corpus is made here, as ``Corpus.from_files`` or ``from_sentences``
            takes them: min_count, max_size, max_sentence …

    Raises:
        EmbedlayerError: a text that cannot be used, or an option that is unknown or out of range.
    """
    given: dict[str, Any] = {**options}
    run = {name: given.pop(name) for name in RUN_NAMES if name in given}
    checked, rest = run_options(run)  # all that is known before the text is read
    checked.rates(checked_model(model))
    largest = CorpusOptions(max_size=given.get("max_size")).max_size
    check_largest(checked_model(model), largest, DEVICES[get_backend(checked.backend)])
    checked_callbacks(rest.get("callbacks", ()))
    if rest.get("checkpoint") is not None:
        CheckpointFolder(rest["checkpoint"])
    if isinstance(corpus, Corpus):
        check_names(given, RUN_NAMES)
    elif isinstance(corpus, str | os.PathLike):
        check_names(given, FILE_NAMES + RUN_NAMES)
        workers = {name: run[name] for name in run if name == "workers"}
        corpus = Corpus.from_files(corpus, **given, **workers)
    else:
        check_names(given, SENTENCE_NAMES + RUN_NAMES)
        corpus = Corpus.from_sentences(corpus, **given)
    return Training(corpus, model, **run).run()
