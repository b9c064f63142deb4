"""An approximate index: a graph of the vectors, by faiss, that is walked towards a query.

HNSW (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs", 2016; their M, ef_construction and ef_search). The
graph gives candidates; their cosines are those of the exact search.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import to_numpy
from embedlayer.errors import EmbedlayerError, extra_library, shown
from embedlayer.options import Whole, check_options, option
from embedlayer.storage.manifest import digest
from embedlayer.storage.reading import expanded, open_to_read
from embedlayer.storage.tensors import json_object, read_tensors, write_tensors
from embedlayer.storage.words import pack_words
from embedlayer.storage.writing import whole_or_nothing
from embedlayer.vectors.files import named
from embedlayer.vectors.queries import nearest_query
from embedlayer.vectors.questions import Questions

ENTRY = "embedlayer-ann"  # of the file's metadata
TENSORS = {"graph": (np.uint8, 1)}
AT_ONCE = 1024  # queries whose candidates are scored together


@dataclass(frozen=True)
class AnnOptions:
    """How the graph is made."""

    m: int = option(16, Whole(2, 256), "links of a vector; twice as many in the lowest layer")
    ef_construction: int = option(128, Whole(1, 10_000), "vectors compared to find the links")

    def __post_init__(self) -> None:
        check_options(self)


class AnnIndex:
    """Answers as ``Vectors.nearest`` does, faster and nearly always the same.

    Made by ``Vectors.ann_index`` or :meth:`load`.

    Args:
        vectors: those that the graph is of.
        graph: faiss's index of their unit rows, by inner product.
    """

    def __init__(self, vectors: Questions, graph: Any) -> None:
        self._vectors = vectors
        self._unit = to_numpy(vectors.unit())
        self._graph = graph

    @staticmethod
    def build(vectors: Questions, options: AnnOptions) -> "AnnIndex":
        """The index of vectors, made by as many threads as there are cores."""
        faiss = _faiss()
        graph = faiss.IndexHNSWFlat(vectors.dim, options.m, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = options.ef_construction
        graph.add(to_numpy(vectors.unit()))
        return AnnIndex(vectors, graph)

    def nearest(self, query: Any, k: int = 10, *, ef_search: int = 64) -> Any:
        """As ``Vectors.nearest``, but some neighbours may be missed, and farther ones given.

        Args:
            query, k: as there.
            ef_search: how many vectors the walk keeps in sight: more are slower and miss less.

        Raises:
            UnknownWordError, EmbedlayerError: as there; ``ef_search`` below 1.
        """
        k = min(Whole().checked("k", k), len(self._vectors))
        ef_search = Whole().checked("ef_search", ef_search)
        asked = nearest_query(self._vectors, query)
        directions = to_numpy(asked.directions)
        wanted = k + max(map(len, asked.excluded), default=0)
        parameters = _faiss().SearchParametersHNSW(efSearch=max(ef_search, wanted))
        _, found = self._graph.search(directions, wanted, params=parameters)
        scores = np.empty(found.shape)
        for start in range(0, len(found), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            candidates = self._unit[found[part]].astype(np.float64)
            scores[part] = np.einsum("nkd,nd->nk", candidates, directions[part], dtype=np.float64)
        scores[found < 0] = -np.inf  # the walk ended before
        for i, excluded in enumerate(asked.excluded):
            scores[i, np.isin(found[i], excluded)] = -np.inf
        order = np.lexsort((found, -scores), axis=-1)[:, :k]
        rows = np.take_along_axis(found, order, axis=1)
        return asked.answers(self._vectors.words, rows, np.take_along_axis(scores, order, axis=1))

    def recall(self, k: int = 10, *, sample: int = 1000, ef_search: int = 64) -> float:
        """The share of the true k nearest of a sample of words that :meth:`nearest` finds.

        Args:
            k: neighbours of each word.
            sample: how many words, drawn by a fixed seed; all where there are fewer.
            ef_search: as for :meth:`nearest`.
        """
        size = min(Whole().checked("sample", sample), len(self._vectors))
        drawn = np.random.default_rng(0).choice(len(self._vectors), size, replace=False)
        words = [self._vectors.words[row] for row in drawn]
        hits = total = 0
        exact, found = self._vectors.nearest(words, k), self.nearest(words, k, ef_search=ef_search)
        for wanted, given in zip(exact, found, strict=True):
            hits += len(dict(wanted).keys() & dict(given).keys())
            total += len(wanted)
        return hits / total if total else 1.0

    def save(self, path: str | Path) -> None:
        """Write the index, all of it or nothing; it belongs to these vectors alone.

        Raises:
            OSError: a folder that is missing or cannot be written to, a full disk.
        """
        graph = _faiss().serialize_index(self._graph)
        entry = {"vectors": fingerprint(self._vectors), "graph": digest(graph)}
        with whole_or_nothing(expanded(path)) as unfinished:
            write_tensors(unfinished, {"graph": graph}, {ENTRY: json.dumps(entry, sort_keys=True)})

    @staticmethod
    def load(path: str | Path, vectors: Questions) -> "AnnIndex":
        """The index of a file, which must have been made of these vectors.

        A checksum shows damage. Of a graph that somebody made to do harm, faiss checks what its
        version can: do not load those of strangers.

        Raises:
            EmbedlayerError: another file, a damaged one, or an index of other vectors.
            OSError: a file that is missing or cannot be read.
        """
        path = expanded(path)
        with named(path), open_to_read(path) as file:
            tensors, metadata = read_tensors(file, TENSORS)
            text = metadata.get(ENTRY)
            entry = json_object(text) if isinstance(text, str) else {}
            if entry.get("graph") != digest(tensors["graph"]):
                raise EmbedlayerError("damaged, or no index of embedlayer's: build it anew")
            if entry.get("vectors") != fingerprint(vectors):
                raise EmbedlayerError(
                    "the index was made of other vectors: load those, or build one of these"
                )
            return AnnIndex(vectors, _graph_in(tensors["graph"], vectors))


def fingerprint(vectors: Questions) -> str:
    """What tells these vectors from others: a digest of words, shape and numbers."""
    words, offsets = pack_words(vectors.words)
    return digest(words, offsets, np.array(vectors.matrix.shape), vectors.matrix)


def _graph_in(data: np.ndarray, vectors: Questions) -> Any:
    """faiss's index in its bytes; EmbedlayerError for what is none of so many vectors."""
    faiss = _faiss()
    try:
        graph = faiss.deserialize_index(data)
    except (RuntimeError, IndexError) as error:
        raise EmbedlayerError(f"damaged, as faiss says: {shown(str(error)[-60:])}") from None
    known = (
        isinstance(graph, faiss.IndexHNSWFlat) and graph.metric_type == faiss.METRIC_INNER_PRODUCT
    )
    if not known or (graph.ntotal, graph.d) != vectors.matrix.shape:
        raise EmbedlayerError("damaged: a graph of other vectors: build it anew")
    return graph


def _faiss() -> Any:
    return extra_library("faiss", "ann")
