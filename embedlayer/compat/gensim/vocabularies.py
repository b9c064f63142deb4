"""gensim's Word2Vec, first part: the vocabulary, counted, chosen and made larger; the weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedlayer.compat.gensim.corpora import counts_of, kept_words, least_count, whole_corpus
from embedlayer.compat.gensim.errors import NoVocabularyError, WrongTypeError
from embedlayer.compat.gensim.keyed_vectors import KeyedVectors
from embedlayer.compat.gensim.options import Options, TrimRule
from embedlayer.compat.gensim.weights import start_vectors
from embedlayer.models.outputs.huffman import huffman_tree
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary


class Vocabularies(Options):
    """Options, words and weights.

    Attributes:
        wv: the words, their counts and vectors.
        syn1neg: float32, (V, D): the output vectors, of negative sampling.
        syn1: float32, (V, D): those of the Huffman tree's inner nodes; the last row is unused.
        corpus_count, corpus_total_words: sentences and words of the text that was counted.
        effective_min_count: the count from which words were kept.
        raw_vocab: the counts of all words, where they are kept.
        epochs_trained: passes over a text, in all calls of ``train``.
        running_training_loss: as :meth:`get_latest_training_loss` tells it.
    """

    wv: KeyedVectors
    raw_vocab: dict[str, int]
    corpus_count: int
    corpus_total_words: int
    effective_min_count: int
    epochs_trained: int
    running_training_loss: float

    def build_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: Any = None,
        update: bool = False,
        progress_per: int = 10_000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        """Count the words of a text, choose the vocabulary, and make the weights.

        Args:
            corpus_iterable, corpus_file: lists of words, or the path of a text.
            update: add the new words to those that are known, which keep what they learnt. The
                words are put in the order of falling count again.
            progress_per: gensim's; nothing depends on it.
            keep_raw_vocab: keep the counts of all words as ``raw_vocab``.
            trim_rule: as :class:`Options` has it, which is used where none is given here.

        Raises:
            NoVocabularyError: no word is left (also a RuntimeError).
            WrongTypeError: no text, two, or sentences that are no lists of words.
        """
        self.scan_vocab(corpus_iterable, corpus_file)
        self.prepare_vocab(update, keep_raw_vocab, trim_rule)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """As :meth:`build_vocab`, of words and counts; ``corpus_count`` sentences are noted."""
        if not isinstance(word_freq, Mapping):
            raise WrongTypeError(f"word_freq is {word_freq!r:.60}: words and their counts")
        self.raw_vocab = dict(word_freq)
        self.corpus_count = corpus_count or 0
        self.corpus_total_words = sum(word_freq.values())
        self.prepare_vocab(update, keep_raw_vocab, trim_rule)

    def scan_vocab(
        self, corpus_iterable: Any = None, corpus_file: Any = None, progress_per: int = 10_000
    ) -> tuple[int, int]:
        """Count the words of a text; how many words and sentences it has."""
        self._note(whole_corpus(corpus_iterable, corpus_file))
        return self.corpus_total_words, self.corpus_count

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, int]:
        """Choose the vocabulary among the words that were counted, and make the weights.

        Args:
            update, keep_raw_vocab, trim_rule: as :meth:`build_vocab`.
            min_count, sample: set these options first.
            dry_run: only tell what would be.

        Returns:
            ``drop_unique``: words left out; ``num_retained_words`` and ``retain_total``: words
            kept, and how often they occur; ``downsample_unique`` and ``downsample_total``: words
            that are subsampled, and how many tokens are then expected.
        """
        self.min_count = self.min_count if min_count is None else min_count
        self.sample = self.sample if sample is None else sample
        self.check()
        rule = trim_rule or self.trim_rule
        least = least_count(self.raw_vocab, self.min_count, self.max_final_vocab)
        kept = kept_words(self.raw_vocab, least, rule)
        known = counts_of(self.vocabulary()) if update and len(self.wv) else {}
        retained = kept.keys() | known.keys()
        if not retained:
            raise NoVocabularyError(f"no word occurs {least} times: lower min_count")
        counts = {w: known.get(w, 0) + self.raw_vocab.get(w, 0) for w in retained}
        vocabulary = Vocabulary.from_counts(counts, 1)
        chances = vocabulary.keep_probabilities(self.sample)
        report = {
            "drop_unique": len(self.raw_vocab.keys() - retained),
            "num_retained_words": len(retained),
            "retain_total": vocabulary.total,
            "downsample_unique": int((chances < 1).sum()),
            "downsample_total": int(chances @ vocabulary.counts),
        }
        if not dry_run:
            self.effective_min_count = least
            self._set_words(vocabulary, update)
        if not dry_run and not keep_raw_vocab:
            self.raw_vocab = {}
        return report

    def reset_from(self, other_model: "Vocabularies") -> None:
        """Take the vocabulary of another model, with weights that have learnt nothing."""
        self.corpus_count, self.raw_vocab = other_model.corpus_count, other_model.raw_vocab
        self._set_words(other_model.vocabulary(), False)

    def vocabulary(self) -> Vocabulary:
        """The words and their counts; NoVocabularyError where there are none."""
        if not len(self.wv) or "count" not in self.wv.expandos:
            raise NoVocabularyError("the model has no vocabulary: call build_vocab first")
        return Vocabulary(self.wv.index_to_key, self.wv.expandos["count"])

    def _note(self, corpus: Corpus) -> None:
        """Take the counts of a text."""
        self.raw_vocab, self.corpus_count = counts_of(corpus.vocabulary), len(corpus)
        self.corpus_total_words = corpus.tokens_read

    def _set_words(self, vocabulary: Vocabulary, update: bool) -> None:
        """Set the words, and weights of the start for those that are new."""
        seed = self.seed + (len(self.wv) if update else 0)  # new words start unlike the old ones
        vectors = start_vectors(self.as_model(), len(vocabulary), seed)
        outputs = np.zeros_like(vectors)
        if update and len(self.wv):
            rows = np.array([vocabulary[word] for word in self.wv.index_to_key])
            vectors[rows] = self.wv.vectors
            # Of new counts the Huffman tree is another one, whose nodes begin anew: with the old
            # vectors at the new nodes less is learnt (a word new to 300 lines of news had a cosine
            # of 0.05 with the nearest of its topic, and now 0.26; gensim's 0.12).
            if not self.hs:
                outputs[rows] = self.output_vectors()
        self.wv.replace_all(vocabulary.words, vectors, vocabulary.counts)
        setattr(self, self._outputs_name, outputs)
        if self.hs:
            self._note_codes(vocabulary)

    def _note_codes(self, vocabulary: Vocabulary) -> None:
        """The Huffman code of each word, and its inner nodes, as attributes of the keys."""
        tree = huffman_tree(vocabulary.counts)
        for attr, paths in (("code", 1 - tree.labels), ("point", tree.rows)):
            self.wv.allocate_vecattrs([attr], [object])
            for row, length in enumerate(tree.lengths.tolist()):
                self.wv.expandos[attr][row] = paths[row, :length].astype(np.int64)

    @property
    def _outputs_name(self) -> str:
        return "syn1" if self.hs else "syn1neg"

    def output_vectors(self) -> np.ndarray:
        """The output vectors; NoVocabularyError for a model that has none."""
        found = getattr(self, self._outputs_name, None)
        if found is None or len(found) != len(self.wv):
            raise NoVocabularyError(
                f"the model has no {self._outputs_name} for its words: train it, or load one"
            )
        return found
