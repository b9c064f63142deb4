"""Sentence vectors: the mean of the vectors of a sentence's words, each with its weight.

A sentence is a row of a sparse matrix, (n, V), which holds how often each word occurs in it; so the
vectors of n sentences are one sparse product.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from embedlayer.arrays import pieces
from embedlayer.errors import EmbedlayerError, shown
from embedlayer.options import Whole
from embedlayer.vectors.checks import holds_several
from embedlayer.vectors.weights import A, checked_weights, weights_at
from embedlayer.vectors.word_vectors import WordVectors


class Sentences(WordVectors):
    """Words and vectors, and the vectors of sentences of these words."""

    def sentence(self, tokens: Iterable[str], weighting: Any = "mean", *, a: float = A) -> Any:
        """The vector of one sentence, a list of words: float32, (D,); as :meth:`sentences`."""
        return self.sentences([tokens], weighting, a=a)[0]

    def sentences(
        self, sentences: Any, weighting: Any = "mean", *, a: float = A, components: int = 0
    ) -> np.ndarray:
        """The weighted mean of the vectors of each sentence's words: float32, (n, D).

        Unknown words are skipped; with rows of n-grams only those without any of them, and the
        counts of the others are taken for 0. A sentence without known words, or all of whose words
        weigh nothing, gives zeros.

        Args:
            sentences: n lists of words; or how often each word occurs in each sentence, a SciPy
                sparse matrix (n, V) as :meth:`term_counts` makes it.
            weighting: how much a word weighs. 'mean': all alike. 'tfidf': 1 + ln((1 + N) / (1 +
                count)) for N tokens in all, as these vectors know counts and no documents. 'sif':
                a / (a + count / N), where the sum is divided by the number of words, as in the
                paper, and not by the sum of weights. Or a mapping from words to weights, in which
                a word that it lacks weighs 0, or an array, (V,): unseen words then weigh 0.
            a: of SIF (Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
                embeddings", ICLR 2017).
            components: how many of the first principal components of these n vectors are removed
                from them; SIF removes one. A vector then depends on the other sentences.

        Raises:
            EmbedlayerError: a sentence that is a str or no list of words, a matrix of other
                columns, a weighting that is unknown or needs counts where there are none, weights
                that are negative or not finite, another option out of range.
        """
        k = Whole(0).checked("components", components)
        known: Sentences = self
        if self.subwords is not None and not hasattr(sentences, "tocsr"):
            sentences = _lists(sentences)
            known, weighting = self._of_these(sentences, weighting)
        counts = known.term_counts(sentences)
        tokens = None if self.counts is None else int(self.counts.sum())
        weights = weights_at(counts.indices, weighting, known.words, known.counts, a, tokens)
        by_size = isinstance(weighting, str) and weighting == "sif"
        means = weighted_means(counts, known.matrix, weights, by_size)
        return without_directions(means, principal_directions(means, k))

    def term_counts(self, sentences: Any) -> Any:
        """How often each word occurs in each sentence: ``scipy.sparse.csr_array``, (n, V).

        float32; the columns are the words in their order, and a word that occurs twice in a
        sentence may have two entries, which count together. Unknown words are skipped.

        Args:
            sentences: n lists of words; or such a matrix, of any SciPy sparse format.

        Raises:
            EmbedlayerError: a sentence that is a str or no list of words, a matrix of other
                columns, or of numbers that are negative or not finite.
        """
        from scipy.sparse import csr_array, issparse

        if issparse(sentences):
            return self._checked_counts(sentences)
        lists = _lists(sentences)
        try:
            rows = self.find(chain.from_iterable(lists))
        except TypeError as error:  # what cannot be a key is no word
            raise EmbedlayerError(f"a sentence is a list of strings: {error}") from None
        ends = np.cumsum([0, *map(len, lists)])
        known = rows >= 0
        offsets = np.concatenate([[0], np.cumsum(known)])[ends]
        entries = np.ones(offsets[-1], np.float32), rows[known], offsets
        return csr_array(entries, shape=(len(lists), len(self)))

    def _of_these(self, lists: list[Sequence[str]], weighting: Any) -> "tuple[Sentences, Any]":
        """The words of sentences that have vectors, unseen ones too, and what these weigh.

        Where none has, these vectors, of whose words there then are none.
        """
        assert self.subwords is not None
        words = [word for word in _distinct(lists) if isinstance(word, str)]
        rows = self.find(words)
        unseen = np.flatnonzero(rows < 0)
        made = self.subwords.means([words[i] for i in unseen.tolist()])
        has = np.ones(len(words), bool)
        has[unseen] = made.sizes > 0
        if not has.any():
            return self, weighting
        vectors = self._vectors_of([words[i] for i in np.flatnonzero(rows >= 0).tolist()])
        matrix = np.empty((len(words), self.dim), np.float32)
        matrix[rows >= 0], matrix[unseen] = vectors, made.vectors
        counts = None if self.counts is None else np.append(self.counts, 0)[rows][has]
        if isinstance(weighting, np.ndarray):
            weighting = np.append(checked_weights(weighting, len(self)), 0)[rows][has]
        kept = [words[i] for i in np.flatnonzero(has).tolist()]
        return Sentences(kept, matrix[has], counts), weighting

    def _checked_counts(self, counts: Any) -> Any:
        from scipy.sparse import csr_array

        if counts.ndim != 2 or counts.shape[1] != len(self):
            raise EmbedlayerError(
                f"a matrix {counts.shape} is not (n, {len(self)}), sentences by words: make it "
                "with CountVectorizer(vocabulary=vectors.words)"
            )
        counts = csr_array(counts, dtype=np.float32)
        if not (counts.data >= 0).all() or np.isinf(counts.data).any():
            raise EmbedlayerError("counts of words are finite numbers from 0 up")
        return counts


def weighted_means(
    counts: Any, matrix: np.ndarray, weights: np.ndarray | None = None, by_size: bool = False
) -> np.ndarray:
    """The weighted mean of the rows that each sentence's words have: float32, (n, D).

    Args:
        counts: float32, ``csr_array``, (n, V): how often each word occurs in each sentence.
        matrix: float32, (V, D).
        weights: floats, one for each of the N entries of ``counts``; default all 1.
        by_size: divide the sum by the number of words, and not by the sum of their weights.
    """
    shares = counts.copy()
    if weights is not None:
        shares.data *= weights.astype(np.float32)
    total = (counts if by_size else shares).sum(axis=1)
    shares.data /= np.repeat(np.where(total > 0, total, 1), np.diff(shares.indptr))
    return shares @ matrix


def principal_directions(matrix: np.ndarray, k: int) -> np.ndarray:
    """The k directions along which the rows are longest: float32, (k, D), each of length 1.

    They are the first right singular vectors of the matrix as it is, not centred, as SIF takes
    them. There are fewer where the matrix has fewer rows or columns.
    """
    if k == 0:
        return np.empty((0, matrix.shape[1]), np.float32)
    products = np.zeros((matrix.shape[1],) * 2)  # D × D, however many rows there are
    for piece in pieces(len(matrix), matrix):
        rows = matrix[piece].astype(np.float64)
        products += rows.T @ rows
    _, vectors = np.linalg.eigh(products)
    longest = vectors.T[::-1][: min(k, *matrix.shape)]
    return np.ascontiguousarray(longest, np.float32)


def without_directions(matrix: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The rows less what of them lies in the directions: float32, (n, D)."""
    return matrix - (matrix @ directions.T) @ directions if len(directions) else matrix


def _lists(sentences: Any) -> list[Sequence[str]]:
    """Lists of words; EmbedlayerError for what is none."""
    if not holds_several(sentences):
        raise EmbedlayerError(
            f"sentences are lists of words, not the {type(sentences).__name__} {shown(sentences)}"
        )
    return [_checked_sentence(*numbered) for numbered in enumerate(sentences)]


def _distinct(lists: list[Sequence[str]]) -> list[Any]:
    """What sentences hold, each once; EmbedlayerError for what can be no word."""
    try:
        return [*dict.fromkeys(chain.from_iterable(lists))]
    except TypeError as error:
        raise EmbedlayerError(f"a sentence is a list of strings: {error}") from None


def _checked_sentence(number: int, sentence: Any) -> Sequence[str]:
    if isinstance(sentence, list | tuple):
        return sentence
    if not holds_several(sentence):
        raise EmbedlayerError(
            f"sentence {number} is the {type(sentence).__name__} {shown(sentence)}: give a list of "
            "words, such as text.split()"
        )
    return list(sentence)
