"""What was learnt before, as the start of a run: on more text, with new words, at another rate."""

import logging
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import MODELS, SkipGram, Word2Vec
from embedlayer.models.tables import start_tables
from embedlayer.options import Real
from embedlayer.storage.reading import expanded
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.checkpoint import checkpoints_in, read_checkpoint
from embedlayer.training.state import State
from embedlayer.vectors.vectors import Vectors

OLD_RATE = 0.1  # so that known words keep most of their neighbours: docs/performance.md
RATE = Real(0, 1)

_log = logging.getLogger("embedlayer")


class Learnt(NamedTuple):
    """What is known of words: from vectors, or from a checkpoint.

    Attributes:
        vocabulary: the words; their counts are 0 where they are not known.
        matrix: float32, (V, D): a row for each of ``vocabulary``.
        output: float32, (R, D), the output table, or None.
        model: the options of the model that learnt them, by name; empty where they are not known.
    """

    vocabulary: Vocabulary
    matrix: np.ndarray
    output: np.ndarray | None
    model: dict[str, Any]

    @classmethod
    def of(cls, source: "Learnt | Vectors | str | PathLike[str]") -> "Learnt":
        """From vectors, a file of them, or a folder of checkpoints.

        Raises:
            EmbedlayerError, OSError: what ``Vectors.load`` raises; no checkpoint that is whole.
        """
        if isinstance(source, Learnt):
            return source
        if isinstance(source, Vectors):
            return _of_vectors(source)
        if not isinstance(source, str | PathLike):
            raise EmbedlayerError(f"vectors are {source!r:.60}: give Vectors, or a path")
        if checkpoints_in(Path(expanded(source))):
            found = read_checkpoint(source)
            D = found.about["model"]["dim"]
            W_in, W_out = (table[:, :D] for table in found.state.tables)
            return cls(found.vocabulary(), W_in, W_out, found.about["model"])
        return _of_vectors(Vectors.load(str(source)))

    def made_model(self, **options: Any) -> Word2Vec:
        """The model that learnt them, with these options in place of its own."""
        known = {"dim": self.matrix.shape[1]} | self.model | options
        made = MODELS[known.get("model", SkipGram.name)]
        names = {one.name for one in fields(made)}
        return made(**{name: value for name, value in known.items() if name in names})


def start_further(
    learnt: Learnt,
    vocabulary: Vocabulary,
    model: Word2Vec,
    seed: int,
    old_rates: float | Mapping[str, float] = OLD_RATE,
) -> State:
    """The state of a run that begins with what is known of some of its words.

    A new word begins as at the start of any run. Output rows go with their words, or, as those of
    a tree do, only all together with the same words and counts; else they begin at zero.

    Args:
        learnt: what is known.
        vocabulary: the words of the run.
        model: trains them.
        seed: of the new words' rows.
        old_rates: how much of their changes the known words take, 0 to 1; 0 freezes them. One
            number, or one for each word: those that are not named take all.

    Raises:
        EmbedlayerError: other dimensions, no word in common, a rate out of range.
    """
    dim = learnt.matrix.shape[1]
    if model.dim != dim:
        raise EmbedlayerError(f"dim is {model.dim}, but the vectors have {dim} dimensions")
    row_of = {word: row for row, word in enumerate(learnt.vocabulary.words)}
    rows = np.array([row_of.get(word, -1) for word in vocabulary.words])
    old = np.flatnonzero(rows >= 0)
    if len(old) == 0:
        raise EmbedlayerError("no word of the text has a vector: is it of another language?")
    tables = start_tables(model, len(vocabulary), seed, DEVICES["numpy"])
    tables.W_in[old, :dim] = learnt.matrix[rows[old]]
    told = "the output table, of which nothing is known (keep_output keeps it), starts at zero"
    if learnt.output is not None:
        if len(learnt.output) == len(row_of) and len(tables.W_out) == len(rows):
            tables.W_out[old, :dim] = learnt.output[rows[old]]
            told = "so do their output rows"
        elif learnt.vocabulary.checksum() == vocabulary.checksum():
            tables.W_out[:, :dim] = learnt.output
            told = "so does the output table"
        else:
            told = "the output table starts at zero: its tree is another with other counts"
    _log.info("%d words go on, %d are new; %s", len(old), len(rows) - len(old), told)
    return State(tables, rates=_rates(vocabulary, old, old_rates))


def _rates(
    vocabulary: Vocabulary, old: np.ndarray, given: float | Mapping[str, float]
) -> np.ndarray | None:
    """float32, (V,): the rate of each row; None where all take all."""
    rates = np.ones(len(vocabulary), np.float32)
    if isinstance(given, Mapping):
        for word, rate in given.items():
            rates[vocabulary[word]] = RATE.checked(f"old_rates[{word!r}]", rate)
    else:
        rates[old] = RATE.checked("old_rates", given)
    return None if (rates == 1).all() else rates


def _of_vectors(vectors: Vectors) -> Learnt:
    """What vectors tell, the most frequent words first."""
    counts = vectors.counts
    if counts is None:
        counts = np.zeros(len(vectors), np.int64)
    order = np.argsort(-counts, kind="stable")
    words = [vectors.words[row] for row in order.tolist()]
    output = vectors.output
    if output is not None and len(output) == len(order):
        output = output[order]
    model = vectors.metadata if vectors.metadata.get("model") in MODELS else {}
    return Learnt(Vocabulary(words, counts[order]), vectors.matrix[order], output, model)
