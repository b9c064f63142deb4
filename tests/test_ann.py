"""The approximate index: its answers against the exact ones, and the files it is kept in."""

import json
import sys

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.manifest import digest
from embedlayer.storage.reading import open_to_read
from embedlayer.storage.tensors import read_tensors, write_tensors
from embedlayer.vectors.ann import ENTRY, TENSORS, fingerprint
from embedlayer.vectors.vectors import Vectors

import_or_skip("faiss")

SIZE, DIM = 1000, 24


def made(seed: int) -> Vectors:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((50, DIM))
    matrix = centres[rng.integers(0, 50, SIZE)] + 0.5 * rng.standard_normal((SIZE, DIM))
    return Vectors([f"w{i}" for i in range(SIZE)], matrix)


@pytest.fixture(scope="module")
def vectors():
    return made(0)


@pytest.fixture(scope="module")
def index(vectors):
    return vectors.ann_index()


def test_nearly_all_neighbours_are_found(index):
    assert index.recall(10) > 0.95
    assert index.recall(10, sample=200, ef_search=1) < index.recall(10, sample=200, ef_search=500)
    assert index.recall(5, sample=10**6, ef_search=SIZE) > 0.99


def test_answers_have_the_form_and_the_cosines_of_the_exact_ones(vectors, index):
    for query in ("w7", ["w7", "w9"], vectors["w7"], vectors[["w7", "w9"]], np.array(["w1"]), []):
        found = index.nearest(query, 5, ef_search=SIZE)
        exact = vectors.nearest(query, 5)
        if isinstance(exact[0] if exact else [], tuple):
            found, exact = [found], [exact]
        assert [[word for word, _ in one] for one in found] == [
            [word for word, _ in one] for one in exact
        ]
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_allclose([s for _, s in one], [s for _, s in other], atol=1e-14)


def test_few_vectors_are_all_found():
    few = Vectors(["a", "b", "zero"], [[1.0, 0], [1, 1], [0, 0]])
    assert [word for word, _ in few.ann_index().nearest("a", 9)] == ["b", "zero"]


def test_a_file_of_it_gives_the_same_answers(vectors, index, tmp_path):
    index.save(tmp_path / "v.ann")
    loaded = vectors.load_ann_index(tmp_path / "v.ann")
    assert loaded.nearest(list(vectors.words[:99])) == index.nearest(list(vectors.words[:99]))
    assert [file.name for file in tmp_path.iterdir()] == ["v.ann"]


def test_an_index_of_other_vectors_is_refused(vectors, index, tmp_path):
    index.save(tmp_path / "v.ann")
    matrix = vectors.matrix.copy()
    matrix[7, 3] += 1
    renamed = Vectors([*vectors.words[1:], "w0"], vectors.matrix)
    for other in (Vectors(vectors.words, matrix), renamed, made(1)):
        with pytest.raises(EmbedlayerError, match=r"v\.ann: the index was made of other vectors"):
            other.load_ann_index(tmp_path / "v.ann")


def test_what_is_no_index_is_refused(vectors, index, tmp_path):
    path = tmp_path / "v.ann"
    index.save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(EmbedlayerError, match=r"v\.ann: damaged, or no index"):
        vectors.load_ann_index(path)
    path.write_bytes(data[:1000])
    with pytest.raises(EmbedlayerError, match=r"v\.ann: "):
        vectors.load_ann_index(path)
    vectors.save(tmp_path / "v.safetensors")
    with pytest.raises(EmbedlayerError, match="the tensor graph is missing"):
        vectors.load_ann_index(tmp_path / "v.safetensors")
    index.save(path)
    with pytest.raises(EmbedlayerError, match="the tensor matrix is missing"):
        Vectors.load(path)
    with pytest.raises(OSError, match="No such file"):
        vectors.load_ann_index(tmp_path / "absent")


def test_a_graph_that_somebody_made_is_refused(vectors, index, tmp_path):
    faiss = import_or_skip("faiss")
    index.save(tmp_path / "v.ann")
    with open_to_read(tmp_path / "v.ann") as file:
        tensors, _ = read_tensors(file, TENSORS)
    flat, narrow = faiss.IndexFlatIP(DIM), faiss.IndexHNSWFlat(DIM - 1, 16)
    flat.add(vectors.unit())
    narrow.add(vectors.unit()[:, 1:].copy())
    graphs = [tensors["graph"][:100], np.zeros(999, np.uint8)]
    for graph in (*graphs, *map(faiss.serialize_index, (flat, narrow))):
        entry = {"vectors": fingerprint(vectors), "graph": digest(graph)}
        write_tensors(tmp_path / "v.ann", {"graph": graph}, {ENTRY: json.dumps(entry)})
        with pytest.raises(EmbedlayerError, match=r"v\.ann: damaged"):
            vectors.load_ann_index(tmp_path / "v.ann")


def test_wrong_options_are_named(vectors, index):
    with pytest.raises(EmbedlayerError, match="m is 1: it must be at least 2"):
        vectors.ann_index(m=1)
    with pytest.raises(EmbedlayerError, match="ef_search is 0"):
        index.nearest("w1", ef_search=0)
    with pytest.raises(EmbedlayerError, match="unknown word 'x'"):
        index.nearest("x")


def test_without_faiss_the_cure_is_told(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(EmbedlayerError, match=r"faiss is not installed: .*\[ann\]"):
        vectors.ann_index()
