"""Skip-gram and CBOW: their options, and what they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from embedlayer.device import Device
from embedlayer.kernels.arguments import Mode
from embedlayer.models.inputs import INPUTS
from embedlayer.models.inputs.protocol import Inputs
from embedlayer.models.outputs import LOSSES
from embedlayer.models.outputs.protocol import Outputs, OutputSizes
from embedlayer.ngrams import Subwords
from embedlayer.options import Choice, Flag, Group, Real, Whole, check_options, option


@dataclass(frozen=True, kw_only=True)
class Word2Vec:
    """The options of a model; :class:`SkipGram` and :class:`CBOW` are the two to use.

    Args:
        dim: D, the dimensions of a vector.
        window: the largest number of context words on each side.
        shrink_windows: each window draws its own half-width, uniform on 1 … ``window``, so that
            near words count more; False gives all of them ``window``.
        loss: 'negative' (negative sampling) or 'hierarchical' (hierarchical softmax).
        negative: K, the noise words per window (negative sampling alone).
        noise_power: the noise distribution is counts**noise_power.
        sample: the relative frequency above which words are subsampled; 0 keeps every token.
        subwords: ``Subwords(...)``, the n-grams whose rows are a part of a word's vector, as
            fastText has them; None, words alone.

    Attributes:
        name: as ``MODELS`` and the metadata of vectors name it.
        default_lr: the learning rate at the start, unless told otherwise.
        lr_fall: the learning rate ends at lr / lr_fall, unless told otherwise.
        sharing_windows: how many windows have the same negatives.

    Raises:
        EmbedlayerError: a value out of range, by name.
    """

    dim: int = option(100, Whole(1, 2**20), "Dimensions of a vector.")
    window: int = option(5, Whole(1, 2**20), "Most context words on each side.")
    shrink_windows: bool = option(
        True, Flag(), "Each window draws its half-width, from 1 up.", "shrink-windows"
    )
    loss: str = option("negative", Choice(LOSSES), "How a target is learnt.")
    negative: int = option(5, Whole(1, 2**20), "Noise words drawn for a window.")
    noise_power: float = option(  # beyond ±10, powers of large counts overflow
        0.75, Real(-10, 10), "Noise words are drawn as counts to this power."
    )
    sample: float = option(1e-4, Real(0), "Words above this frequency are subsampled; 0: none.")
    subwords: Subwords | None = option(
        None, Group(Subwords), "Words are made of n-grams, too, of so many characters.", "none"
    )

    name: ClassVar[str]
    default_lr: ClassVar[float]
    lr_fall: ClassVar[float]
    sharing_windows: ClassVar[int]

    def __post_init__(self) -> None:
        check_options(self)

    def options(self) -> dict[str, Any]:
        """Every option by name, as the vectors' metadata records them."""
        options = {"model": self.name, **asdict(self)}
        return {name: value for name, value in options.items() if value is not None}

    def mode(self) -> Mode:
        """How hidden vectors are formed: each context is one."""
        return Mode()

    @property
    def half_widths(self) -> tuple[int, int]:
        """The smallest and the largest number of context words on each side."""
        return (1 if self.shrink_windows else self.window), self.window

    @property
    def most_hidden(self) -> int:
        """The most hidden vectors of a window."""
        return 1 if self.mode().mean else 2 * self.window

    @property
    def inputs(self) -> str:
        """What a context reads, a name in ``INPUTS``."""
        return "words" if self.subwords is None else "subwords"

    def make_inputs(self, words: Sequence[str], device: Device) -> Inputs:
        """What the contexts read, of a vocabulary of these words."""
        return INPUTS[self.inputs](words, device, **self._taken(INPUTS[self.inputs]))

    def input_rows(self, words: int) -> int:
        """The rows of the input table for so many words."""
        return INPUTS[self.inputs].table_rows(words, **self._taken(INPUTS[self.inputs]))

    @property
    def start(self) -> float:
        """The input table starts uniform in ±start / √D."""
        found: float = INPUTS[self.inputs].start
        return found

    def outputs(self, counts: np.ndarray, device: Device) -> Outputs:
        """What targets are scored against, for words with these counts: int64, (V,)."""
        return LOSSES[self.loss](counts, device, **self._taken(LOSSES[self.loss]))

    def output_sizes(self, words: int, tokens: int) -> OutputSizes:
        """What the outputs take for so many words of the vocabulary, and tokens of the text."""
        return LOSSES[self.loss].sizes(words, tokens, **self._taken(LOSSES[self.loss]))

    def _taken(self, part: Any) -> dict[str, Any]:
        """The options that inputs or outputs declare."""
        return {name: getattr(self, name) for name in part.options}


@dataclass(frozen=True, kw_only=True)
class SkipGram(Word2Vec):
    """Every context word of a window predicts the centre word by itself."""

    name: ClassVar[str] = "skipgram"
    default_lr: ClassVar[float] = 0.025
    lr_fall: ClassVar[float] = 250
    sharing_windows: ClassVar[int] = 1  # 16 cost 0.002 of SimLex: docs/design.md, section 5


@dataclass(frozen=True, kw_only=True)
class CBOW(Word2Vec):
    """The mean of a window's context words predicts the centre word.

    Args:
        divide: give each context word the hidden gradient divided by their number, the true
            gradient of a mean; False gives it whole to each, as word2vec.c and gensim do.
    """

    divide: bool = option(
        False, Flag(), "CBOW: divide the hidden gradient among the context words.", "no-divide"
    )

    name: ClassVar[str] = "cbow"
    default_lr: ClassVar[float] = 0.05
    lr_fall: ClassVar[float] = 4  # to 250 costs 0.01 of the analogies: docs/design.md, section 5
    sharing_windows: ClassVar[int] = 16

    def mode(self) -> Mode:
        """One averaged hidden vector per window."""
        return Mode(mean=True, divide=self.divide)


MODELS: dict[str, type[Word2Vec]] = {"skipgram": SkipGram, "cbow": CBOW}


def made_model(options: Mapping[str, Any]) -> Word2Vec:
    """The model of which :meth:`Word2Vec.options` told these."""
    given = dict(options)
    return MODELS[given.pop("model")](**given)
