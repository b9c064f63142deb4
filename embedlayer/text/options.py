"""How a text becomes a corpus, and its words phrases: the options, and the type of a tokenizer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import Choice, Real, Whole, check_names, check_options, option
from embedlayer.threads import available_cores

Tokenizer = Callable[[str], Iterable[str]]
SCORES = ("word2vec", "npmi")
THRESHOLDS = {"word2vec": 10.0, "npmi": 0.5}
ENGLISH = "english"
# Articles, prepositions and conjunctions, as gensim's ENGLISH_CONNECTOR_WORDS.
ENGLISH_CONNECTORS = (
    *("a", "an", "the"),
    *("at", "by", "for", "from", "in", "of", "on", "to", "with", "without"),
    *("and", "or"),
)


@dataclass(frozen=True)
class CorpusOptions:
    """How a text becomes a corpus; :meth:`Corpus.from_files` says what each means."""

    min_count: int = option(5, Whole(), "Rarer words are left out.")
    max_size: int | None = option(None, Whole(), "Most words.", "all")
    max_sentence: int = option(1000, Whole(), "Longer lines are cut after so many words.")
    errors: str = option(
        "strict",
        Choice(("strict", "replace")),
        "What is not UTF-8 is an error, or replaced by U+FFFD.",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that become one.

    Attributes:
        words: those between the first and the last are connectors.
        score: above the threshold.
        count: how often it occurs, words that are spelt so included.
    """

    words: tuple[str, ...]
    score: float
    count: int


@dataclass(frozen=True)
class PhraseOptions:
    """What phrases are, in terms of the words of a text.

    Two words are a phrase if they stand together more often than by chance: side by side, or with
    nothing but connectors between them.

    Args:
        passes: how often phrases are looked for; from the second pass on those of the pass before
            are words, so that n passes find phrases of up to 2ⁿ words, and connectors.
        score: 'word2vec', (count(ab) − min_count) / (count(a) · count(b)) · N, N the number of
            different spellings, words and pairs (Mikolov et al., NIPS 2013, as gensim takes it);
            or 'npmi', normalised pointwise mutual information, −1 … 1 (Bouma, GSCL 2009).
        threshold: what is above it is a phrase; default 10 (word2vec) or 0.5 (npmi).
        min_count: pairs that occur less often are none.
        delimiter: what stands between the words of a phrase.
        connectors: words that stand inside of phrases only, and do not count; or 'english'.

    Raises:
        EmbedlayerError: a value out of range, by the option's name.
    """

    passes: int = option(1, Whole(1, 16), "Phrases of up to 2, 4, 8 … words.")
    score: str = option("word2vec", Choice(SCORES), "Of two words.")
    threshold: float | None = option(
        None, Real(-1), "What scores more is a phrase.", "10 word2vec, 0.5 npmi"
    )
    min_count: int = option(5, Whole(), "Pairs that are rarer are none.")
    delimiter: str = "_"
    connectors: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_options(self)
        least, most = (0, float("inf")) if self.score == "word2vec" else (-1, 1)
        if not (least <= self.limit <= most):
            raise EmbedlayerError(
                f"threshold is {self.limit}: with the score {self.score} it must be "
                + ("at least 0" if least == 0 else "from -1 to 1")
            )
        if self.connectors == ENGLISH:
            object.__setattr__(self, "connectors", ENGLISH_CONNECTORS)
        elif isinstance(self.connectors, str) or not isinstance(self.connectors, Iterable):
            raise EmbedlayerError(
                f"connectors is {shown(self.connectors)}: give a list of words, or 'english'"
            )
        connectors = list(self.connectors)
        for word in (self.delimiter, *connectors):
            _check_word(word)
        object.__setattr__(self, "connectors", tuple(sorted(set(connectors))))

    @property
    def limit(self) -> float:
        """The threshold that holds."""
        return THRESHOLDS[self.score] if self.threshold is None else self.threshold


class PhraseNames(TypedDict, total=False):
    """The options of :class:`PhraseOptions` where they are given by name."""

    passes: int
    score: str
    threshold: float | None
    min_count: int
    delimiter: str
    connectors: Sequence[str]


def phrase_options(given: Mapping[str, Any]) -> PhraseOptions:
    """The options that were given by name; EmbedlayerError for a name that is none."""
    check_names(given, tuple(PhraseNames.__annotations__))
    return PhraseOptions(**given)


def threads_of(workers: int | None) -> int:
    """The threads that are asked for, or all cores; EmbedlayerError for a number that is none."""
    return available_cores() if workers is None else Whole().checked("workers", workers)


def _check_word(word: object) -> None:
    """Raise EmbedlayerError for what cannot be a part of a word: in a text, or as delimiter."""
    try:
        letters = word.encode() if isinstance(word, str) else b""
    except UnicodeEncodeError:
        letters = b""
    if not letters or letters.split() != [letters] or b"\0" in letters:
        raise EmbedlayerError(
            f"delimiter and connectors are words without white space, and {shown(word)} is none"
        )
