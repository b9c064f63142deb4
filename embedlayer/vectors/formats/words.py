"""What formats of other programs share about words: UTF-8, one row each, and what none can hold."""

import logging
import re
from collections.abc import Sequence

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.words import pack_words
from embedlayer.vectors.formats.contents import Contents, ReadingOptions

NOT_HELD = re.compile(r"[ \t\n\r\v\f\0]")

_log = logging.getLogger("embedlayer")


def check_words(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The words as ``pack_words`` packs them.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    for word in words:
        if not word or NOT_HELD.search(word):
            raise EmbedlayerError(
                f"the word {word!r} is empty or holds whitespace or a NUL, which this format "
                "cannot keep: use the native format (.safetensors)"
            )
    return pack_words(words)


def decoded(word: bytes, errors: str) -> str | None:
    """The word; None for what is none."""
    try:
        return word.decode(errors=errors) if word else None
    except UnicodeDecodeError:
        return None


def no_word(word: bytes) -> str:
    """What is said of bytes that are no word."""
    cure = ": errors='replace' reads what is" if word else ""
    return f"{word[:40]!r} is not a word in UTF-8{cure}"


def distinct(words: list[str], matrix: np.ndarray, options: ReadingOptions) -> Contents:
    """One row for each word: of those that repeat one (published files have some) as asked for.

    Raises:
        EmbedlayerError: a word that is there twice, where that is to be an error.
    """
    if len(set(words)) == len(words):
        return Contents(words, matrix)
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        if row_of.setdefault(word, row) != row:
            if options.duplicates == "error":
                raise EmbedlayerError(
                    f"rows {row_of[word] + 1} and {row + 1} are of the word {word!r}: choose "
                    "duplicates='first' or 'last'"
                )
            if options.duplicates == "last":
                row_of[word] = row
    left, other = len(words) - len(row_of), {"first": "an earlier", "last": "a later"}
    _log.warning("%d rows repeat %s word and are left out", left, other[options.duplicates])
    return Contents(list(row_of), matrix[list(row_of.values())])
