"""The corpus: a text as ids and sentences, counted and encoded once, memory-mapped."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.text.cache import describe, find_entry, new_entry
from embedlayer.text.disk import ArrayFile, map_array
from embedlayer.text.readers import STDIN, Progress, Source, all_regular, find_files
from embedlayer.text.vocabulary import Vocabulary, check_positive

if TYPE_CHECKING:  # its scanner is compiled code: numba is imported when a text is read
    from embedlayer.text.counting import CountedText

VOCABULARY = "vocabulary.safetensors"

Tokenizer = Callable[[str], Iterable[str]]


class Corpus:
    """A text as numbers. Make one with :meth:`from_files` or :meth:`from_sentences`.

    Attributes:
        ids: int32, (N,), read-only: the words of the vocabulary, one sentence behind the other.
        offsets: int64, (S + 1,), read-only: sentence s is ``ids[offsets[s]:offsets[s + 1]]``.
        vocabulary: the words, their counts here.
        tokens_read: the tokens of the text, those out of the vocabulary included.
        seconds: what 'vocabulary' (reading and counting) and 'encoding' took.
        from_cache: the text had been encoded before, and nothing has changed since.
    """

    def __init__(
        self,
        ids: np.ndarray,
        offsets: np.ndarray,
        vocabulary: Vocabulary,
        tokens_read: int,
        seconds: dict[str, float],
        from_cache: bool = False,
    ) -> None:
        self.ids = ids
        self.offsets = offsets
        self.vocabulary = vocabulary
        self.tokens_read = tokens_read
        self.seconds = seconds
        self.from_cache = from_cache

    @classmethod
    def from_files(
        cls,
        paths: Source | Sequence[Source],
        *,
        min_count: int = 5,
        max_size: int | None = None,
        max_sentence: int = 1000,
        tokenizer: Tokenizer | None = None,
        tokenizer_key: str | None = None,
        errors: str = "strict",
        cache: bool = True,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> "Corpus":
        """Count and encode text files; a line is a sentence.

        Args:
            paths: files (plain, .gz, .bz2, .xz, .zst), globs, folders, '-' for standard input.
            min_count: rarer words are out of the vocabulary.
            max_size: the most words of the vocabulary; the most frequent are kept.
            max_sentence: longer sentences are cut after so many words of the vocabulary.
            tokenizer: from a line to its words; without one, words are what ASCII whitespace
                separates, found by compiled code (about 50 times faster).
            tokenizer_key: names the tokenizer for the cache, and must change when it does. A
                function cannot be compared with yesterday's: without a key nothing is cached.
            errors: 'strict' raises where a text is not UTF-8, 'replace' reads U+FFFD there.
            cache: keep the result in the cache, and take it from there when it was made from the
                same files with the same options. Standard input and pipes are never cached.
            workers: threads; default: all cores. The result does not depend on it.
            progress: called with the bytes read and those in all (None from a pipe).

        Raises:
            EmbedlayerError: a missing, unreadable or damaged file; a text without words, without
                words that occur ``min_count`` times, or not UTF-8; a folder that cannot be
                written to; an option out of range.
        """
        check_positive(max_sentence=max_sentence, workers=workers)
        check_positive(min_count=min_count, max_size=max_size)
        if errors not in ("strict", "replace"):
            raise EmbedlayerError(f"errors is {errors!r}: choose 'strict' or 'replace'")
        if tokenizer is None and tokenizer_key is not None:
            raise EmbedlayerError("tokenizer_key names a tokenizer, but no tokenizer was given")
        files = find_files(paths)
        count = partial(_count_files, files, tokenizer, errors, workers, progress)
        build = partial(_build, count, min_count, max_size, max_sentence, workers)
        named = tokenizer is None or tokenizer_key is not None
        if not (cache and named and all_regular(files)):
            return build(None)
        options = {
            "min_count": min_count,
            "max_size": max_size,
            "max_sentence": max_sentence,
            "tokenizer_key": tokenizer_key,
            "errors": errors,
        }
        return _cached(describe(files, options), build)

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Iterable[str]],
        *,
        min_count: int = 5,
        max_size: int | None = None,
        max_sentence: int = 1000,
    ) -> "Corpus":
        """Count and encode sentences that are lists of words, going through them once.

        They may come from a generator and need not fit in memory: what is written to disk is a
        temporary file. Words may hold spaces.

        Args:
            sentences: each an iterable of words.
            min_count, max_size, max_sentence: as :meth:`from_files`.

        Raises:
            EmbedlayerError: a sentence that is a str, a word that is not one, and as
                :meth:`from_files`.
        """
        check_positive(min_count=min_count, max_size=max_size, max_sentence=max_sentence)
        count = partial(_count_sentences, sentences)
        return _build(count, min_count, max_size, max_sentence, None, None)

    def __len__(self) -> int:
        """S, the number of sentences."""
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"<Corpus: {len(self.ids)} tokens, {len(self)} sentences, {self.vocabulary!r}>"

    @property
    def tokens_out_of_vocabulary(self) -> int:
        """The tokens that were read and left out: too rare, or beyond ``max_size``."""
        return self.tokens_read - len(self.ids)


def _count_files(
    files: list[str],
    tokenizer: Tokenizer | None,
    errors: str,
    workers: int | None,
    progress: Progress | None,
    folder: Path | None,
) -> "CountedText":
    from embedlayer.text.counting import count_files
    from embedlayer.text.sentences import count_sentences, tokenize_files

    if tokenizer is None:
        counted = count_files(files, errors, workers, folder, progress)
    else:
        counted = count_sentences(tokenize_files(files, tokenizer, errors, progress), folder)
    if len(counted.counts) == 0:
        names = ", ".join("standard input" if file == STDIN else file for file in files[:3])
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        raise EmbedlayerError(f"no words in {names}{more}: the text is empty")
    return counted


def _count_sentences(sentences: Iterable[Iterable[str]], folder: Path | None) -> "CountedText":
    from embedlayer.text.sentences import count_sentences

    counted = count_sentences(sentences, folder)
    if len(counted.counts) == 0:
        raise EmbedlayerError("no words: there are no sentences, or they are empty")
    return counted


def _build(
    count: Callable[[Path | None], "CountedText"],
    min_count: int,
    max_size: int | None,
    max_sentence: int,
    workers: int | None,
    folder: Path | None,
) -> Corpus:
    """Both passes, the arrays written in ``folder`` or, without one, in unnamed files."""
    from embedlayer.text.encoding import encode_text

    started = perf_counter()
    counted = count(folder)
    vocabulary, chosen = Vocabulary.select(counted.counts, counted.words_of, min_count, max_size)
    tokens_read = int(counted.counts.sum())
    counted_at = perf_counter()
    ids = ArrayFile(np.int32, folder, "ids")
    offsets = ArrayFile(np.int64, folder, "offsets")
    encode_text(counted, chosen, max_sentence, workers, ids, offsets)
    ids_map, offsets_map = ids.mapped(), offsets.mapped()
    seconds = {"vocabulary": counted_at - started, "encoding": perf_counter() - counted_at}
    return Corpus(ids_map, offsets_map, vocabulary, tokens_read, seconds)


def _cached(description: dict[str, Any], build: Callable[[Path], Corpus]) -> Corpus:
    """The corpus from the cache; built, and kept there, if it is not in it or damaged."""
    corpus = _load(description)
    if corpus is None:
        with new_entry(description) as (folder, about):
            corpus = build(folder)
            corpus.vocabulary.save(folder / VOCABULARY)
            about["tokens_read"] = corpus.tokens_read
            about["tokens"] = len(corpus.ids)
            about["sentences"] = len(corpus)
    return corpus


def _load(description: dict[str, Any]) -> Corpus | None:
    started = perf_counter()
    entry = find_entry(description)
    if entry is None:
        return None
    folder, about = entry
    try:
        vocabulary = Vocabulary.load(folder / VOCABULARY)
        ids = map_array(folder / "ids", np.int32, about["tokens"])
        offsets = map_array(folder / "offsets", np.int64, about["sentences"] + 1)
        tokens_read = about["tokens_read"]
    except (OSError, EmbedlayerError, KeyError):  # damaged, or just removed by another process
        return None
    if vocabulary.total != len(ids) or offsets[-1] != len(ids):
        return None
    seconds = {"vocabulary": perf_counter() - started, "encoding": 0.0}
    return Corpus(ids, offsets, vocabulary, tokens_read, seconds, from_cache=True)
