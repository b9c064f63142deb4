"""What is kept of contents that were read whole: the first rows, and one row for each word."""

import numpy as np

from embedlayer.vectors.formats.contents import Contents, ReadingOptions
from embedlayer.vectors.formats.words import distinct


def asked_for(contents: Contents, options: ReadingOptions) -> Contents:
    """The contents as ``limit`` and ``duplicates`` ask for them.

    Raises:
        EmbedlayerError: a word that is there twice, where that is to be an error.
    """
    if options.limit is not None:
        contents = contents.first(options.limit)
    words, matrix, counts, metadata, _ = contents
    kept = distinct(list(words), np.arange(len(words)), options)
    if len(kept.words) == len(words):
        return contents
    counts = None if counts is None else counts[kept.matrix]
    return Contents(kept.words, matrix[kept.matrix], counts, metadata)
