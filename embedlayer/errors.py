"""The errors that a user's mistake raises: one clear line that names what, where and the cure."""


class EmbedlayerError(ValueError):
    """A mistake that the user can mend; the command line prints its one line and exits with 2."""


class BackendError(EmbedlayerError):
    """The array library that was asked for cannot work here."""


class UnknownWordError(EmbedlayerError, KeyError):
    """A word that is not in the vocabulary."""

    __str__ = ValueError.__str__  # KeyError would show the message in quotes


class NothingToLearnError(EmbedlayerError):
    """A text from which nothing can be learnt: no word has another one beside it."""
