"""Words by counting, and words that are near: the functions of the book's chapter 2, and to 4."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedlayer.backend import array_module, asarray, to_numpy

__all__ = [
    "analogy",
    "cos_similarity",
    "create_co_matrix",
    "most_similar",
    "normalize",
    "ppmi",
    "to_cpu",
    "to_gpu",
]


def create_co_matrix(corpus: Any, vocab_size: int, window_size: int = 1) -> Any:
    """int32, (V, V): how often a word (column) is within the window of another (row)."""
    xp = array_module(corpus)
    counts = xp.zeros(vocab_size**2, np.int32)
    for distance in range(1, window_size + 1):
        left, right = corpus[:-distance], corpus[distance:]
        for row, column in ((left, right), (right, left)):
            pairs = row.astype(np.int64) * vocab_size + column
            counts += xp.bincount(pairs, minlength=vocab_size**2).astype(np.int32)
    return counts.reshape(vocab_size, vocab_size)


def ppmi(C: Any, verbose: bool = False, eps: float = 1e-8) -> Any:
    """float32, (V, V): positive pointwise mutual information, in bits, of co-occurrences C.

    (Church and Hanks, 1990.) All rows are made at once: ``verbose`` has no progress to tell.
    """
    xp = array_module(C)
    occurrences = C.sum(axis=0).astype(np.float64)
    expected = occurrences[:, None] * occurrences
    bits = xp.log2(C * float(occurrences.sum()) / xp.maximum(expected, 1) + eps)
    return xp.maximum(bits, 0).astype(np.float32)


def cos_similarity(x: Any, y: Any, eps: float = 1e-8) -> Any:
    """The cosine of two vectors, (D,) each; 0 if one of them is all zeros."""
    xp = array_module(x, y)
    x, y = (one / (xp.sqrt((one * one).sum()) + eps) for one in (x, y))
    return x @ y


def normalize(x: Any) -> Any:
    """A vector, (D,), or each row of a matrix, (N, D), at length 1."""
    xp = array_module(x)
    return x / xp.sqrt((x * x).sum(axis=-1, keepdims=True))


def most_similar(
    query: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix: Any,
    top: int = 5,
) -> None:
    """Print the words of the highest cosine with the query; that it is not found, if so."""
    if query not in word_to_id:
        print(f"{query} is not found")
        return
    print(f"\n[query] {query}")
    row = word_to_id[query]
    _print_best(word_matrix, word_matrix[row], {row}, id_to_word, top)


def analogy(
    a: str,
    b: str,
    c: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix: Any,
    top: int = 5,
    answer: str | None = None,
) -> None:
    """Print the best answers to "a is to b as c is to ?"; and the score of an expected answer."""
    for word in (a, b, c):
        if word not in word_to_id:
            print(f"{word} is not found")
            return
    print(f"\n[analogy] {a}:{b} = {c}:?")
    rows = [word_to_id[word] for word in (a, b, c)]
    a_vec, b_vec, c_vec = (word_matrix[row] for row in rows)
    direction = normalize(b_vec - a_vec + c_vec)
    if answer is not None:
        print(f"==>{answer}:{word_matrix[word_to_id[answer]] @ direction}")
    _print_best(word_matrix, direction, set(rows), id_to_word, top)


def to_cpu(x: Any) -> np.ndarray:
    """The array as NumPy's."""
    return to_numpy(x)


def to_gpu(x: Any) -> Any:
    """The array as CuPy's.

    Raises:
        BackendError: there is no CuPy, or no device.
    """
    return asarray(x, backend="cupy")


def _print_best(
    matrix: Any, direction: Any, excluded: set[int], id_to_word: Mapping[int, str], top: int
) -> None:
    xp = array_module(matrix)
    lengths = xp.sqrt((matrix * matrix).sum(axis=1) * (direction * direction).sum())
    scores = to_numpy(matrix @ direction / xp.maximum(lengths, 1e-8))
    best = [row for row in np.argsort(-scores, kind="stable").tolist() if row not in excluded]
    for row in best[:top]:
        print(f" {id_to_word[row]}: {scores[row]}")
