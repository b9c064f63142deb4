"""Skip-gram and CBOW: their options, their tables, and what a target is scored against."""

import math
from dataclasses import asdict, dataclass
from functools import partial
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from embedlayer import rng
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Mode, Tables
from embedlayer.text.noise import alias_table, huffman_tree
from embedlayer.text.vocabulary import Vocabulary

LANES = 16  # tables are padded to this many columns, so that every row fills whole cache lines
LINE = 64  # bytes of a cache line
INIT_ROWS = 4096  # rows of the input table drawn at once, to bound the memory in use
APART = 6  # windows that share their negatives are 2**APART positions from each other
GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


class LossSizes(NamedTuple):
    """What a loss takes.

    Attributes:
        output_rows: of the output table.
        width: R at the most, the output rows of a window.
        window_bytes: their ids and, where they are a window's own, their labels.
        own_bytes: of the tables it draws or walks from.
    """

    output_rows: int
    width: int
    window_bytes: int
    own_bytes: int


class NegativeSampling:
    """Each target against K words drawn from the noise distribution, counts**power.

    Mikolov et al., "Distributed representations of words and phrases and their compositionality",
    NIPS 2013, section 2.2; here the K draws are shared by all the contexts of a window, as in Ji
    et al., "Parallelizing word2vec in shared and distributed memory", 2016, and in CBOW by 16
    windows that lie 64 positions apart. So their rows are still in the cache when they are used
    again, and the windows are too far from each other to have contexts in common: of 16 neighbours,
    which do, the draws would be 16 times the same lesson (docs/design.md, section 5).
    """

    def __init__(self, vocabulary: Vocabulary, model: "Word2Vec", xp: Any) -> None:
        prob, alias = alias_table(vocabulary.counts.astype(np.float64) ** model.noise_power)
        self.prob, self.alias = xp.asarray(prob), xp.asarray(alias)
        self.negative, self.sharing = model.negative, model.sharing
        self.labels = xp.zeros((1, 1 + model.negative), np.float32)
        self.labels[0, 0] = 1

    @staticmethod
    def sizes(model: "Word2Vec", words: int, tokens: int) -> LossSizes:
        """One output row a word; a window has its target and K draws."""
        width = 1 + model.negative
        return LossSizes(words, width, window_bytes=4 * width, own_bytes=8 * words)

    def rows(
        self, kernels: ModuleType, targets: Any, positions: Any, key: np.uint64
    ) -> tuple[Any, Any]:
        """The output rows, int32 (B, 1 + K), and their labels, float32 (1, 1 + K)."""
        shared = self._shared(positions)
        rows = kernels.draw(self.prob, self.alias, targets, shared, self.negative, key)
        return rows, self.labels

    def _shared(self, positions: Any) -> Any:
        """One number for all positions that share their draws: of one place in one block."""
        block, place = positions >> (APART + self.sharing), positions & ((1 << APART) - 1)
        return (block << APART) | place


class HierarchicalSoftmax:
    """Each target as the turns on its way through the Huffman tree of the counts.

    Morin and Bengio, "Hierarchical probabilistic neural network language model", AISTATS 2005.
    """

    def __init__(self, vocabulary: Vocabulary, model: "Word2Vec", xp: Any) -> None:
        tree = huffman_tree(vocabulary.counts)
        self.paths, self.labels = xp.asarray(tree.rows), xp.asarray(tree.labels)
        self.take = partial(xp.take, axis=0)  # of whole rows: thrice as fast as an index

    @staticmethod
    def sizes(model: "Word2Vec", words: int, tokens: int) -> LossSizes:
        """One output row an inner node; a path of L turns takes words with Fibonacci's counts.

        Their sum is at least the golden ratio to the power of L (Katona and Nemetz, "Huffman codes
        and self-information", IEEE TIT 1976).
        """
        nodes = max(1, words - 1)
        width = max(1, min(nodes, int(math.log(tokens, GOLDEN_RATIO))))
        return LossSizes(nodes, width, window_bytes=8 * width, own_bytes=8 * words * width)

    def rows(
        self, kernels: ModuleType, targets: Any, positions: Any, key: np.uint64
    ) -> tuple[Any, Any]:
        """The output rows, int32 (B, L), and their labels, float32 (B, L)."""
        return self.take(self.paths, targets), self.take(self.labels, targets)


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
    sharing: ClassVar[int]  # 2**sharing windows have the same negatives
    lr_fall: ClassVar[float]  # the learning rate ends at lr / lr_fall, unless told otherwise

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

    def mode(self) -> Mode:
        """How hidden vectors are formed: each context is one."""
        return Mode()

    def tables(self, vocabulary: Vocabulary, seed: int, xp: Any) -> Tables:
        """The two tables at the start of training, float32.

        ``W_in`` is uniform in ±0.5/D from the seed, the same on every device; ``W_out`` is zero.
        Both have D columns and then zeros up to a multiple of 16, which training leaves zero.
        """
        shape_in, shape_out = self.table_shapes(len(vocabulary))
        W_in = _zeros(xp, *shape_in)
        key = rng.make_key(seed, "W_in")
        for first in range(0, len(W_in), INIT_ROWS):
            rows = W_in[first : first + INIT_ROWS, : self.dim]
            rows[...] = (rng.uniform(xp, key, rows.shape, first * self.dim) - 0.5) / self.dim
        return Tables(W_in, _zeros(xp, *shape_out))

    def table_shapes(self, words: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The shapes of :meth:`tables` for a vocabulary of so many words."""
        columns = -(-self.dim // LANES) * LANES
        return (words, columns), (self.loss_sizes(words, words).output_rows, columns)

    def loss_sizes(self, words: int, tokens: int) -> LossSizes:
        """What the loss takes for so many words of the vocabulary, and tokens of the text."""
        return LOSSES[self.loss].sizes(self, words, tokens)


@dataclass(frozen=True, kw_only=True)
class SkipGram(Word2Vec):
    """Every context word of a window predicts the centre word by itself."""

    name: ClassVar[str] = "skipgram"
    default_lr: ClassVar[float] = 0.025
    lr_fall: ClassVar[float] = 250
    sharing: ClassVar[int] = 0  # 4 costs 0.002 of SimLex: docs/design.md, section 5


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
    sharing: ClassVar[int] = 4
    lr_fall: ClassVar[float] = 4  # to 250 costs 0.01 of the analogies: docs/design.md, section 5

    def mode(self) -> Mode:
        """One averaged hidden vector a window."""
        return Mode(mean=True, divide=self.divide)


MODELS: dict[str, type[Word2Vec]] = {"skipgram": SkipGram, "cbow": CBOW}


def _zeros(xp: Any, rows: int, columns: int) -> Any:
    """Zeros, float32, (rows, columns), on the CPU each row beginning on a cache line."""
    if xp is not np:
        return xp.zeros((rows, columns), np.float32)
    memory = np.zeros(rows * columns * 4 + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + rows * columns * 4].view(np.float32).reshape(rows, columns)
