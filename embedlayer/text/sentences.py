"""The first pass in Python, for sentences that are lists of words or come from a tokenizer."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.mapped import ArrayFile
from embedlayer.storage.words import pack_words
from embedlayer.text.counting import CountedText, decoded, undecodable
from embedlayer.text.readers import BytesRead, after_newline, read_blocks, total_bytes
from embedlayer.text.scanner import SENTENCE_END

BATCH = 1 << 20  # provisional ids in memory before they are written
BLANK = SENTENCE_END - 1  # the number of what is dropped: '' and white space
CURE = "give lists of words, such as line.split(), or row['text'].split() of a data set's rows"


def count_sentences(sentences: Iterable[Iterable[str]], folder: Path | None) -> CountedText:
    """Count the words of sentences that are lists of words, in one go.

    What holds no letter, '' and white space, is no word and is dropped, as between the words of
    a line; it tells nothing, and most file formats cannot hold it.

    Raises:
        EmbedlayerError: a sentence that is a str, a mapping or a set, a word that is no str or
            no Unicode text, a full disk.
    """
    numbers = _Numbers()
    words = numbers.words
    stream = ArrayFile(np.int32, folder)
    counts = np.zeros(0, np.int64)
    segments = []
    for batch in _number_words(sentences, numbers):
        added = np.bincount(batch[batch != SENTENCE_END], minlength=len(words))
        added[: len(counts)] += counts
        counts = added
        segments.append((0, stream.size, stream.size + len(batch)))
        stream.append(batch)
    return CountedText(
        counts=counts,
        words_of=lambda ids: [words[i] for i in ids],
        packed=lambda: pack_words(words),
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
            text = decoded(block.data, errors)
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


class _Numbers(dict[str, int]):
    """The number of each word, by the order in which it came; BLANK for what is dropped."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def __missing__(self, word: Any) -> int:
        if not isinstance(word, str):
            raise TypeError(f"a word must be a str, not the {_show(word)}")
        try:
            letters = word.encode().strip()  # of ASCII's white space, as between words of a line
        except UnicodeEncodeError:
            raise TypeError(f"half of a character (a surrogate) in the {_show(word)}") from None
        if b"\0" in letters:
            raise TypeError(f"a NUL, which no text holds, in the {_show(word)}")
        self[word] = number = len(self.words) if letters else BLANK
        if letters:
            self.words.append(str(word))
        return number


def _number_words(sentences: Iterable[Iterable[str]], numbers: _Numbers) -> Iterator[np.ndarray]:
    """The words' numbers, −1 behind each sentence, in arrays of about a million."""
    if not isinstance(sentences, Iterable):
        raise EmbedlayerError(f"the {_show(sentences)} is no text: give a path, or {CURE[5:]}")
    batch = array("i")
    for place, sentence in enumerate(sentences, 1):
        try:
            if not isinstance(sentence, list | tuple):
                _check_sentence(sentence)
            batch.extend(map(numbers.__getitem__, sentence))
        except TypeError as error:
            raise EmbedlayerError(
                f"sentence {place} is the {_show(sentence)}: {error}; {CURE}"
            ) from error
        batch.append(SENTENCE_END)
        if len(batch) >= BATCH:
            yield _kept(batch)
            batch = array("i")
    yield _kept(batch)


def _check_sentence(sentence: object) -> None:
    """Raise TypeError for what can be gone through, but is no list of words in their order."""
    if isinstance(sentence, str | bytes | Mapping | Set):
        raise TypeError("it must be a list of words")


def _kept(batch: "array[int]") -> np.ndarray:
    ids = np.array(batch, np.int32)
    return ids[ids != BLANK]


def _show(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '…'}"
