"""From D dimensions to two: principal components, t-SNE, UMAP.

All see vectors at length 1, whose distances rise as their cosines fall, so that a picture shows
what ``nearest`` says. The same vectors give the same picture, each time.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from embedlayer.errors import EmbedlayerError, extra_library
from embedlayer.options import Choice

SEED = 0
PERPLEXITY = (
    30  # t-SNE's: how many neighbours count, of which there have to be thrice as many words
)
UMAP_NEIGHBOURS = 15


def principal(unit: np.ndarray) -> np.ndarray:
    """The two directions in which the vectors differ most (Pearson, 1901).

    Of each direction the largest entry is positive: its sign would else be anyone's.
    """
    rows = unit.astype(np.float64)
    rows -= rows.mean(axis=0)
    _, directions = np.linalg.eigh(rows.T @ rows)
    directions = directions[:, ::-1][:, :2]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    points = rows @ (directions * np.sign(largest))
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))  # vectors of one number lie on a line


def t_sne(unit: np.ndarray) -> np.ndarray:
    """t-SNE by openTSNE (van der Maaten and Hinton, 2008; Poličar, Stražar and Zupan, 2024)."""
    library = _library("openTSNE")
    perplexity = min(PERPLEXITY, (len(unit) - 1) / 3)
    # One thread: several spend more time on each other than on the work, of a few thousand words.
    made = library.TSNE(perplexity=perplexity, random_state=SEED, n_jobs=1)
    return np.asarray(made.fit(unit))


def umap(unit: np.ndarray) -> np.ndarray:
    """UMAP by umap-learn (McInnes, Healy and Melville, 2018)."""
    library = _library("umap")
    neighbours = min(UMAP_NEIGHBOURS, len(unit) - 1)
    # One thread: several would give another picture each time.
    return library.UMAP(n_neighbors=neighbours, random_state=SEED, n_jobs=1).fit_transform(unit)


def _library(name: str) -> ModuleType:
    with warnings.catch_warnings():  # umap misses TensorFlow, which is not needed here
        warnings.simplefilter("ignore", ImportWarning)
        return extra_library(name, "plot")


@dataclass(frozen=True)
class Projection:
    """A method: what it is called, how many words it needs, which library, and its function."""

    title: str
    least: int
    library: str | None
    project: Callable[[np.ndarray], np.ndarray]


PROJECTIONS = {
    "pca": Projection("principal components", 1, None, principal),
    "tsne": Projection("t-SNE", 10, "openTSNE", t_sne),
    "umap": Projection("UMAP", 10, "umap", umap),
}
METHOD = Choice(PROJECTIONS)


def check_method(method: str) -> None:
    """Raise now what projecting would raise later.

    Raises:
        EmbedlayerError: no such method; MissingLibraryError: its library is not installed.
    """
    library = PROJECTIONS[METHOD.checked("method", method)].library
    if library is not None:
        _library(library)


def projected(unit: np.ndarray, method: str = "pca") -> np.ndarray:
    """float32, (n, 2): where each of n vectors is drawn, from −1 to 1 around the middle of all.

    Both axes have one scale. Vectors that are all the same lie at (0, 0).

    Args:
        unit: float32, (n, D): vectors of length 1, or 0.
        method: one of ``PROJECTIONS``.

    Raises:
        EmbedlayerError: no such method, or too few words for it.
        MissingLibraryError: its library is not installed.
    """
    chosen = PROJECTIONS[METHOD.checked("method", method)]
    if len(unit) < chosen.least:
        raise EmbedlayerError(
            f"{chosen.title} needs {chosen.least} words, not {len(unit)}: choose more, or pca"
        )
    points = chosen.project(unit).astype(np.float64)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    reach = np.abs(points).max()
    noise = 1e-6 if method == "pca" else 0.0  # of float32 vectors of length 1 that are the same
    return (points / reach if reach > noise else np.zeros_like(points)).astype(np.float32)
