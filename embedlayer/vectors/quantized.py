"""Rows kept as codes: of each part of a row the number of the centroid that is nearest to it.

H. Jégou, M. Douze, C. Schmid: Product quantization for nearest neighbor search (2011); A. Joulin et
al.: FastText.zip: Compressing text classification models (https://arxiv.org/abs/1612.03651), which
keeps the lengths of rows apart, quantized by themselves.
"""

from copy import copy
from typing import Any

import numpy as np

from embedlayer.errors import EmbedlayerError

CENTROIDS = 256  # of each part: a code is a byte


class Quantized:
    """A table (R, D) whose rows are made of their codes when they are taken by number.

    Args:
        codes: uint8, (R, P).
        centroids: float32, (256 · D,): of each of the P parts its 256 centroids; all parts have as
            many dimensions as ``part``, but the last, which has the rest.
        part: dimensions of a part.
        lengths: float32, (R,): what each row is multiplied by; None: nothing.

    Raises:
        EmbedlayerError: parts that do not fit the dimensions.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self, codes: np.ndarray, centroids: np.ndarray, part: int, lengths: np.ndarray | None
    ) -> None:
        dim = len(centroids) // CENTROIDS
        parts = -(-dim // part) if 0 < part <= dim else 0
        if parts == 0 or codes.shape[1] != parts or len(centroids) != dim * CENTROIDS:
            raise EmbedlayerError(
                f"{codes.shape[1]} codes for the parts of {part} of {dim} dimensions: damaged"
            )
        first = (parts - 1) * CENTROIDS * part  # where those of the last part begin
        last = centroids[first:].reshape(CENTROIDS, dim - (parts - 1) * part)
        whole = centroids[:first].reshape(parts - 1, CENTROIDS, part)
        padded = np.pad(last, [(0, 0), (0, part - last.shape[1])])
        self._centroids = np.concatenate([whole, padded[None]])
        self._codes, self._lengths, self.shape = codes, lengths, (len(codes), dim)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """float32, (n, D): some rows, by their numbers or a slice."""
        codes = self._codes[rows]
        parts = self._centroids[np.arange(codes.shape[1]), codes]
        made = parts.reshape(len(codes), parts.shape[1] * parts.shape[2])[:, : self.shape[1]]
        if self._lengths is None:
            return made
        with np.errstate(all="ignore"):  # who takes the rows looks for what is not finite
            return made * self._lengths[rows, None]

    def table_of(self, rows: Any) -> "Quantized":
        """The table of some rows alone."""
        made = copy(self)
        made._codes = self._codes[rows]
        made._lengths = None if self._lengths is None else self._lengths[rows]
        made.shape = len(made._codes), self.shape[1]
        return made
