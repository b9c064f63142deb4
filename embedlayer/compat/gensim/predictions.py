"""gensim's Word2Vec, second part: what a trained model says of words and sentences."""

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from embedlayer.compat.gensim.errors import NoVocabularyError
from embedlayer.compat.gensim.keys import bound, several
from embedlayer.compat.gensim.vocabularies import Vocabularies
from embedlayer.models.outputs.huffman import HuffmanTree, huffman_tree
from embedlayer.options import Whole

_log = logging.getLogger("embedlayer")


class Predictions(Vocabularies):
    """Options, words, weights, and what these predict."""

    def predict_output_word(
        self, context_words_list: Sequence[Any], topn: int = 10
    ) -> list[tuple[str, np.float32]] | None:
        """The likeliest words between the words of a context, and how likely each is.

        Args:
            context_words_list: words, or their numbers; unknown ones are left out.
            topn: how many.

        Returns:
            Words and probabilities (a softmax over all words), the likeliest first; None, with a
            log line, for a context without known words.

        Raises:
            NoVocabularyError: a model that was not trained by negative sampling.
        """
        if not self.negative:
            raise NoVocabularyError("predict_output_word needs negative sampling: hs=0, negative=5")
        outputs = self.output_vectors()
        known = [word for word in several(context_words_list) if word in self.wv]
        if not known:
            _log.warning("no word of the context is in the vocabulary: %s", context_words_list)
            return None
        rows = self.wv.vectors[self.wv.indices(known)]
        hidden = rows.sum(axis=0) / (len(known) if self.cbow_mean else 1)
        scores = outputs @ hidden
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        best = np.argsort(-chances, kind="stable")[: bound("topn", topn)]
        return [(self.wv.index_to_key[row], chances[row]) for row in best]

    def score(
        self, sentences: Iterable[Sequence[str]], total_sentences: int = 1_000_000
    ) -> np.ndarray:
        """The log-probability of each sentence, of its windows at their full width.

        Taddy, "Document classification by inversion of distributed language representations",
        ACL 2015.

        Args:
            sentences: lists of words; unknown ones are left out.
            total_sentences: the first so many are scored.

        Returns:
            float32, (sentences,).

        Raises:
            NoVocabularyError: a model that was not trained by hierarchical softmax.
            EmbedlayerError: a number of sentences that is none.
        """
        if not self.hs:
            raise NoVocabularyError("score needs hierarchical softmax: hs=1, negative=0")
        most = Whole(0).checked("total_sentences", total_sentences)
        tree, outputs = huffman_tree(self.vocabulary().counts), self.output_vectors()
        found = [
            self._log_probability(
                [self.wv.get_index(w) for w in one if w in self.wv], tree, outputs
            )
            for one in islice(sentences, most)
        ]
        return np.array(found, np.float32)

    def _log_probability(self, ids: list[int], tree: HuffmanTree, outputs: np.ndarray) -> float:
        total = 0.0
        for place, target in enumerate(ids):
            first = max(0, place - self.window)
            contexts = ids[first:place] + ids[place + 1 : place + 1 + self.window]
            if not contexts:
                continue
            hidden = self.wv.vectors[contexts].astype(np.float64)
            if not self.sg:
                hidden = hidden.mean(axis=0, keepdims=True)
            length = int(tree.lengths[target])
            turns = 2 * tree.labels[target, :length] - 1
            scores = hidden @ outputs[tree.rows[target, :length]].T
            total -= float(np.logaddexp(0, -turns * scores).sum())
        return total
