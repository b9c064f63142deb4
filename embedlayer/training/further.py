"""What was learnt before, as the start of a run: on more text, with new words, at another rate."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels
from embedlayer.models.options import MODELS, SkipGram, Word2Vec, made_model
from embedlayer.models.tables import start_tables
from embedlayer.options import Real
from embedlayer.storage.reading import expanded
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.checkpoint import Checkpoint, checkpoints_in, read_checkpoint
from embedlayer.training.state import State
from embedlayer.vectors.subwords import SubwordRows
from embedlayer.vectors.vectors import Vectors

OLD_RATE = 0.1  # so that known words keep most of their neighbours: docs/performance.md
RATE = Real(0, 1)
PART = 1 << 12  # words whose bags are looked at together

_log = logging.getLogger("embedlayer")


class Learnt(NamedTuple):
    """What is known of words: from vectors, or from a checkpoint.

    Attributes:
        vocabulary: the words; their counts are 0 where they are not known.
        matrix: float32, (V, D): the vector of each word of ``vocabulary``.
        output: float32, (R, D), the output table, or None.
        model: the options of the model that learnt them, by name; empty where they are not known.
        ngrams: the rows of n-grams, where the vectors are made of them.
    """

    vocabulary: Vocabulary
    matrix: np.ndarray
    output: np.ndarray | None
    model: dict[str, Any]
    ngrams: SubwordRows | None = None

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
            return _of_checkpoint(found)
        return _of_vectors(Vectors.load(str(source)))

    def made_model(self, **options: Any) -> Word2Vec:
        """The model that learnt them, with these options in place of its own."""
        known = {"dim": self.matrix.shape[1]} | self.model
        if self.ngrams is not None:
            known["subwords"] = self.ngrams.subwords
        known |= options
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
    a tree do, only all together with the same words and counts; else they begin at zero. Where the
    model has n-grams, their rows go with them; a known word's own row is what makes its vector the
    one that it had, and an n-gram of known words takes as little of its changes as the least of
    them.

    Args:
        learnt: what is known.
        vocabulary: the words of the run.
        model: trains them.
        seed: of the new words' rows.
        old_rates: how much of their changes the known words take, 0 to 1; 0 freezes them. One
            number, or one for each word: those that are not named take all.

    Raises:
        EmbedlayerError: other dimensions, other n-grams, no word in common, a rate out of range.
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
    bags = model.make_inputs(vocabulary.words, DEVICES["numpy"]).bags()
    _set_inputs(tables.W_in[:, :dim], learnt, model, vocabulary.words, old, rows[old])
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
    rates = _rates(vocabulary, old, old_rates)
    return State(tables, rates=_rates_of_rows(rates, bags, len(tables.W_in)))


def _set_inputs(
    W_in: np.ndarray,
    learnt: Learnt,
    model: Word2Vec,
    words: Sequence[str],
    old: np.ndarray,
    known: np.ndarray,
) -> None:
    """Set the rows of known words, ``old``, and of n-grams, so that the words have their vectors.

    Args:
        W_in: the input table as any run begins with it; changed in place.
        words: of the run.
        known: the rows of ``learnt.matrix`` of these words.
    """
    ngrams = None
    if model.subwords is not None:
        ngrams = SubwordRows(model.subwords, W_in[len(words) :])
    if ngrams is not None and learnt.ngrams is not None:
        if learnt.ngrams.subwords != model.subwords or learnt.ngrams.kept is not None:
            raise EmbedlayerError(
                f"the vectors have {learnt.ngrams.subwords}, not {model.subwords}, or not all of "
                "their rows: train on with n-grams of the same lengths and buckets, of vectors "
                "that were not pruned"
            )
        W_in[len(words) :] = learnt.ngrams.array()
    for part in np.array_split(np.arange(len(old)), 1 + len(old) // PART):
        vectors = learnt.matrix[known[part]]
        if ngrams is not None:
            vectors = ngrams.own_rows([words[row] for row in old[part].tolist()], vectors)
        W_in[old[part]] = vectors


def _rates_of_rows(
    rates: np.ndarray | None, bags: tuple[np.ndarray, np.ndarray], rows: int
) -> np.ndarray | None:
    """float32, (rows,): the rate of each row of W_in, the least of the words that read it."""
    if rates is None:
        return None
    ids, offsets = bags
    found = np.ones(rows, np.float32)
    np.minimum.at(found, ids, rates.repeat(np.diff(offsets)))
    return found


def _rates(
    vocabulary: Vocabulary, old: np.ndarray, given: float | Mapping[str, float]
) -> np.ndarray | None:
    """float32, (V,): the rate of each word; None where all take all."""
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
    vocabulary = Vocabulary(words, counts[order])
    return Learnt(vocabulary, vectors.matrix[order], output, model, vectors.subwords)


def _of_checkpoint(found: Checkpoint) -> Learnt:
    """What a checkpoint tells."""
    about, vocabulary, host = found.about["model"], found.vocabulary(), DEVICES["numpy"]
    model = made_model(about)
    inputs = model.make_inputs(vocabulary.words, host)
    W_in, W_out = (table[:, : model.dim] for table in found.state.tables)
    ngrams = None
    if model.subwords is not None:
        ngrams = SubwordRows(model.subwords, W_in[len(vocabulary) :])
    kernels = load_kernels("numpy", "fused")  # the reference would copy each row of each bag
    matrix = inputs.vectors(kernels, found.state.tables.W_in, len(vocabulary))[:, : model.dim]
    return Learnt(vocabulary, matrix, W_out, about, ngrams)
