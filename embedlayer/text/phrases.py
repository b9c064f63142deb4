"""Phrases: words that belong together, found in a text, kept in a file, joined in any text."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import check_function
from embedlayer.storage.manifest import digest
from embedlayer.text.options import (
    CorpusOptions,
    Phrase,
    PhraseNames,
    PhraseOptions,
    phrase_options,
    threads_of,
)
from embedlayer.text.passes import count_files, count_sentences
from embedlayer.text.phrase_files import check_phrases, load_phrases, save_phrases
from embedlayer.text.readers import BytesRead, Source, find_files
from embedlayer.threads import available_cores

if TYPE_CHECKING:
    from embedlayer.text.counting import CountedText


class Phrases:
    """The phrases of a text, from :meth:`from_files`, :meth:`from_sentences` or :meth:`load`.

    Args:
        passes: the phrases that each pass found; those of one pass are words in the next.
        options: how they were found.

    Raises:
        EmbedlayerError: phrases that these options do not make.
    """

    def __init__(self, passes: Sequence[Sequence[Phrase]], options: PhraseOptions) -> None:
        check_phrases(passes, options)
        self.passes = [list(phrases) for phrases in passes]
        self.options = options

    @classmethod
    def from_files(
        cls,
        paths: Source | Sequence[Source],
        *,
        output: str | os.PathLike[str] | None = None,
        errors: str = "strict",
        workers: int | None = None,
        progress: BytesRead | None = None,
        **options: Unpack[PhraseNames],
    ) -> "Phrases":
        """Find the phrases of text files; a line is a sentence.

        Args:
            paths, errors, progress: as ``Corpus.from_files`` takes them.
            output: the text with its phrases joined is written there, as :meth:`write` does.
            workers: threads; default: all cores. The result does not depend on it.
            options: of :class:`PhraseOptions`: passes, score, threshold, min_count, delimiter,
                connectors.

        Raises:
            EmbedlayerError: an option out of range, and as ``Corpus.from_files``.
        """
        chosen, threads = phrase_options(options), threads_of(workers)
        counted = _count_files(paths, errors, threads, progress)
        found, joined = learn(counted, chosen, threads, None)
        if output is not None:
            _write(joined, output, threads)
        return found

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Iterable[str]], **options: Unpack[PhraseNames]
    ) -> "Phrases":
        """Find the phrases of sentences that are lists of words, going through them once.

        Args:
            sentences: as ``Corpus.from_sentences`` takes them.
            options: of :class:`PhraseOptions`.

        Raises:
            EmbedlayerError: an option out of range, and as ``Corpus.from_sentences``.
        """
        chosen = phrase_options(options)
        return learn(count_sentences(sentences, None), chosen, available_cores(), None)[0]

    def write(
        self,
        paths: Source | Sequence[Source],
        output: str | os.PathLike[str],
        *,
        errors: str = "strict",
        workers: int | None = None,
        progress: BytesRead | None = None,
    ) -> None:
        """Write a text with these phrases joined: a line for a line, a space between words.

        Args:
            paths, errors, workers, progress: as :meth:`from_files`.
            output: the file, compressed if its suffix says so; whole, or not written at all.

        Raises:
            EmbedlayerError: as :meth:`from_files`; a file that cannot be written.
        """
        threads = threads_of(workers)
        counted = _count_files(paths, errors, threads, progress)
        _write(self.joined(counted, threads, None), output, threads)

    def join(self, sentences: Iterable[Iterable[str]]) -> Iterator[list[str]]:
        """Sentences that are lists of words, with these phrases joined.

        Raises:
            EmbedlayerError: as ``Corpus.from_sentences``.
        """
        counted = self.joined(count_sentences(sentences, None), available_cores(), None)
        words = counted.words_of(np.arange(len(counted.counts)))
        sentence: list[str] = []
        for thread, start, stop in counted.segments:
            numbers = counted.numbers[thread]
            for number in counted.streams[thread][start:stop].tolist():
                if number >= 0:
                    sentence.append(words[numbers[number]])
                else:
                    yield sentence
                    sentence = []

    def joined(self, counted: "CountedText", threads: int, folder: Path | None) -> "CountedText":
        """A counted text with these phrases joined, its ids in ``folder``."""
        from embedlayer.text.joined import join_phrases
        from embedlayer.text.lanes import Lanes

        for phrases in self.passes:
            counted = join_phrases(Lanes(counted, self.options, threads), phrases, folder)
        return counted

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .safetensors file; EmbedlayerError where that cannot be."""
        save_phrases(path, self.passes, self.options)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Phrases":
        """Read what :meth:`save` wrote; EmbedlayerError for anything else."""
        return cls(*load_phrases(path))

    def checksum(self) -> str:
        """What tells these phrases from others: a digest of all that decides what is joined."""
        words = [[phrase.words for phrase in phrases] for phrases in self.passes]
        return digest(repr((words, self.options.delimiter, self.options.connectors)))

    def spelled(self, phrase: Phrase) -> str:
        """The word that a phrase becomes."""
        return self.options.delimiter.join(phrase.words)

    def __iter__(self) -> Iterator[Phrase]:
        """All of them, pass by pass, the best of each first."""
        return (phrase for phrases in self.passes for phrase in phrases)

    def __len__(self) -> int:
        return sum(map(len, self.passes))

    def __repr__(self) -> str:
        return f"<Phrases: {len(self)}, found in {len(self.passes)} passes>"


def learn(
    counted: "CountedText", options: PhraseOptions, threads: int, folder: Path | None
) -> tuple[Phrases, "CountedText"]:
    """The phrases of a counted text, and that text with them joined, its ids in ``folder``."""
    from embedlayer.text.collocations import find_phrases
    from embedlayer.text.joined import join_phrases
    from embedlayer.text.lanes import Lanes

    passes = []
    for _ in range(options.passes):
        text = Lanes(counted, options, threads)
        passes.append(find_phrases(text))
        counted = join_phrases(text, passes[-1], folder)
    return Phrases(passes, options), counted


Count = Callable[[Path | None], "CountedText"]


def with_phrases(count: Count, phrases: Phrases | PhraseOptions | None, threads: int) -> Count:
    """The first pass over a text, and then its phrases joined: known ones, or its own.

    Raises:
        EmbedlayerError: ``phrases`` that are none.
    """
    if phrases is None:
        return count
    if not isinstance(phrases, Phrases | PhraseOptions):
        raise EmbedlayerError(
            f"phrases is {shown(phrases)}: give Phrases, or PhraseOptions(passes=2) to find them"
        )

    def joined(folder: Path | None) -> "CountedText":
        counted = count(folder)
        if isinstance(phrases, Phrases):
            return phrases.joined(counted, threads, folder)
        return learn(counted, phrases, threads, folder)[1]

    return joined


def described(phrases: Phrases | PhraseOptions | None) -> dict[str, Any]:
    """What tells a corpus with these phrases from others; nothing for one without."""
    if phrases is None:
        return {}
    if isinstance(phrases, Phrases):
        return {"phrases": phrases.checksum()}
    return {"phrases": asdict(phrases) | {"connectors": list(phrases.connectors)}}  # as JSON has it


def _count_files(
    paths: Source | Sequence[Source], errors: str, threads: int, progress: BytesRead | None
) -> "CountedText":
    errors = CorpusOptions(errors=errors).errors
    if progress is not None:
        check_function("progress", progress)
    return count_files(find_files(paths), None, errors, threads, progress, None)


def _write(counted: "CountedText", output: str | os.PathLike[str], threads: int) -> None:
    from embedlayer.text.written import write_text

    write_text(counted, output, threads)
