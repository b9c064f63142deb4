"""The tables of a model: at the start, and as the training takes them."""

import numpy as np

from embedlayer.device import DEVICES
from embedlayer.kernels.arguments import Tables
from embedlayer.models.options import Word2Vec as Model
from embedlayer.models.tables import start_tables, table_shapes


def start_vectors(model: Model, words: int, seed: int) -> np.ndarray:
    """float32, (V, D): the input table at the start."""
    return start_tables(model, words, seed, DEVICES["numpy"]).W_in[:, : model.dim].copy()


def as_tables(model: Model, vectors: np.ndarray, outputs: np.ndarray) -> Tables:
    """Both tables in the shapes that a training takes: the columns padded with zeros.

    Args:
        vectors: (V, D).
        outputs: (V, D): gensim has a row for every word, the Huffman tree one less.
    """
    shapes = table_shapes(model, len(vectors))
    tables = Tables(*(np.zeros(shape, np.float32) for shape in shapes))
    for table, given in zip(tables, (vectors, outputs), strict=True):
        table[:, : model.dim] = given[: len(table)]
    return tables
