"""A text as the ids, contexts and targets that the book's networks take."""

from typing import Any

import numpy as np

from embedlayer.backend import array_module


def preprocess(text: str) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """The ids of a text's words in order of appearance, and the words' numbers both ways."""
    words = text.lower().replace(".", " .").split()
    id_to_word = dict(enumerate(dict.fromkeys(words)))
    word_to_id = {word: i for i, word in id_to_word.items()}
    return np.array([word_to_id[word] for word in words], np.int64), word_to_id, id_to_word


def create_contexts_target(corpus: Any, window_size: int = 1) -> tuple[Any, Any]:
    """The 2 · window neighbours of each word that has them all, (N, 2 · window), and it, (N,)."""
    xp = array_module(corpus)
    target = corpus[window_size : len(corpus) - window_size]
    around = [*range(window_size), *range(window_size + 1, 2 * window_size + 1)]
    return xp.stack([corpus[i : i + len(target)] for i in around], axis=1), target


def convert_one_hot(corpus: Any, vocab_size: int) -> Any:
    """int32, ``(*corpus.shape, vocab_size)``: one at each id."""
    return (corpus[..., None] == array_module(corpus).arange(vocab_size)).astype(np.int32)
