"""Errors of this package that are also of the types that programs written for gensim catch."""

from typing import Any, NoReturn

from embedlayer.errors import EmbedlayerError


class WrongTypeError(EmbedlayerError, TypeError):
    """Something of a type that cannot be used: a generator in the place of a word, two texts."""


class NoVocabularyError(EmbedlayerError, RuntimeError):
    """A model without words, or without what the call needs."""


class CutOffError(EmbedlayerError, EOFError):
    """A file of vectors that does not hold what it promises."""


class NoWordsError(EmbedlayerError, ZeroDivisionError):
    """A mean of no words."""


class NoAttributeError(EmbedlayerError, AttributeError):
    """A name of older versions of gensim, or a file of something else than was asked for."""


def refuse(option: str, value: Any, cure: str) -> NoReturn:
    """Raise EmbedlayerError for a value of gensim's that is not honoured here.

    Raises:
        EmbedlayerError: always; it says what to use instead.
    """
    raise EmbedlayerError(f"{option}={value!r} is gensim's, and is not done here: {cure}")


def check_utf8(encoding: str) -> None:
    """Refuse every encoding but UTF-8."""
    if not isinstance(encoding, str) or encoding.lower().replace("-", "") != "utf8":
        refuse("encoding", encoding, "files are UTF-8; convert others, as by iconv")
