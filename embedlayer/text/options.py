"""How a text becomes a corpus: the options, and the type of a tokenizer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from embedlayer.options import Choice, Whole, check_options, option

Tokenizer = Callable[[str], Iterable[str]]


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
