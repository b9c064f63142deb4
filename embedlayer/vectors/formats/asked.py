"""What is kept of contents that were read: the first rows, and one row for each word."""

import logging
from collections.abc import Sequence

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.formats.contents import Contents, ReadingOptions

_log = logging.getLogger("embedlayer")


def asked_for(contents: Contents, options: ReadingOptions) -> Contents:
    """The contents as ``limit`` and ``duplicates`` ask for them.

    Raises:
        EmbedlayerError: a word that is there twice, where that is to be an error.
    """
    if options.limit is not None:
        contents = contents.first(options.limit)
    words, matrix, counts, metadata, _, subwords = contents
    if len(set(words)) == len(words):
        return contents
    row_of = _row_of_each(words, options.duplicates)
    rows = list(row_of.values())
    counts = None if counts is None else counts[rows]
    return Contents(list(row_of), matrix[rows], counts, metadata, None, subwords)


def _row_of_each(words: Sequence[str], duplicates: str) -> dict[str, int]:
    """One row for each word, of words of which some repeat, as in some published files."""
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        if row_of.setdefault(word, row) != row:
            if duplicates == "error":
                raise EmbedlayerError(
                    f"rows {row_of[word] + 1} and {row + 1} are of the word {word!r}: choose "
                    "duplicates='first' or 'last'"
                )
            if duplicates == "last":
                row_of[word] = row
    left, other = len(words) - len(row_of), {"first": "an earlier", "last": "a later"}
    _log.warning("%d rows repeat %s word and are left out", left, other[duplicates])
    return row_of
