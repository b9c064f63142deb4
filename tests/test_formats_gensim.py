"""gensim's own files: those of today, those of its older versions, and ours, which it loads."""

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import import_or_skip, skip_or_fail
from ngram_hashes import ngram_hashes

from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.formats import gensim
from embedlayer.vectors.formats.gensim import HEAD
from embedlayer.vectors.vectors import Vectors

TEXT = [["the", "café", "한국어"] * 5, ["the", "d", "🙂"] * 4, ["d", "the"]]
OLD = [  # files of the versions, among the data that gensim's own tests bring along
    *(f"old_w2v_models/w2v_{version}.mdl" for version in ("0.12.0", "0.13.3", "1.0.1", "3.4.0")),
    "w2v-lee-v0.12.0", "word2vec_pre_kv_py2", "word2vec_pre_kv_sep_py2", "word2vec_pre_kv_py3_4",
    "word2vec_old_sep", "word2vec_3.3", "old_keyedvectors_320.dat", "model-from-gensim-3.8.0.w2v",
    "compatible-hash-true.model", "ft_kv_3.6.0.model.gz",
]  # fmt: skip

HUGE = b"(0, %d, %d), }" % (2**39, 2**39)  # of no elements, and yet more than any array has
NGRAMS = {
    "vectors_vocab": np.eye(2),
    "vectors_ngrams": np.eye(2),
    "min_n": 3,
    "max_n": 6,
    "compatible_hash": True,
}


@pytest.fixture(scope="module")
def models():
    models = import_or_skip("gensim.models")
    logging.getLogger("gensim").setLevel(logging.CRITICAL)
    return models


@pytest.fixture(scope="module")
def word2vec(models):
    return models.Word2Vec(TEXT, vector_size=8, min_count=1, workers=1, seed=1, epochs=2)


@pytest.fixture(scope="module")
def fasttext(models):
    return models.FastText(
        TEXT, vector_size=8, min_count=1, workers=1, seed=1, epochs=2, bucket=97, min_n=1, max_n=4
    )


def check_same(found: Vectors, theirs) -> None:
    """Raise unless words, vectors and counts are those of a KeyedVectors."""
    assert list(found.words) == theirs.index_to_key
    assert np.abs(found.matrix - theirs.vectors).max() < 1e-6
    counts = [theirs.get_vecattr(word, "count") for word in found.words]
    assert found.counts.tolist() == counts


@pytest.mark.parametrize("ending", [".kv", ".kv.gz", ".kv.bz2"])
@pytest.mark.parametrize("sep_limit", [0, 1 << 30], ids=["arrays apart", "one file"])
def test_keyed_vectors(tmp_path, word2vec, ending, sep_limit):
    word2vec.wv.save(str(tmp_path / f"v{ending}"), sep_limit=sep_limit)
    assert len(list(tmp_path.iterdir())) == (1 if sep_limit else 3)
    check_same(Vectors.load(tmp_path / f"v{ending}"), word2vec.wv)
    check_same(Vectors.load(tmp_path / f"v{ending}", "gensim", limit=10), word2vec.wv)


@pytest.mark.parametrize("kind", ["word2vec", "fasttext"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("sep_limit", [0, 1 << 30], ids=["arrays apart", "one file"])
def test_models(tmp_path, request, kind, protocol, sep_limit):
    model = request.getfixturevalue(kind)
    model.save(str(tmp_path / "m.model"), sep_limit=sep_limit, pickle_protocol=protocol)
    check_same(Vectors.load(tmp_path / "m.model"), model.wv)
    assert Vectors.load(tmp_path / "m.model", limit=2).words == tuple(model.wv.index_to_key[:2])


def test_fasttext_without_n_grams(tmp_path, models):
    model = models.FastText(TEXT, vector_size=4, min_count=1, workers=1, max_n=0, bucket=9)
    model.save(str(tmp_path / "m"))
    check_same(Vectors.load(tmp_path / "m"), model.wv)


def test_ngrams_are_hashed_as_fasttext_does(models):
    hashed = import_or_skip("gensim.models.fasttext").ft_ngram_hashes
    for word in ("the", "한국어", "🙂", "a", "é" * 9):
        ours = [number % 1000 for number in ngram_hashes(word, 2, 5)]
        assert sorted(ours) == sorted(hashed(word, 2, 5, 1000))


@pytest.mark.parametrize("name", OLD)
def test_files_of_older_versions(models, name):
    path = Path(import_or_skip("gensim").__file__).parent / "test" / "test_data" / name
    if not path.exists():
        skip_or_fail("gensim", "this gensim has no files of older versions")
    vectors = Vectors.load(path)
    assert len(vectors) > 2
    assert vectors.counts.min() > 0
    assert (vectors.matrix.std(axis=1) > 0).all()


def test_gensim_loads_what_we_write(tmp_path, models, word2vec):
    ours = Vectors(word2vec.wv.index_to_key, word2vec.wv.vectors, [9, 8, 3, 2, 1])
    ours.save(tmp_path / "v.kv")
    theirs = models.KeyedVectors.load(str(tmp_path / "v.kv"))
    check_same(ours, theirs)
    assert theirs.most_similar("the") == word2vec.wv.most_similar("the")
    theirs.add_vectors(["new"], np.ones((1, 8), np.float32))
    theirs.save(str(tmp_path / "again.kv"))
    assert Vectors.load(tmp_path / "again.kv").words == (*ours.words, "new")
    Vectors(ours.words, ours.matrix).save(tmp_path / "v.kv")
    assert not models.KeyedVectors.load(str(tmp_path / "v.kv")).expandos


def test_counts_that_gensim_makes_up_are_none(tmp_path, models, word2vec):
    word2vec.wv.save_word2vec_format(str(tmp_path / "v.txt"))
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v.txt"))
    assert theirs.get_vecattr("the", "count") == len(theirs)
    theirs.save(str(tmp_path / "v.kv"))
    assert Vectors.load(tmp_path / "v.kv").counts is None


def test_an_array_that_is_missing_or_damaged(tmp_path, word2vec):
    word2vec.wv.save(str(tmp_path / "v.kv"), sep_limit=0)
    beside = tmp_path / "v.kv.vectors.npy"
    content = beside.read_bytes()
    pickled = np.array([object()])
    np.save(tmp_path / "pickled.npy", pickled, allow_pickle=True)
    for damaged, message in (
        (content[:-1], "damaged"),
        (content[:20], "no .npy file"),
        (content.replace(b"(5, 8)", b"(5, 9)"), "damaged"),
        (content[:128].replace(b"(5, 8), }" + b" " * 25, HUGE), "damaged"),
        (content.replace(b"(5, 8)", b"(8, 5)"), "5 words, but vectors of the shape"),
        ((tmp_path / "pickled.npy").read_bytes(), "a pickled array"),
    ):
        beside.write_bytes(damaged)
        with pytest.raises(EmbedlayerError, match=message):
            Vectors.load(tmp_path / "v.kv")
    beside.unlink()
    with pytest.raises(
        EmbedlayerError, match=r"in a file beside it, which is missing: .*vectors.n"
    ):
        Vectors.load(tmp_path / "v.kv")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "no list of words"),
        ({"index_to_key": [1, 2]}, "no list of words"),
        ({"index_to_key": "ab", "vectors": np.eye(2)}, "no list of words"),
        ({"index_to_key": ["a", "b"]}, "no vectors"),
        ({"index_to_key": ["a", "b"], "vectors": np.eye(3)}, "2 words, but vectors"),
        ({"index_to_key": ["a", "b"], "vectors": np.ones(2)}, "2 words, but vectors"),
        ({"index_to_key": ["a", "b"], "vectors": np.array([None] * 2)}, "an array"),
        (
            {"index_to_key": ["a" * 20_000, "b"], **NGRAMS, "max_n": 100},
            "n-grams of 3 to 100 characters, a word of 20000 bytes: damaged",
        ),
        ({"index_to_key": ["a", "b"], **NGRAMS, "max_n": 10**9}, "n-grams of 3 to 1000000000"),
        ({"index_to_key": ["a", "b"], **NGRAMS, "min_n": -1}, "n-grams of -1 to 6"),
        ({"index_to_key": ["a"], **NGRAMS}, r"rows of them \(2, 2\): damaged"),
        ({"index_to_key": ["a", "b"], **NGRAMS, "vectors_ngrams": np.ones((2, 3))}, "n-grams of 3"),
        ({"index_to_key": ["a", "b"], **NGRAMS, "vectors_ngrams": np.ones(2)}, r"n-grams \(2,\)"),
        ({"index_to_key": ["a"], "__numpys": ["vectors"]}, r"missing: .*v\.vectors\.npy"),
        ({"wv": 7}, "nothing that gensim saves"),
        (None, "nothing that gensim saves"),
    ],
)
def test_pickles_of_other_things(tmp_path, attributes, message):
    (tmp_path / "v").write_bytes(HEAD + pickle.dumps(attributes, 4)[2:-1] + b"b.")
    with pytest.raises(EmbedlayerError, match=message):
        Vectors.load(tmp_path / "v")


def test_an_array_apart_is_in_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(gensim, "MATRICES", ("/../secret",))
    attributes = {"index_to_key": ["a"], "__numpys": ["/../secret"]}
    (tmp_path / "v").write_bytes(HEAD + pickle.dumps(attributes, 4)[2:-1] + b"b.")
    with pytest.raises(EmbedlayerError, match="no ending of a file's name"):
        Vectors.load(tmp_path / "v")
