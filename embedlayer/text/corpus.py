"""The corpus: a text as ids and sentences, counted and encoded once, memory-mapped."""

import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.options import Flag, check_function
from embedlayer.storage.manifest import checksum
from embedlayer.storage.mapped import CACHE_CURE, CannotWrite, map_array
from embedlayer.text.cache import make_entry
from embedlayer.text.entries import describe, entry_folder, find_entry
from embedlayer.text.options import CorpusOptions, PhraseOptions, Tokenizer, threads_of
from embedlayer.text.passes import VOCABULARY, Encoded, count_files, count_sentences, encode
from embedlayer.text.phrases import Phrases, described, with_phrases
from embedlayer.text.readers import BytesRead, Source, all_regular, find_files
from embedlayer.text.vocabulary import Vocabulary, checked_vocabulary
from embedlayer.threads import available_cores

MANY_BYTES = 1 << 24  # of ids, from which on a thread of their own pays

_log = logging.getLogger("embedlayer")


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
        vocabulary: Vocabulary | None = None,
        phrases: Phrases | PhraseOptions | None = None,
        cache: bool = True,
        workers: int | None = None,
        progress: BytesRead | None = None,
    ) -> "Corpus":
        """Count and encode text files; a line is a sentence.

        Args:
            paths: files (plain, .gz, .bz2, .xz, .zst), globs, folders, '-' for standard input,
                URLs that fsspec knows (``s3://…``, one with a ``*`` for all that match).
            min_count: rarer words are out of the vocabulary.
            max_size: the most words of the vocabulary; the most frequent are kept.
            max_sentence: longer sentences are cut after so many words of the vocabulary.
            tokenizer: from a line to its words; without one, words are what ASCII whitespace
                separates, found by compiled code (about 50 times faster).
            tokenizer_key: names the tokenizer for the cache, and must change when it does. A
                function cannot be compared with yesterday's: without a key nothing is cached.
            errors: 'strict' raises where a text is not UTF-8, 'replace' reads U+FFFD there.
            vocabulary: words that are in it whatever the text has, with counts to which the text's
                are added; the text's other words enter as ``min_count`` and ``max_size`` say.
            phrases: they are joined before words are counted, as if the text was written so; of
                options the text's own are found.
            cache: keep the result in the cache, and take it from there when it was made from the
                same files with the same options; never that of standard input, pipes and URLs.
            workers: threads; default: all cores. The result does not depend on it.
            progress: called with the bytes read and those in all (None from a pipe).

        Raises:
            EmbedlayerError: a missing, unreadable or damaged file; a text without words, without
                words that occur ``min_count`` times, or not UTF-8; a folder that cannot be
                written to; an option out of range.
        """
        options = CorpusOptions(min_count, max_size, max_sentence, errors)
        for name, function in (("tokenizer", tokenizer), ("progress", progress)):
            if function is not None:
                check_function(name, function)
        if tokenizer is None and tokenizer_key is not None:
            raise EmbedlayerError("tokenizer_key names a tokenizer, but no tokenizer was given")
        threads = threads_of(workers)
        files = find_files(paths)
        words = partial(count_files, files, tokenizer, errors, threads, progress)
        count = with_phrases(words, phrases, threads)
        named = tokenizer is None or tokenizer_key is not None
        passes = partial(encode, count, options, checked_vocabulary(vocabulary), threads)
        if Flag().checked("cache", cache) and named and all_regular(files):
            about = asdict(options) | {"tokenizer_key": tokenizer_key} | described(phrases)
            if vocabulary is not None:
                about |= {"vocabulary": vocabulary.checksum()}
            return _cached(describe(files, about), passes)
        return Corpus(*passes(None).mapped())

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Iterable[str]],
        *,
        min_count: int = 5,
        max_size: int | None = None,
        max_sentence: int = 1000,
        vocabulary: Vocabulary | None = None,
        phrases: Phrases | PhraseOptions | None = None,
    ) -> "Corpus":
        """Count and encode sentences that are lists of words, going through them once.

        They may come from a generator and need not fit in memory: what is written to disk is a
        temporary file. Words may hold spaces.

        Args:
            sentences: each an iterable of words. Or a column: of pandas, Polars or Arrow, or a
                NumPy array of one axis; a text in a cell is split at ASCII whitespace, as a line.
            min_count, max_size, max_sentence, vocabulary, phrases: as :meth:`from_files`.

        Raises:
            EmbedlayerError: a sentence that is a str, a word that is not one, a cell that is
                missing, and as :meth:`from_files`.
        """
        options = CorpusOptions(min_count, max_size, max_sentence)
        threads, known = available_cores(), checked_vocabulary(vocabulary)
        count = with_phrases(partial(count_sentences, sentences), phrases, threads)
        return Corpus(*encode(count, options, known, threads, None).mapped())

    def __len__(self) -> int:
        """S, the number of sentences."""
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"<Corpus: {len(self.ids)} tokens, {len(self)} sentences, {self.vocabulary!r}>"

    def checked(self) -> "Corpus":
        """The corpus itself, if it is what compiled code relies on, which checks no index.

        Raises:
            EmbedlayerError: ids that are no words of the vocabulary, or offsets that do not rise
                from 0 to the number of ids.
        """
        ids, offsets = self.ids, self.offsets
        typed = (ids.dtype, offsets.dtype, ids.ndim, offsets.ndim) == (np.int32, np.int64, 1, 1)
        if not (
            typed
            and len(self.vocabulary.counts) == len(self.vocabulary)
            and ids.view(np.uint32).max(initial=0) < len(self.vocabulary)  # negative ones are large
            and len(offsets)
            and (offsets[0], offsets[-1]) == (0, len(ids))
            and (offsets[1:] >= offsets[:-1]).all()
        ):
            raise EmbedlayerError(
                f"this corpus has not, as is needed, ids (int32) below {len(self.vocabulary)}, its "
                f"number of words, and offsets (int64) that rise from 0 to {len(ids)}, its number "
                "of ids: make one with Corpus.from_files or from_sentences"
            )
        return self

    def fingerprint(self) -> dict[str, int]:
        """What tells this corpus from others: its sizes, and the CRC-32 of what it is made of."""
        return {
            "tokens": len(self.ids),
            "sentences": len(self),
            "words": len(self.vocabulary),
            "their ids": zlib.crc32(np.ascontiguousarray(self.ids).data),
            "their offsets": zlib.crc32(np.ascontiguousarray(self.offsets).data),
            "the vocabulary": self.vocabulary.checksum(),
        }

    @property
    def tokens_out_of_vocabulary(self) -> int:
        """The tokens that were read and left out, as too rare or beyond ``max_size``."""
        return self.tokens_read - len(self.ids)


def _cached(description: dict[str, Any], encode: Callable[[Path | None], Encoded]) -> Corpus:
    """The corpus from the cache; encoded, and kept there, if it is not in it or damaged.

    A cache that cannot be written is done without, with one log line: it is a help, and no need.
    """
    started = perf_counter()
    entry = find_entry(description)
    corpus = None
    with suppress(OSError, EmbedlayerError):  # damaged, or another process just removed it
        corpus = _read_entry(*entry) if entry else None
    if corpus is not None:
        corpus.seconds = {"vocabulary": perf_counter() - started, "encoding": 0.0}
        corpus.from_cache = True
        return corpus
    if (folder := entry_folder(description)).exists():
        _log.warning("the cache's entry %s is damaged: the text is encoded again", folder)
    seconds: dict[str, float] = {}

    def write(folder: Path) -> dict[str, Any]:
        encoded = encode(folder)
        seconds.update(encoded.seconds)
        return encoded.close(folder)

    try:
        corpus = make_entry(description, write, _read_entry)
    except CannotWrite as error:
        _log.warning("no cache: %s", error)
        return Corpus(*encode(None).mapped())
    corpus.seconds = seconds
    return corpus


def _read_entry(folder: Path, about: dict[str, Any]) -> Corpus:
    """The corpus of an entry; raises OSError or EmbedlayerError where a file is not as it was."""
    sums = about["checksums"]
    ids = map_array(folder / "ids", np.int32, about["tokens"])
    offsets = map_array(folder / "offsets", np.int64, about["sentences"] + 1)
    with ThreadPoolExecutor(1) if ids.nbytes >= MANY_BYTES else nullcontext() as pool:
        beside = pool.submit(checksum, ids).result if pool else partial(checksum, ids)
        vocabulary = Vocabulary.load(folder / VOCABULARY, sums[VOCABULARY])
        found = beside(), checksum(offsets)
    if found != (sums["ids"], sums["offsets"]):
        raise EmbedlayerError(f"{folder} is not as it was written: {CACHE_CURE}")
    return Corpus(ids, offsets, vocabulary, about["tokens_read"], {}).checked()
