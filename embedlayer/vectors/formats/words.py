"""What formats of other programs share about words: UTF-8, one row each, and what none can hold."""

import re
from collections.abc import Sequence

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.words import pack_words

NOT_HELD = re.compile(r"[ \t\n\r\v\f\0]")


def check_words(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The words as ``pack_words`` packs them.

    Raises:
        EmbedlayerError: a word that is empty, holds whitespace or a NUL, or that UTF-8 cannot hold.
    """
    for word in words:
        if not word or NOT_HELD.search(word):
            raise cannot_keep(word, "is empty or holds whitespace or a NUL")
    return pack_words(words)


def cannot_keep(word: str, why: str) -> EmbedlayerError:
    """What is raised for a word that a format cannot keep."""
    return EmbedlayerError(
        f"the word {word!r} {why}, which this format cannot keep: use the native format "
        "(.safetensors)"
    )


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
