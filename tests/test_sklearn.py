"""The transformer for scikit-learn: its checks, what it learns, and a search over its options."""

import pickle
import sys
from importlib import import_module

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer import SkipGram, Vectors, train
from embedlayer.errors import EmbedlayerError, MissingLibraryError

import_or_skip("sklearn")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from embedlayer.sklearn import EmbeddingVectorizer

RANDOM = np.random.default_rng(0)
TOPICS = [["Tea", "cup", "hot", "milk"], ["road", "car", "wheel", "fast"]]
LISTS = [["the", *RANDOM.choice(TOPICS[i % 2], 7).tolist()] for i in range(120)]
TEXTS = [" ".join(words) + "!" for words in LISTS]
LABELS = [i % 2 for i in range(120)]
SMALL = {"dim": 8, "window": 3, "sample": 0, "min_count": 1, "lr": 0.1}
WORDS = ["the", "tea", "cup", "car"]
VECTORS = Vectors(WORDS, [[4, 0], [0, 2], [2, 2], [-1, 0]])


class OnNumbers(EmbeddingVectorizer):
    """A matrix of numbers read as documents, as scikit-learn's checks have no other data."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.sparse = False, False
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X, y=None):
        return super().fit(self.words_of(X, reset=True))

    def fit_transform(self, X, y=None):
        return super().fit_transform(self.words_of(X, reset=True))

    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self.words_of(X, reset=False))

    def words_of(self, X, reset):
        rows = validate_data(self, X, reset=reset).tolist()
        return [[f"{column}:{number:.0f}" for column, number in enumerate(row)] for row in rows]


EXPECTED_TO_FAIL = {
    "check_fit2d_1feature": "a document of one word has no contexts to learn from, and that is said"
}


@pytest.mark.filterwarnings("ignore:Can't test estimator EmbeddingVectorizer which requires input")
def test_scikit_learns_checks_of_what_takes_texts():
    results = check_estimator(EmbeddingVectorizer())
    found = {result["check_name"]: result["status"] for result in results}
    assert found == {"check_estimator_cloneable": "passed"}  # for texts it has no more


def test_scikit_learns_checks_of_what_takes_numbers():
    estimator = OnNumbers(**SMALL | {"epochs": 1})
    results = check_estimator(estimator, expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None)
    found = {result["check_name"]: result["status"] for result in results}
    assert {name for name in found if found[name] == "xfail"} == {*EXPECTED_TO_FAIL}
    assert sum(status == "passed" for status in found.values()) > 35
    assert "failed" not in found.values()


def test_it_trains_what_train_trains_and_takes_means():
    vectorizer = EmbeddingVectorizer(**SMALL, epochs=2, seed=3)
    found = vectorizer.fit_transform(TEXTS)
    lists = [[word.lower() for word in words] for words in LISTS]
    model = SkipGram(dim=8, window=3, sample=0)
    wanted = train(lists, model, epochs=2, seed=3, lr=0.1, min_count=1, workers=1)
    assert (found.dtype, found.shape) == (np.float32, (120, 8))
    assert vectorizer.vectors_.words == wanted.words
    np.testing.assert_array_equal(vectorizer.vectors_.matrix, wanted.matrix)
    np.testing.assert_array_equal(found, wanted.sentences(lists))
    np.testing.assert_array_equal(vectorizer.transform(TEXTS), found)
    np.testing.assert_array_equal(vectorizer.transform(lists), found)
    assert not vectorizer.transform(["nothing known", ""]).any()


def test_texts_become_words_as_in_tfidf_vectorizer():
    texts = ["Tea-cup, a CUP", "tea_cup Tea 7"]
    for options in (
        {},
        {"lowercase": False},
        {"token_pattern": r"\S+"},
        {"tokenizer": str.split, "token_pattern": None},
    ):
        wanted = TfidfVectorizer(**options).fit(texts).get_feature_names_out()
        found = EmbeddingVectorizer(**SMALL, epochs=1, **options).fit(texts).vectors_.words
        assert sorted(found) == sorted(wanted)


def test_tfidf_is_that_of_scikit_learn():
    """The weighted mean is the TF-IDF row, made to sum to 1, times the vectors."""
    documents = ["the tea the cup", "the car", "tea", "the the"]
    vectorizer = EmbeddingVectorizer(vectors=VECTORS, weighting="tfidf").fit(documents)
    tfidf = TfidfVectorizer(vocabulary=VECTORS.words, norm="l1")
    wanted = tfidf.fit_transform(documents) @ VECTORS.matrix
    np.testing.assert_allclose(vectorizer.weights_, tfidf.idf_, rtol=1e-12)
    np.testing.assert_allclose(vectorizer.transform(documents), wanted, rtol=1e-6)


def test_sif_takes_the_counts_of_the_vectors_or_of_the_documents():
    documents = ["the the the tea", "the cup"]
    found = EmbeddingVectorizer(vectors=VECTORS, weighting="sif", a=0.5).fit(documents)
    np.testing.assert_allclose(found.weights_, 0.5 / (0.5 + np.array([4, 1, 1, 0]) / 6))
    counted = Vectors(WORDS, VECTORS.matrix, [7, 1, 1, 1])
    found = EmbeddingVectorizer(vectors=counted, weighting="sif", a=0.5).fit(documents)
    np.testing.assert_allclose(found.weights_, 0.5 / (0.5 + np.array([7, 1, 1, 1]) / 10))
    wanted = counted.sentences([text.split() for text in documents], "sif", a=0.5)
    np.testing.assert_allclose(found.transform(documents), wanted, rtol=1e-6)


def test_components_are_those_of_the_fitted_documents():
    vectorizer = EmbeddingVectorizer(**SMALL, weighting="sif", components=1)
    found = vectorizer.fit_transform(LISTS)
    wanted = vectorizer.vectors_.sentences(LISTS, "sif", components=1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(found @ vectorizer.components_[0], 0, atol=1e-5)
    np.testing.assert_allclose(vectorizer.transform(LISTS[:1]), wanted[:1], atol=1e-6)


@pytest.mark.parametrize("weighting", ["mean", "tfidf", "sif", {"tea": 2, "car": 1}])
def test_counts_may_stand_for_documents(weighting):
    documents = ["the tea the cup", "the car", "", "unknown"]
    counter = CountVectorizer(vocabulary=VECTORS.words)
    whole = EmbeddingVectorizer(vectors=VECTORS, weighting=weighting)
    steps = make_pipeline(counter, clone(whole))
    np.testing.assert_array_equal(steps.fit_transform(documents), whole.fit_transform(documents))


def test_a_count_of_zero_that_is_stored_is_no_occurrence():
    counter = CountVectorizer(vocabulary=VECTORS.words)
    counts, stored = (counter.transform(["the tea", second]) for second in ("car", "car tea"))
    stored[1, WORDS.index("tea")] = 0
    assert stored.nnz == counts.nnz + 1
    vectorizer = EmbeddingVectorizer(vectors=VECTORS, weighting="tfidf")
    wanted = vectorizer.fit(counts).weights_
    np.testing.assert_array_equal(vectorizer.fit(stored).weights_, wanted)


def test_vectors_may_come_from_a_file(tmp_path):
    VECTORS.save(tmp_path / "vectors.safetensors")
    for path in (tmp_path / "vectors.safetensors", str(tmp_path / "vectors.safetensors")):
        found = EmbeddingVectorizer(vectors=path).fit_transform(["the cup"])
        assert found.tolist() == [[3, 1]]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_come_in_and_frames_go_out(library):
    column = import_or_skip(library).Series(["the cup", "tea"])
    vectorizer = EmbeddingVectorizer(vectors=VECTORS).set_output(transform=library)
    frame = vectorizer.fit_transform(column)
    assert [*frame.columns] == ["embeddingvectorizer0", "embeddingvectorizer1"]
    assert [*frame.columns] == vectorizer.get_feature_names_out().tolist()
    assert frame.to_numpy().tolist() == [[3, 1], [0, 2]]


def test_a_clone_has_the_same_vectors_and_a_pickle_the_same_answers():
    fitted = EmbeddingVectorizer(vectors=VECTORS, weighting="tfidf").fit(["the tea", "the car"])
    assert clone(fitted).vectors is VECTORS  # a large matrix is not copied for each candidate
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.transform(["the tea"]), fitted.transform(["the tea"]))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(["tea"])


def test_a_search_over_dim_and_window():
    steps = make_pipeline(EmbeddingVectorizer(**SMALL), LogisticRegression())
    options = {"embeddingvectorizer__dim": [2, 8], "embeddingvectorizer__window": [1, 3]}
    search = GridSearchCV(steps, options, cv=3).fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ == 1
    best = search.best_params_["embeddingvectorizer__dim"]
    assert search.best_estimator_[0].vectors_.dim == best
    assert search.predict(["hot tea with milk", "a fast car"]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "documents", "message"),
    [
        ({}, "a text", r"a list or a column, df\['text'\], not a str"),
        ({}, np.ones((3, 2)), "not a ndarray"),
        ({}, 3, "not a int"),
        ({}, ["tea", None], "document 1 is the NoneType None"),
        ({}, ["tea", {"tea": 1}], "document 1 is the dict"),
        ({}, [["tea", 3], ["tea"]], "sentence 1 .*a word must be a str"),
        ({"dim": 0}, TEXTS, "dim is 0"),
        ({"model": "glove"}, TEXTS, "model 'glove': choose skipgram or cbow"),
        ({"weighting": "idf"}, TEXTS, "weighting 'idf': choose mean, tfidf, sif"),
        ({"components": -1}, TEXTS, "components is -1"),
        ({"min_count": 1000}, TEXTS, "min_count"),
        ({"lowercase": "yes"}, TEXTS, "lowercase is 'yes': it must be True or False"),
        ({"tokenizer": "split"}, TEXTS, "tokenizer is 'split': it must be a function"),
        ({"token_pattern": None}, TEXTS, "token_pattern is None"),
        ({"token_pattern": "["}, TEXTS, r"token_pattern is '\['"),
        ({}, np.array("tea"), "not a ndarray"),
        ({}, CountVectorizer().fit_transform(TEXTS), "has lost the order of words"),
        ({"vectors": "absent.vec"}, TEXTS, "absent.vec"),
    ],
)
def test_what_is_refused(options, documents, message):
    with pytest.raises((EmbedlayerError, OSError), match=message):
        EmbeddingVectorizer(**SMALL | {"epochs": 1} | options).fit(documents)


def test_options_are_checked_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("embedlayer.sklearn.vectorizer.train", None)
    for wrong in ({"weighting": "idf"}, {"a": 0}, {"components": 0.5}):
        with pytest.raises(EmbedlayerError, match=next(iter(wrong))):
            EmbeddingVectorizer(**wrong).fit(TEXTS)


def test_counts_of_other_words_are_refused():
    vectorizer = EmbeddingVectorizer(vectors=VECTORS).fit(["tea"])
    with pytest.raises(EmbedlayerError, match=r"\(120, 9\) is not \(n, 4\)"):
        vectorizer.transform(CountVectorizer().fit_transform(TEXTS))


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "embedlayer.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'embedlayer\[sklearn\]'") as error:
        import_module("embedlayer.sklearn")
    assert isinstance(error.value, ImportError)
