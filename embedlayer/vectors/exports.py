"""Words and vectors as other libraries take them: modules of torch, frames of pandas."""

import warnings
from typing import Any

import numpy as np

from embedlayer.errors import extra_library
from embedlayer.options import Choice, Flag
from embedlayer.vectors.word_vectors import WordVectors

POOLINGS = ("sum", "mean", "max")


class Exports(WordVectors):
    """Words and vectors that go on to other libraries."""

    def to_torch(
        self, *, freeze: bool = True, padding: bool = False, bag: str | None = None
    ) -> Any:
        """A ``torch.nn.Embedding`` whose row i is the vector of ``words[i]``, on the CPU.

        Args:
            freeze: do not train the weight. It then is ``matrix`` itself, and no second copy:
                nothing may be written into it. False trains it, and so copies it.
            padding: put a row of zeros behind those of the words, number V, which is the
                ``padding_idx`` and stays zero. There is then a copy in any case.
            bag: 'sum', 'mean' or 'max' makes a ``torch.nn.EmbeddingBag`` of that mode.

        Raises:
            MissingLibraryError: torch is not installed.
            EmbedlayerError: an option out of range.
        """
        freeze, padding = Flag().checked("freeze", freeze), Flag().checked("padding", padding)
        pooling = {} if bag is None else {"mode": Choice(POOLINGS).checked("bag", bag)}
        torch = extra_library("torch", "torch")
        rows = self.matrix
        if padding:
            rows = np.concatenate([rows, np.zeros((1, self.dim), np.float32)])
        elif not freeze:
            rows = rows.copy()
        with warnings.catch_warnings():  # that torch has no read-only tensors: we have said it
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            weight = torch.from_numpy(rows)
        make = torch.nn.EmbeddingBag if pooling else torch.nn.Embedding
        row = len(self) if padding else None
        return make.from_pretrained(weight, freeze=freeze, padding_idx=row, **pooling)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` of float32, (V, D), a copy; the index has the words.

        Raises:
            MissingLibraryError: pandas is not installed.
        """
        pandas = extra_library("pandas", "pandas")
        index = pandas.Index(self.words, name="word")
        return pandas.DataFrame(self.matrix.copy(), index=index, copy=False)
