"""gensim's options of Word2Vec: its names, order and defaults, checked, and what they are here."""

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from typing import Any

from embedlayer.compat.gensim.errors import refuse
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.models.options import Word2Vec as Model
from embedlayer.options import Flag, Real, Whole, check_options, option

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2  # what a trim_rule answers, as in gensim.utils
TrimRule = Callable[[str, int, int], int]

# Of these options one value alone is honoured; of any other, what to use instead.
ONE_VALUE = {
    "cbow_mean": (1, "CBOW averages a window's words; use sg=1, or cbow_mean=1"),
    "max_vocab_size": (None, "counting takes little memory; use max_final_vocab or min_count"),
    "null_word": (0, "there is no word for padding; leave it out"),
    "sorted_vocab": (1, "words are always in the order of falling count"),
    "hashfxn": (hash, "the start is drawn from seed alone, the same on every machine"),
}


@dataclass(eq=False, repr=False)
class Options:
    """gensim's options, which are attributes of the model, too.

    Args:
        sentences: lists of words, to be gone through once.
        corpus_file: or a file of them, one sentence on each line.
        vector_size: D.
        alpha, min_alpha: the learning rates at the start and the end.
        window: the most words on each side.
        shrink_windows: each window draws its half-width, from 1 up; else all are ``window``.
        min_count: rarer words are left out.
        sample: the relative frequency above which words are subsampled; 0 keeps all.
        seed: of all random choices.
        workers: threads. With one, a run repeats to the bit.
        sg: 1: skip-gram, 0: CBOW.
        hs: 1: hierarchical softmax; then ``negative`` has to be 0.
        negative: the noise words per window.
        ns_exponent: noise words are drawn as counts to this power.
        epochs: passes over the text.
        trim_rule: asked (word, count, min_count) for RULE_KEEP, RULE_DISCARD or RULE_DEFAULT.
        batch_words: gensim's; no result depends on it.
        compute_loss: measure the loss of all windows.
        callbacks: objects as :class:`CallbackAny2Vec`.
        comment: kept.
        max_final_vocab: the most words; a word as rare as the first left out is left out, too.
        max_vocab_size, cbow_mean, hashfxn, null_word, sorted_vocab: one value is
            honoured, the default (``ONE_VALUE``).

    Raises:
        EmbedlayerError: a value that is out of range, or not honoured here (also a ValueError).
    """

    sentences: InitVar[Any] = None
    corpus_file: InitVar[Any] = None
    vector_size: int = option(100, Whole(1, 2**20), "Dimensions.")
    alpha: float = option(0.025, Real(0), "Learning rate at the start.")
    window: int = option(5, Whole(1, 2**20), "Most words on each side.")
    min_count: int = option(5, Whole(0), "Rarer words are left out.")
    max_vocab_size: int | None = None
    sample: float = option(1e-3, Real(0), "Words above this frequency are subsampled.")
    seed: int = option(1, Whole(-(2**62), 2**62), "Of all random choices.")
    workers: int = option(3, Whole(1, 4096), "Threads.")
    min_alpha: float = option(1e-4, Real(0), "Learning rate at the end.")
    sg: int = 0
    hs: int = 0
    negative: int = option(5, Whole(0, 2**20), "Noise words.")
    ns_exponent: float = option(0.75, Real(-10, 10), "Power of the counts.")
    cbow_mean: int = 1
    hashfxn: Callable[..., int] = hash
    epochs: int = option(5, Whole(1, 10**6), "Passes over the text.")
    null_word: int = 0
    trim_rule: TrimRule | None = None
    sorted_vocab: int = 1
    batch_words: int = option(10_000, Whole(), "Nothing depends on it.")
    compute_loss: bool = option(False, Flag(), "Measure the loss.")
    callbacks: Sequence[Any] = ()
    comment: str | None = None
    max_final_vocab: int | None = option(None, Whole(), "The most words.")
    shrink_windows: bool = option(True, Flag(), "Windows draw their half-width.")

    def check(self) -> None:
        """Raise EmbedlayerError for a value that cannot be honoured."""
        check_options(self)
        for name, (honoured, cure) in ONE_VALUE.items():
            if getattr(self, name) != honoured and not (name == "cbow_mean" and self.sg):
                refuse(name, getattr(self, name), cure)
        if bool(self.hs) == bool(self.negative):
            raise EmbedlayerError(
                f"hs={self.hs} and negative={self.negative}: a model has one loss; choose hs=1, "
                "negative=0 (hierarchical softmax) or hs=0, negative=5 (negative sampling)"
            )

    @property
    def layer1_size(self) -> int:
        """D, by another name of gensim's."""
        return self.vector_size

    def as_model(self) -> Model:
        """The same as ``embedlayer.SkipGram`` or ``embedlayer.CBOW``."""
        self.check()
        return (SkipGram if self.sg else CBOW)(
            dim=self.vector_size,
            window=self.window,
            shrink_windows=self.shrink_windows,
            sample=self.sample,
            **(
                {"loss": "hierarchical"}
                if self.hs
                else {"negative": self.negative, "noise_power": self.ns_exponent}
            ),
        )
