"""The first pass in Python, for sentences that are lists of words or come from a tokenizer."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import ArrayFile
from embedlayer.text.counting import CountedText, undecodable
from embedlayer.text.readers import BytesRead, after_newline, read_blocks, total_bytes
from embedlayer.text.scanner import SENTENCE_END

BATCH = 1 << 20  # provisional ids in memory before they are written


def count_sentences(sentences: Iterable[Iterable[str]], folder: Path | None) -> CountedText:
    """Count the words of sentences that are lists of words, in one go.

    Raises:
        EmbedlayerError: a sentence that is a str, a word that is not one, a full disk.
    """
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__  # a new word gets the next number
    stream = ArrayFile(np.int32, folder)
    counts = np.zeros(0, np.int64)
    segments = []
    for batch in _number_words(sentences, number):
        added = np.bincount(batch[batch != SENTENCE_END], minlength=len(number))
        added[: len(counts)] += counts
        counts = added
        segments.append((0, stream.size, stream.size + len(batch)))
        stream.append(batch)
    words = list(number)
    for word in words:
        if not isinstance(word, str):
            raise EmbedlayerError(f"a word must be a str, not the {_show(word)}")
    return CountedText(
        counts=counts,
        words_of=lambda ids: [words[i] for i in ids],
        streams=[stream.mapped()],
        numbers=[np.arange(len(words), dtype=np.int32)],
        segments=segments,
    )


def tokenize_files(
    files: list[str],
    tokenizer: Callable[[str], Iterable[str]],
    errors: str,
    progress: BytesRead | None,
) -> Iterator[Iterable[str]]:
    """The sentences that a tokenizer makes of the lines of files, one by one.

    Raises:
        EmbedlayerError: as :func:`count_files`, and a tokenizer that returns a str.
    """
    lines = 0
    total = total_bytes(files)
    for block in read_blocks(files, after_newline):
        lines = 0 if block.start == 0 else lines
        try:
            text = block.data.decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise undecodable(block, lines, error.start) from None
        for line in text.split("\n"):
            tokens = tokenizer(line.removesuffix("\r")) if line else []
            if isinstance(tokens, str | bytes):
                raise EmbedlayerError(
                    f"the tokenizer must return a list of words, not the {_show(tokens)}"
                )
            yield tokens
        lines += block.data.count(b"\n")
        if progress:
            progress(block.bytes_read, total)


def _number_words(
    sentences: Iterable[Iterable[str]], number: Mapping[str, int]
) -> Iterator[np.ndarray]:
    """The words' numbers, −1 behind each sentence, in arrays of about a million."""
    batch = array("i")
    for place, sentence in enumerate(sentences, 1):
        try:
            if isinstance(sentence, str | bytes):
                raise TypeError("it must be a list of words")
            batch.extend(map(number.__getitem__, sentence))
        except TypeError as error:
            raise EmbedlayerError(
                f"sentence {place} is the {_show(sentence)}: {error}; "
                "give lists of words, such as line.split()"
            ) from error
        batch.append(SENTENCE_END)
        if len(batch) >= BATCH:
            yield np.array(batch, np.int32)
            batch = array("i")
    yield np.array(batch, np.int32)


def _show(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '…'}"
