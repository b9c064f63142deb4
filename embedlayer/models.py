"""Skip-gram and CBOW: their options, their tables, and how a chunk of a corpus becomes examples."""

from dataclasses import asdict, dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from embedlayer import rng
from embedlayer.errors import EmbedlayerError
from embedlayer.text.corpus import Corpus
from embedlayer.text.noise import alias_table, huffman_tree, thresholds
from embedlayer.text.vocabulary import Vocabulary

LANES = 16  # tables are padded to this many columns, so that every row fills whole cache lines
LINE = 64  # bytes of a cache line
INIT_ROWS = 4096  # rows of the input table drawn at once, to bound the memory in use


class NegativeSampling:
    """Each target against K words drawn from the noise distribution, counts**power.

    Mikolov et al., "Distributed representations of words and phrases and their compositionality",
    NIPS 2013, section 2.2; here the K draws are shared by all the contexts of a window.
    """

    def __init__(self, vocabulary: Vocabulary, model: "Word2Vec", xp: Any) -> None:
        prob, alias = alias_table(vocabulary.counts.astype(np.float64) ** model.noise_power)
        self.prob, self.alias = xp.asarray(prob), xp.asarray(alias)
        self.negative = model.negative
        self.labels = xp.zeros((1, 1 + model.negative), np.float32)
        self.labels[0, 0] = 1

    @staticmethod
    def output_rows(words: int) -> int:
        """The rows of the output table: one a word."""
        return words

    def rows(
        self, kernels: ModuleType, targets: Any, positions: Any, key: np.uint64
    ) -> tuple[Any, Any]:
        """The output rows, int32 (B, 1 + K), and their labels, float32 (1, 1 + K)."""
        rows = kernels.draw(self.prob, self.alias, targets, positions, self.negative, key)
        return rows, self.labels


class HierarchicalSoftmax:
    """Each target as the turns on its way through the Huffman tree of the counts.

    Morin and Bengio, "Hierarchical probabilistic neural network language model", AISTATS 2005.
    """

    def __init__(self, vocabulary: Vocabulary, model: "Word2Vec", xp: Any) -> None:
        tree = huffman_tree(vocabulary.counts)
        self.paths, self.labels = xp.asarray(tree.rows), xp.asarray(tree.labels)

    @staticmethod
    def output_rows(words: int) -> int:
        """The rows of the output table: one an inner node of the tree."""
        return max(1, words - 1)

    def rows(
        self, kernels: ModuleType, targets: Any, positions: Any, key: np.uint64
    ) -> tuple[Any, Any]:
        """The output rows, int32 (B, L), and their labels, float32 (B, L)."""
        return self.paths[targets], self.labels[targets]


LOSSES: dict[str, type[NegativeSampling] | type[HierarchicalSoftmax]] = {
    "negative": NegativeSampling,
    "hierarchical": HierarchicalSoftmax,
}


@dataclass(frozen=True, kw_only=True)
class Word2Vec:
    """The options of a model; :class:`SkipGram` and :class:`CBOW` are the two to use.

    Args:
        dim: D, the dimensions of a vector.
        window: the largest number of context words on each side; each window draws its own
            half-width, uniform on 1 … ``window``.
        loss: 'negative' (negative sampling) or 'hierarchical' (hierarchical softmax).
        negative: K, the noise words a window (negative sampling alone).
        noise_power: the noise distribution is counts**noise_power.
        sample: the relative frequency above which words are subsampled; 0 keeps every token.

    Raises:
        EmbedlayerError: a value out of range, by name.
    """

    dim: int = 100
    window: int = 5
    loss: str = "negative"
    negative: int = 5
    noise_power: float = 0.75
    sample: float = 1e-4

    name: ClassVar[str]
    default_lr: ClassVar[float]

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise EmbedlayerError(f"loss {self.loss!r}: choose {' or '.join(LOSSES)}")
        for name, least in (("dim", 1), ("window", 1), ("negative", 1), ("sample", 0.0)):
            value = getattr(self, name)
            if not least <= value < 2**31:
                raise EmbedlayerError(f"{name} is {value}: it must be at least {least}")
        if not abs(self.noise_power) <= 10:  # beyond, powers of large counts overflow
            raise EmbedlayerError(f"noise_power is {self.noise_power}: it must be within ±10")

    def options(self) -> dict[str, Any]:
        """Every option by name, as the vectors' metadata records them."""
        return {"model": self.name, **asdict(self)}

    def step_mode(self) -> tuple[bool, bool]:
        """The ``mean`` and ``divide`` of ``kernels.sgd_step``."""
        raise NotImplementedError("Word2Vec holds the options; use SkipGram or CBOW")

    def tables(self, vocabulary: Vocabulary, seed: int, xp: Any) -> tuple[Any, Any]:
        """The two tables at the start of training, float32.

        ``W_in`` is uniform in ±0.5/D from the seed, the same on every device; ``W_out`` is zero.
        Both have D columns and then zeros up to a multiple of 16, which training leaves zero.
        """
        words = len(vocabulary)
        W_in = _zeros(xp, words, self.dim)
        key = rng.make_key(seed, "W_in")
        for first in range(0, words, INIT_ROWS):
            rows = W_in[first : first + INIT_ROWS, : self.dim]
            rows[...] = (rng.uniform(xp, key, rows.shape, first * self.dim) - 0.5) / self.dim
        return W_in, _zeros(xp, LOSSES[self.loss].output_rows(words), self.dim)

    def table_bytes(self, words: int) -> int:
        """The memory that :meth:`tables` take for a vocabulary of so many words."""
        return (words + LOSSES[self.loss].output_rows(words)) * _padded(self.dim) * 4


@dataclass(frozen=True, kw_only=True)
class SkipGram(Word2Vec):
    """Every context word of a window predicts the centre word by itself."""

    name: ClassVar[str] = "skipgram"
    default_lr: ClassVar[float] = 0.025

    def step_mode(self) -> tuple[bool, bool]:
        """Every context is a hidden vector of its own."""
        return False, False


@dataclass(frozen=True, kw_only=True)
class CBOW(Word2Vec):
    """The mean of a window's context words predicts the centre word.

    Args:
        divide: give each context word the hidden gradient divided by their number, the true
            gradient of a mean; False gives it whole to each, as word2vec.c and gensim do.
    """

    divide: bool = False

    name: ClassVar[str] = "cbow"
    default_lr: ClassVar[float] = 0.05

    def step_mode(self) -> tuple[bool, bool]:
        """One averaged hidden vector a window."""
        return True, self.divide


MODELS: dict[str, type[Word2Vec]] = {"skipgram": SkipGram, "cbow": CBOW}


class Batch(NamedTuple):
    """The training examples of a chunk, or a part of them; shapes as in ``kernels``."""

    contexts: Any
    offsets: Any
    rows: Any
    labels: Any
    measured: Any

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, size: int) -> list["Batch"]:
        """The same examples, ``size`` windows at a time."""
        if size >= len(self):
            return [self]  # uncut: a device would have to say where its contexts are
        return [self._part(first, first + size) for first in range(0, len(self), size)]

    def _part(self, first: int, last: int) -> "Batch":
        offsets = self.offsets[first : last + 1]
        labels = self.labels if len(self.labels) == 1 else self.labels[first:last]
        contexts = self.contexts[int(offsets[0]) : int(offsets[-1])]
        rows, measured = self.rows[first:last], self.measured[first:last]
        return Batch(contexts, offsets - offsets[0], rows, labels, measured)


class Examples:
    """The training examples of a corpus: a pure function of seed, corpus, model and epoch.

    Neither the chunk size nor the number of workers changes them.

    Args:
        corpus, model: the text and the options.
        seed: of all random choices.
        kernels, xp: what computes them, and on which arrays.
        chunk_tokens: a chunk is the sentences that begin in this many tokens.
        measure: the loss is measured on 1 in this many windows, chosen by position.
    """

    def __init__(
        self,
        corpus: Corpus,
        model: Word2Vec,
        seed: int,
        kernels: ModuleType,
        xp: Any,
        *,
        chunk_tokens: int,
        measure: int,
    ) -> None:
        self.corpus, self.model, self.seed = corpus, model, seed
        self.kernels, self.xp, self.measure = kernels, xp, measure
        keep = thresholds(corpus.vocabulary.keep_probabilities(model.sample))
        self.keep = xp.asarray(keep)
        self.loss = LOSSES[model.loss](corpus.vocabulary, model, xp)
        starts = np.arange(0, len(corpus.ids), chunk_tokens)
        first = np.searchsorted(corpus.offsets, starts, side="left")
        self.sentences = np.unique(np.append(first, len(corpus.offsets) - 1))

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self.sentences) - 1

    @cached_property
    def starts(self) -> np.ndarray:
        """int64, (chunks + 1,): the position of each chunk's first token, then the corpus's end."""
        return np.asarray(self.corpus.offsets[self.sentences])

    def batch(self, epoch: int, chunk: int) -> tuple[Batch, Any]:
        """The examples of one chunk in one epoch, and how many of its tokens were kept.

        That number is int64; on a device it stays there, as to read it would be to wait.
        """
        kernels, xp, model = self.kernels, self.xp, self.model
        first, last = self.sentences[chunk], self.sentences[chunk + 1]
        start, end = int(self.starts[chunk]), int(self.starts[chunk + 1])
        ids = xp.asarray(self.corpus.ids[start:end])
        offsets = xp.asarray(self.corpus.offsets[first : last + 1] - start)

        key = self._key("subsample", epoch)
        ids, offsets, positions = kernels.subsample(ids, offsets, start, self.keep, key)
        kept = offsets[-1]
        key = self._key("window", epoch)
        contexts, offsets, targets, positions = kernels.windows(
            ids, offsets, positions, model.window, key
        )
        key = self._key("negative", epoch)
        rows, labels = self.loss.rows(kernels, targets, positions, key)
        measured = positions % self.measure == 0
        return Batch(contexts, offsets, rows, labels, measured), kept

    def _key(self, purpose: str, epoch: int) -> np.uint64:
        return rng.make_key(self.seed, purpose, epoch)


def _padded(dim: int) -> int:
    return -(-dim // LANES) * LANES


def _zeros(xp: Any, rows: int, dim: int) -> Any:
    """Zeros, float32, (rows, dim padded to whole vectors), each row beginning on a cache line."""
    columns = _padded(dim)
    if xp is not np:
        return xp.zeros((rows, columns), np.float32)
    memory = np.zeros(rows * columns * 4 + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + rows * columns * 4].view(np.float32).reshape(rows, columns)
