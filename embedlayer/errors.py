"""The errors that a user's mistake raises: one clear line that names what, where and the cure."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType


class EmbedlayerError(ValueError):
    """A mistake that the user can mend; the command line prints its one line and exits with 2."""


class BackendError(EmbedlayerError):
    """The array library that was asked for cannot work here."""


class UnknownWordError(EmbedlayerError, KeyError):
    """A word that is not in the vocabulary.

    Args:
        message: what is wrong.
        cure: gives the rest of the message. It is called when the message is shown, and not when
            the error is raised: to look for words that are spelt alike takes a while.
    """

    def __init__(self, message: str, cure: Callable[[], str] | None = None) -> None:
        super().__init__(message)
        self._cure = cure

    def __str__(self) -> str:
        if self._cure is not None:
            self.args, self._cure = (self.args[0] + self._cure(),), None
        return ValueError.__str__(self)  # KeyError would show the message in quotes

    def __reduce__(self) -> tuple[type["UnknownWordError"], tuple[str]]:
        return type(self), (str(self),)


def shown(value: object) -> str:
    """A value as errors show it: the beginning of its ``repr``, on one line."""
    return " ".join(f"{value!r:.80}".split())


def in_one_line(error: BaseException) -> str:
    """What another library's error says: the beginning of it, on one line."""
    return " ".join(f"{error!s:.150}".split())


class MissingLibraryError(EmbedlayerError, ImportError):
    """A library that an extra of this package installs is not here."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'embedlayer[{extra}]'")


def extra_library(name: str, extra: str) -> ModuleType:
    """A library that an extra installs, imported now.

    Raises:
        MissingLibraryError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # it is here, and lacks something of its own
            raise
        raise MissingLibraryError(name, extra) from None


class NothingToLearnError(EmbedlayerError):
    """A text from which nothing can be learnt: no word has another one beside it."""
