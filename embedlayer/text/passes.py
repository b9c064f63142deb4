"""From a text to its arrays on disk: the two passes, one behind the other.

The passes are compiled code: numba is imported when the first text is read.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.manifest import file_checksum
from embedlayer.storage.mapped import ArrayFile
from embedlayer.text.columns import holds_texts, is_column, text_blocks, word_lists
from embedlayer.text.options import CorpusOptions, Tokenizer
from embedlayer.text.readers import STDIN, BytesRead, all_regular
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.threads import available_cores

if TYPE_CHECKING:
    from embedlayer.text.counting import CountedText

VOCABULARY = "vocabulary.safetensors"

_log = logging.getLogger("embedlayer")


def count_files(
    files: list[str],
    tokenizer: Tokenizer | None,
    errors: str,
    threads: int,
    progress: BytesRead | None,
    folder: Path | None,
) -> "CountedText":
    """The first pass over files, whose provisional ids are written in ``folder``.

    Raises:
        EmbedlayerError: as ``Corpus.from_files``, and a text without words.
    """
    from embedlayer.text import counting, sentences

    with unchanged(files):
        if tokenizer is None:
            counted = counting.count_files(files, errors, threads, folder, progress)
        else:
            tokens = sentences.tokenize_files(files, tokenizer, errors, progress)
            counted = sentences.count_sentences(tokens, folder)
    check_words(files, len(counted.counts))
    return counted


def check_words(files: list[str], words: int) -> None:
    """Raise EmbedlayerError if files have no words."""
    if words == 0:
        names = ", ".join("standard input" if file == STDIN else file for file in files[:3])
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        raise EmbedlayerError(f"no words in {names}{more}: the text is empty")


@contextmanager
def unchanged(files: list[str]) -> Iterator[None]:
    """Raise EmbedlayerError if a file is cut within the block; warn of any other change."""
    before = {file: os.stat(file) for file in files if all_regular([file])}
    yield
    for file, about in before.items():
        _check_unchanged(file, about)


def count_sentences(sentences: Iterable[Iterable[str]], folder: Path | None) -> "CountedText":
    """The first pass over lists of words or a column; raises as ``Corpus.from_sentences``."""
    from embedlayer.text import counting
    from embedlayer.text import sentences as in_python

    if not is_column(sentences):
        counted = in_python.count_sentences(sentences, folder)
    elif holds_texts(sentences):
        blocks = text_blocks(sentences)
        counted = counting.count_blocks(blocks, "strict", available_cores(), folder)
    else:
        counted = in_python.count_sentences(word_lists(sentences), folder)
    if len(counted.counts) == 0:
        raise EmbedlayerError("no words: there are no sentences, or they are empty")
    return counted


def _check_unchanged(file: str, before: os.stat_result) -> None:
    """Raise EmbedlayerError where a file was cut while it was read; warn of any other change."""
    now = os.stat(file)
    if now.st_size < before.st_size:
        raise EmbedlayerError(
            f"{file} was cut from {before.st_size} to {now.st_size} bytes while it was read: "
            "try again when it is complete"
        )
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        _log.warning("%s changed while it was read: a part may be old and a part new", file)


@dataclass
class Encoded:
    """A text after both passes, its arrays still open in ``folder`` or in unnamed files."""

    ids: ArrayFile
    offsets: ArrayFile
    vocabulary: Vocabulary
    tokens_read: int
    seconds: dict[str, float]

    def mapped(self) -> tuple[np.ndarray, np.ndarray, Vocabulary, int, dict[str, float]]:
        """What a corpus is made of."""
        ids, offsets = self.ids.mapped(), self.offsets.mapped()
        return ids, offsets, self.vocabulary, self.tokens_read, self.seconds

    def close(self, folder: Path) -> dict[str, Any]:
        """Leave the files in the folder to be mapped; what an entry says of them."""
        self.ids.close()
        self.offsets.close()
        self.vocabulary.save(folder / VOCABULARY)
        return {
            "tokens_read": self.tokens_read,
            "tokens": self.ids.size,
            "sentences": self.offsets.size - 1,
            "checksums": {
                name: file_checksum(folder / name) for name in ("ids", "offsets", VOCABULARY)
            },
        }


def encode(
    count: Callable[[Path | None], "CountedText"],
    options: CorpusOptions,
    known: Vocabulary | None,
    threads: int,
    folder: Path | None,
) -> Encoded:
    """Both passes: count the words, choose the vocabulary, encode the text."""
    from embedlayer.text.encoding import encode_text

    started = perf_counter()
    counted = count(folder)
    select = known.with_text if known else Vocabulary.select
    vocabulary, chosen = select(
        counted.counts, counted.words_of, options.min_count, options.max_size
    )
    if (chosen < 0).all():
        raise EmbedlayerError(
            f"the text has none of the {len(vocabulary):,} words that are known: is it of another "
            "language, or spelt in another way?"
        )
    counted_at = perf_counter()
    ids, offsets = ArrayFile(np.int32, folder, "ids"), ArrayFile(np.int64, folder, "offsets")
    encode_text(counted, chosen, options.max_sentence, threads, ids, offsets)
    seconds = {"vocabulary": counted_at - started, "encoding": perf_counter() - counted_at}
    return Encoded(ids, offsets, vocabulary, int(counted.counts.sum()), seconds)
