"""The vocabulary: words ↔ ids, in the order of falling count."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from os import PathLike
from pathlib import Path

import numpy as np

from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.options import Real, Whole
from embedlayer.storage.alike import did_you_mean
from embedlayer.storage.manifest import checksum
from embedlayer.storage.mapped import map_array
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.tensors import read_tensors, tensors_in, write_tensors
from embedlayer.storage.words import checked_counts, pack_words, unpack_words
from embedlayer.storage.writing import told_where

TENSORS = {"words": (np.uint8, 1), "word_offsets": (np.int64, 1), "counts": (np.int64, 1)}


class Vocabulary:
    """The words that are kept, their ids 0 … V − 1 and their counts.

    Ordered by falling count, ties in the order of code points: one text has one vocabulary,
    however many threads counted it.

    Args:
        words: the V words, one at least, each once.
        counts: whole numbers from 0 up, (V,), falling: how often each occurs.
        known: the words are known to be different ones, and are not compared; a list is kept.

    Raises:
        EmbedlayerError: words or counts that are none, or out of order; a word that is there twice.
    """

    def __init__(
        self, words: Sequence[str], counts: Sequence[int] | np.ndarray, known: bool = False
    ) -> None:
        self.words = words if known and isinstance(words, list) else list(words)
        self.counts = checked_counts(counts, len(self.words))
        if not known:
            _check_words(self.words)
        if (np.diff(self.counts) > 0).any():
            raise EmbedlayerError("words must come in the order of falling count")

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], min_count: int = 5, max_size: int | None = None
    ) -> "Vocabulary":
        """The vocabulary of the words that occur at least ``min_count`` times.

        Args:
            counts: word → how often it occurs.
            min_count: rarer words are left out.
            max_size: only that many words, the most frequent, are kept.

        Raises:
            EmbedlayerError: no word occurs ``min_count`` times; an option below 1.
        """
        min_count = Whole().checked("min_count", min_count)
        max_size = max_size if max_size is None else Whole().checked("max_size", max_size)
        words = list(counts)
        numbers = checked_counts(list(counts.values()), len(words))
        return cls.select(numbers, lambda ids: [words[i] for i in ids], min_count, max_size)[0]

    @classmethod
    def select(
        cls,
        counts: np.ndarray,
        words_of: Callable[[np.ndarray], list[str]],
        min_count: int,
        max_size: int | None,
    ) -> tuple["Vocabulary", np.ndarray]:
        """The vocabulary out of many numbered candidates, whose words are looked up on request.

        Args:
            counts: int64, (M,): how often each candidate occurs.
            words_of: the words of the candidates with these numbers.
            min_count, max_size: as :meth:`from_counts`.

        Returns:
            The vocabulary and the number of each of its words among the candidates, (V,).

        Raises:
            EmbedlayerError: as :meth:`from_counts`.
        """
        frequent = frequent_enough(counts, min_count, max_size)
        if len(frequent) == 0:
            raise too_rare(min_count, int(counts.max(initial=0)))
        words = words_of(frequent)
        order = _falling(words, counts[frequent])[:max_size].tolist()
        chosen = frequent[order]
        return cls([words[i] for i in order], counts[chosen], known=True), chosen

    def with_text(
        self,
        counts: np.ndarray,
        words_of: Callable[[np.ndarray], list[str]],
        min_count: int,
        max_size: int | None,
    ) -> tuple["Vocabulary", np.ndarray]:
        """These words, whether a text has them or not, and the text's own; counts are added up.

        Args:
            counts, words_of: of the text's candidates, as :meth:`select` takes them.
            min_count: a word that is new has to occur so often in the text.
            max_size: the most words in all; the most frequent of the new ones are added.

        Returns:
            The vocabulary, and the number of each of its words among the candidates, (V,): −1 for
            a word that the text has not.
        """
        number_of = {word: i for i, word in enumerate(words_of(np.arange(len(counts))))}
        chosen = np.array([number_of.pop(word, -1) for word in self.words], np.int64)
        merged = self.counts + np.where(chosen < 0, 0, counts[chosen])
        new = np.array([i for i in number_of.values() if counts[i] >= min_count], np.int64)
        room = None if max_size is None else max(0, max_size - len(self))
        new = new[_falling(words_of(new), counts[new])[:room]]
        words = [*self.words, *words_of(new)]
        chosen, merged = np.append(chosen, new), np.append(merged, counts[new])
        order = _falling(words, merged)
        return Vocabulary([words[i] for i in order], merged[order], known=True), chosen[order]

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __getitem__(self, word: str) -> int:
        """The id of a word; UnknownWordError when it has none."""
        try:
            return self._ids[word]
        except KeyError:
            raise UnknownWordError(
                f"{word!r} is not among the {len(self)} words of the vocabulary",
                partial(did_you_mean, word, self.words, self._ids),
            ) from None

    def __repr__(self) -> str:
        return f"<Vocabulary: {len(self)} words, {self.total} tokens>"

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @property
    def total(self) -> int:
        """How many tokens of the text are words of the vocabulary."""
        return int(self.counts.sum())

    def keep_probabilities(self, sample: float) -> np.ndarray:
        """How likely a token of each word survives subsampling: float64, (V,).

        min(1, sqrt(sample / f) + sample / f) for a word of relative frequency f, as word2vec.c and
        gensim do; ``sample = 0`` keeps every token.
        """
        if Real(0).checked("sample", sample) == 0:
            return np.ones(len(self))
        ratio = sample * self.total / np.maximum(self.counts, 1)
        return np.minimum(1.0, np.sqrt(ratio) + ratio)

    def checksum(self) -> int:
        """The CRC-32 of words and counts."""
        words, offsets = pack_words(self.words)
        found = 0
        for array in (words, offsets, self.counts):
            found = zlib.crc32(array.data, found)
        return found

    def save(self, path: str | PathLike[str]) -> None:
        """Write a .safetensors file: words (uint8), word_offsets (int64), counts (int64)."""
        words, offsets = pack_words(self.words)
        tensors = {"words": words, "word_offsets": offsets, "counts": self.counts}
        with told_where(path) as unfinished:
            write_tensors(unfinished, tensors)

    @classmethod
    def load(cls, path: str | PathLike[str], written: int | None = None) -> "Vocabulary":
        """Read what :meth:`save` wrote; EmbedlayerError for anything else.

        Args:
            path: the file.
            written: the checksum with which a file of ours was written; so its words are known to
                be different ones.
        """
        place = Path(expanded(path))
        try:
            if not place.is_file():  # a pipe could make us wait for ever
                raise EmbedlayerError("no such file")
            if written is None:
                with open_to_read(place) as file:
                    arrays, _ = read_tensors(file, TENSORS)
            else:
                data = map_array(place, np.uint8, place.stat().st_size)
                if checksum(data) != written:
                    raise EmbedlayerError("it is not as it was written")
                arrays, _ = tensors_in(data.data, TENSORS)
            words = unpack_words(arrays["words"], arrays["word_offsets"])
            # A copy, for compiled code takes arrays that cannot be written to as another type.
            return cls(words, arrays["counts"].copy(), known=written is not None)
        except (OSError, EmbedlayerError) as error:
            raise EmbedlayerError(f"{path} holds no vocabulary: {error}") from error


def checked_vocabulary(vocabulary: Vocabulary | None) -> Vocabulary | None:
    """The vocabulary, or None; EmbedlayerError for anything else."""
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise EmbedlayerError(f"vocabulary is {vocabulary!r:.60}: give a Vocabulary(words, counts)")
    return vocabulary


def _check_words(words: list[str]) -> None:
    if not words or not all(issubclass(kind, str) for kind in set(map(type, words))):
        raise EmbedlayerError("a vocabulary needs words: one str at least, and nothing else")
    if len(set(words)) != len(words):
        repeated = next(word for word, times in Counter(words).items() if times > 1)
        raise EmbedlayerError(f"the vocabulary holds the word {repeated!r} more than once")


def _falling(words: list[str], counts: np.ndarray) -> np.ndarray:
    """int64, (V,): the order by falling count, ties in the order of code points."""
    by_word = np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)
    return by_word[np.argsort(-counts[by_word], kind="stable")]


def frequent_enough(counts: np.ndarray, min_count: int, max_size: int | None) -> np.ndarray:
    """Those that may enter the vocabulary, few more than ``max_size`` (ties): their numbers."""
    frequent = np.flatnonzero(counts >= min_count)
    if max_size is not None and max_size < len(frequent):
        least = -np.partition(-counts[frequent], max_size - 1)[max_size - 1]
        frequent = frequent[counts[frequent] >= least]
    return frequent


def too_rare(min_count: int, most: int) -> EmbedlayerError:
    """The error of a text whose most frequent word occurs ``most`` times."""
    return EmbedlayerError(
        f"no word occurs {min_count} times (min_count): the most frequent occurs {most} times; "
        "lower min_count or give more text"
    )
