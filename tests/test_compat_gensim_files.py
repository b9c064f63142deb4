"""Files of gensim's names: archives that grow, URLs, and files that somebody changed."""

import json

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer import EmbedlayerError, Vectors
from embedlayer.compat.gensim import KeyedVectors, LineSentence, Text8Corpus, Word2Vec
from embedlayer.compat.gensim.saved import ENTRY, TENSORS
from embedlayer.storage.archives import KINDS
from embedlayer.storage.reading import open_to_read
from embedlayer.storage.tensors import read_tensors, write_tensors

WORDS, MATRIX = ["a", "b"], np.eye(2, dtype=np.float32)


@pytest.fixture
def wv():
    return KeyedVectors.from_vectors(Vectors(WORDS, MATRIX))


@pytest.fixture(scope="module")
def model():
    return Word2Vec([["a", "b", "c"]] * 20, vector_size=4, min_count=1, epochs=1, workers=1)


@pytest.mark.parametrize("suffix", KINDS)
def test_an_archive_is_appended_to_as_one(wv, tmp_path, suffix):
    path = tmp_path / f"v.vec{suffix}"
    wv.save_word2vec_format(path, total_vec=4)
    wv.save_word2vec_format(path, prefix="q_", write_header=False, append=True)
    assert KeyedVectors.load_word2vec_format(path).index_to_key == ["a", "b", "q_a", "q_b"]


def test_every_path_may_be_a_url(wv, model):
    memory = import_or_skip("fsspec").filesystem("memory")
    memory.pipe("/texts/t", b"a b\nc d\n")
    assert list(LineSentence("memory://texts/t")) == [["a", "b"], ["c", "d"]]
    assert list(Text8Corpus("memory://texts/t")) == [["a", "b", "c", "d"]]
    wv.save_word2vec_format("memory://v.bin", fvocab="memory://v.counts", binary=True)
    found = KeyedVectors.load_word2vec_format("memory://v.bin", "memory://v.counts", binary=True)
    assert found.get_vecattr("a", "count") == 2
    wv.save("memory://v.model")
    assert KeyedVectors.load("memory://v.model").vectors.tolist() == MATRIX.tolist()
    model.save("memory://word2vec.model")
    again = Word2Vec.load("memory://word2vec.model")
    assert again.wv.vectors.tobytes() == model.wv.vectors.tobytes()


@pytest.mark.parametrize(
    "entry",
    [
        7,
        [1],
        {"note": 5},
        {"note": ["<f4", [1, 2], 3]},
        {"note": ["<f4", [1]]},
        {"note": ["<f4", ["x", "y"]]},
        {"note": ["<f4", {"a": 1, "b": 2}]},
        {"note": ["M8[s]", ["a", "b"]]},
        {"note": ["no dtype", [1, 2]]},
        {"note": ["int64", [2**70, 1]]},
        {"note": [["a", "<f4"], [1, 2]]},
    ],
)
def test_damaged_attributes_are_told(tmp_path, entry):
    path = tmp_path / "v.safetensors"
    Vectors(WORDS, MATRIX, metadata={"gensim_attributes": entry}).save(path)
    with pytest.raises(EmbedlayerError, match=r"v\.safetensors: damaged gensim_attributes"):
        KeyedVectors.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about["options"].update(corpus_file=__file__), "no option corpus_file"),
        (lambda about: about["options"].update(callbacks=[1]), "no option callbacks"),
        (lambda about: about.update(options=[]), "damaged"),
        (lambda about: about.update(noted=None), "damaged"),
        (lambda about: about["noted"].update(epochs_trained="1"), "epochs_trained is '1'"),
        (lambda about: about["noted"].update(corpus_count=-1), "corpus_count is -1"),
    ],
)
def test_a_model_that_somebody_changed_reads_no_text(model, tmp_path, change, message):
    path = tmp_path / "m"
    model.save(path)
    with open_to_read(path) as file:
        tensors, entries = read_tensors(file, TENSORS)
    about = json.loads(entries[ENTRY])
    change(about)
    write_tensors(path, tensors, {ENTRY: json.dumps(about)})
    with pytest.raises(EmbedlayerError, match=message):
        Word2Vec.load(path)


def test_an_entry_that_is_no_text_is_no_model(tmp_path):
    header = json.dumps({"__metadata__": {ENTRY: 5}}).encode()
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(EmbedlayerError, match="it holds no model"):
        Word2Vec.load(tmp_path / "m")
