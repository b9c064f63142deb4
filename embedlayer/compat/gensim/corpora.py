"""From what gensim's methods take as a text to an ``embedlayer.Corpus``, and its vocabulary."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from embedlayer.compat.gensim.errors import NoVocabularyError, WrongTypeError
from embedlayer.compat.gensim.options import RULE_DISCARD, RULE_KEEP, TrimRule
from embedlayer.compat.gensim.sentences import MOST_WORDS
from embedlayer.errors import EmbedlayerError
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary


def whole_corpus(sentences: Any, corpus_file: Any) -> Corpus:
    """The corpus of all words of a text, given in one of two ways.

    Raises:
        WrongTypeError: neither or both are given, or a sentence is no list of words.
        NoVocabularyError: there are no words.
        EmbedlayerError: a file that is missing, damaged or no text.
    """
    if (sentences is None) == (corpus_file is None):
        raise WrongTypeError("give a text in one way: lists of words, or corpus_file, a path")
    if corpus_file is not None:
        if not isinstance(corpus_file, str | os.PathLike):
            raise WrongTypeError(f"corpus_file is {corpus_file!r}: give a path")
        return Corpus.from_files(corpus_file, min_count=1, max_sentence=MOST_WORDS)
    try:
        return Corpus.from_sentences(sentences, min_count=1, max_sentence=MOST_WORDS)
    except EmbedlayerError as error:
        wrong = isinstance(error.__cause__, TypeError)
        raise (WrongTypeError if wrong else NoVocabularyError)(str(error)) from error


def counts_of(vocabulary: Vocabulary) -> dict[str, int]:
    """How often each word occurs."""
    return dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))


def within(corpus: Corpus, vocabulary: Vocabulary) -> Corpus:
    """The same text in the words, and with the counts, of another vocabulary."""
    id_of = {word: i for i, word in enumerate(vocabulary)}
    ids = np.array([id_of.get(word, -1) for word in corpus.vocabulary], np.int32)[corpus.ids]
    kept = ids >= 0
    before = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    tokens, seconds = corpus.tokens_read, corpus.seconds
    return Corpus(ids[kept], before[corpus.offsets], vocabulary, tokens, seconds)


def least_count(counts: Mapping[str, int], min_count: int, most_words: int | None) -> int:
    """The count from which words are kept so that there are not more than ``most_words``.

    Of words with one count all are kept, or none.
    """
    if most_words is None or most_words >= len(counts):
        return min_count
    first_left_out = sorted(counts.values(), reverse=True)[most_words]
    return max(min_count, first_left_out + 1)


def kept_words(counts: Mapping[str, int], least: int, rule: TrimRule | None) -> dict[str, int]:
    """The words that a rule keeps, and of which it says nothing those from ``least`` up."""
    if rule is None:
        return {word: count for word, count in counts.items() if count >= least}
    answers = {word: rule(word, count, least) for word, count in counts.items()}
    return {
        word: count
        for word, count in counts.items()
        if answers[word] == RULE_KEEP or (answers[word] != RULE_DISCARD and count >= least)
    }
