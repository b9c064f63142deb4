"""gensim's names, without gensim: what is honoured, what is refused, and files of our own."""

import bz2
import copy

import numpy as np
import pytest
from pages import ROOT
from planted import check_neighbours, planted_sentences

from embedlayer import EmbedlayerError, Vectors
from embedlayer.compat.gensim import (
    RULE_DISCARD,
    RULE_KEEP,
    CallbackAny2Vec,
    KeyedVectors,
    LineSentence,
    PathLineSentences,
    Text8Corpus,
    Word2Vec,
)
from embedlayer.compat.gensim.options import ONE_VALUE
from embedlayer.models.outputs.huffman import huffman_tree

SENTENCES = planted_sentences(300)
SMALL = {"vector_size": 8, "min_count": 1, "workers": 1}


@pytest.fixture(scope="module")
def model():
    return Word2Vec(SENTENCES, epochs=3, **SMALL)


@pytest.fixture
def wv():
    made = KeyedVectors(2)
    made.add_vectors(["east", "north", "up"], [[1, 0], [0, 2], [0.5, 0.5]])
    return made


# Words and rows


def test_rows_are_added_replaced_and_kept(wv):
    wv.add_vectors(["east", "west"], [[9, 9], [-1, 0]])
    assert wv["east"].tolist() == [1, 0]
    assert wv.most_similar("west", topn=1)[0][0] == "north"
    wv.add_vectors(["east"], [[3, 4]], replace=True)
    assert wv["east"].tolist() == [3, 4]
    assert wv.norms.tolist() == [5, 2, pytest.approx(0.5**0.5), 1]
    assert wv.add_vector("down", [0, -1]) == 4
    assert wv.add_vector("down", [5, 5]) == 4
    wv[["down", "left"]] = [[0, -3], [-3, 0]]
    assert (len(wv), wv["down"].tolist()) == (6, [0, -3])
    assert wv[["up", 0]].shape == (2, 2)
    assert "left" in wv
    assert 5 in wv
    assert 6 not in wv


def test_lengths_and_answers_are_those_of_the_rows_as_they_are(wv):
    def seen():
        return wv.norms.tolist(), [key for key, _ in wv.most_similar(positive=np.float32([1, 0.1]))]

    assert seen() == (pytest.approx([1, 2, 0.5**0.5]), ["east", "up", "north"])
    wv.add_vectors(["east"], [[0, 3]], replace=True)
    assert seen() == (pytest.approx([3, 2, 0.5**0.5]), ["up", "east", "north"])
    wv.add_vectors(["far", "far"], [[0, 1], [4, 0]])  # of a key given twice the last row is taken
    assert seen() == (pytest.approx([3, 2, 0.5**0.5, 4]), ["far", "up", "east", "north"])


def test_a_batch_that_does_not_fit_changes_nothing(wv):
    for keys, rows in ((["a", "b"], [[1, 2, 3]] * 2), (["a", 1], np.ones((2, 2)))):
        with pytest.raises(EmbedlayerError, match=r"numbers \(2, 2\) are|keys are"):
            wv.add_vectors(keys, rows)
    for extras in ({"note": [1]}, {"note": 1}, {"note": [1, [2]]}):
        with pytest.raises(EmbedlayerError, match=r"extras: note is|no array can be made"):
            wv.add_vectors(["a", "b"], np.ones((2, 2)), extras)
    assert wv.index_to_key == ["east", "north", "up"]
    with pytest.raises(EmbedlayerError, match=r"vectors are \(2, 2\), but there are 3 keys"):
        wv.vectors = np.ones((2, 2))


def test_searches_see_assigned_rows_and_those_changed_in_place_once_told(wv):
    assert wv.most_similar("east", topn=1)[0][0] == "up"
    wv.vectors = np.array([[1, 0], [1, 0.1], [0, 1]], np.float32)
    assert wv.most_similar("east", topn=1)[0][0] == "north"
    wv.vectors[2] = [1, 0]
    wv.fill_norms(force=True)
    assert wv.most_similar("east", topn=1)[0][0] == "up"


def test_attributes_grow_with_the_keys(wv):
    wv.set_vecattr("up", "tag", 7)
    wv.add_vectors(["x", "y"], np.ones((2, 2)), extras={"tag": np.array([1, 2])})
    wv.add_vector("z", [1, 1])
    assert wv.expandos["tag"].tolist() == [0, 0, 7, 1, 2, 0]
    assert wv.expandos["tag"].dtype.kind == "i"
    wv.set_vecattr("x", "note", "here")
    assert wv.get_vecattr("x", "note") == "here"
    with pytest.raises(KeyError):
        wv.get_vecattr("x", "absent")


def test_unknown_keys_are_key_errors(wv):
    calls = [
        lambda: wv["no"],
        lambda: wv.most_similar("no"),
        lambda: wv.most_similar_cosmul(["no"]),
        lambda: wv.similarity("up", "no"),
        lambda: wv.get_mean_vector(["no"], ignore_missing=False),
        lambda: wv.rank("up", "no"),
        lambda: wv[3],
        lambda: wv[-1],
    ]
    for call in calls:
        with pytest.raises(KeyError, match="is not among these 3"):
            call()
    assert wv.get_index("no", -1) == -1
    assert wv.n_similarity(["up", "no"], ["up"]) == 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda wv: wv.most_similar(), ValueError, "0 keys and 0 weights"),
        (lambda wv: wv.most_similar([[1.0, 2.0, 3.0]]), ValueError, "2 finite numbers"),
        (lambda wv: wv.most_similar([np.array([1, np.nan])]), ValueError, "2 finite numbers"),
        (lambda wv: wv.most_similar_cosmul([np.ones(3)]), ValueError, "2 finite numbers"),
        (lambda wv: wv.distances({"up"}), ValueError, "a vector: numbers"),
        (lambda wv: wv.most_similar(np.array([1j, 1])), ValueError, "complex numbers"),
        (lambda wv: wv.most_similar([("up", None)]), ValueError, "weight is None"),
        (lambda wv: wv.most_similar("up", restrict_vocab=1.5), ValueError, "restrict_vocab is 1.5"),
        (lambda wv: wv.most_similar("up", clip_end="2"), ValueError, "clip_end is '2'"),
        (lambda wv: wv.most_similar(2.5), TypeError, "a list of keys"),
        (lambda wv: wv.distances([[1], [1, 2]]), ValueError, "a vector: numbers are expected"),
        (lambda wv: wv.most_similar_to_given("up", []), ValueError, "keys_list is empty"),
        (lambda wv: wv.doesnt_match(None), TypeError, "a list of keys"),
        (lambda wv: wv.n_similarity(None, ["up"]), TypeError, "a list of keys"),
        (lambda wv: wv.wmdistance(None, ["up"]), TypeError, "a list of keys"),
        (lambda wv: wv.vectors_for_all(3), TypeError, "a list of keys"),
        (lambda wv: wv.add_vectors(None, np.ones(2)), TypeError, "a list of keys"),
        (lambda wv: wv.get_mean_vector(["up"], [np.nan]), ValueError, "all finite"),
        (lambda wv: wv.save_word2vec_format("v", prefix=1), TypeError, "prefix 1"),
        (lambda wv: wv.save_word2vec_format("v", total_vec="x"), ValueError, "total_vec is 'x'"),
        (lambda wv: KeyedVectors("2"), ValueError, "vector_size is '2'"),
        (lambda wv: wv.most_similar("up", topn=1.5), ValueError, "topn is 1.5"),
        (lambda wv: wv.most_similar("up", indexer=1), ValueError, "the search is exact"),
        (lambda wv: wv.doesnt_match(["no"]), ValueError, r"none of the words \['no'\]"),
        (lambda wv: wv.n_similarity([], ["up"]), ZeroDivisionError, "has no mean"),
        (lambda wv: wv[None], TypeError, "a list of keys"),
        (
            lambda wv: wv.evaluate_word_analogies("q", similarity_function="distance"),
            ValueError,
            "similarity_function 'distance': choose most_similar or most_similar_cosmul",
        ),
        (lambda wv: wv.vocab, AttributeError, "use key_to_index"),
        (lambda wv: wv.index2word, AttributeError, "use index_to_key"),
        (lambda wv: KeyedVectors(2, count=3), ValueError, "add_vectors makes room"),
        (lambda wv: KeyedVectors(2, mapfile_path="x"), ValueError, "save"),
    ],
)
def test_mistakes_have_gensim_s_types(wv, call, kind, message):
    with pytest.raises(kind, match=message) as error:
        call(wv)
    assert isinstance(error.value, EmbedlayerError)


def test_word_mover_s_distance_by_hand(wv):
    """Half of "east" stays, half goes to "north" at a distance of √2 between unit rows."""
    assert wv.wmdistance(["east"], ["east", "north", "no"]) == pytest.approx(2**0.5 / 2)
    assert wv.wmdistance(["east"], ["north"], norm=False) == pytest.approx(5**0.5)
    assert wv.wmdistance(["no"], ["east"]) == np.inf


def test_a_copy_is_independent(wv):
    other = copy.deepcopy(wv)
    other["up"] = [9, 9]
    assert wv["up"].tolist() == [0.5, 0.5]


def test_a_part_is_searched_and_an_empty_one_has_no_answers(wv):
    assert [key for key, _ in wv.most_similar("east", clip_start=1, clip_end=2)] == ["north"]
    assert [key for key, _ in wv.most_similar("east", clip_start=-1)] == ["up"]
    assert [key for key, _ in wv.most_similar("up", clip_start=1)] == ["north"]
    assert wv.most_similar("east", clip_start=7) == wv.most_similar("east", topn=False) == []
    assert [key for key, _ in wv.most_similar_cosmul("up", restrict_vocab=1)] == ["east"]


def test_means_and_products_by_hand(wv):
    """The mean is divided by |1| + |−3|; a cosine of 0 is 1/2 in a product, √½ is (1 + √½) / 2."""
    mean = wv.get_mean_vector(["east", "north"], [1, -3], pre_normalize=False)
    assert mean.tolist() == [0.25, -1.5]
    ((key, product),) = wv.most_similar_cosmul(["up", "east"])
    assert (key, product) == ("north", pytest.approx((1 + 0.5**0.5) / 4, rel=1e-5))
    ((key, product),) = wv.most_similar_cosmul("up", "east")
    assert (key, product) == ("north", pytest.approx(1 + 0.5**0.5, rel=1e-5))


def test_every_backend_trains_and_answers(xp):
    """What gensim's users see is NumPy's, wherever it was computed."""
    made = Word2Vec(SENTENCES[:40], sg=1, sample=0, epochs=1, **SMALL)
    assert type(made.wv.vectors) is type(made.syn1neg) is np.ndarray
    assert np.abs(made.syn1neg).max() > 0
    found = [
        made.wv.most_similar("t0w0", topn=2),
        made.wv.most_similar("t0w0", topn=None),
        made.wv.most_similar_cosmul("t0w0", topn=2),
    ]
    assert found[0][0][1] == pytest.approx(np.sort(found[1])[-2], abs=1e-6)
    assert found[0][0][0] == found[2][0][0]


# Files


def test_vectors_are_kept_with_attributes_in_embedlayer_s_own_format(wv, tmp_path):
    wv.set_vecattr("up", "count", 7)
    wv.set_vecattr("up", "note", "here")
    wv.save(tmp_path / "any.name")
    again = KeyedVectors.load(tmp_path / "any.name", mmap="r")
    assert again.index_to_key == wv.index_to_key
    assert again.vectors.tolist() == wv.vectors.tolist()
    assert again.get_vecattr("up", "note") == "here"
    assert again.expandos["count"].tolist() == [0, 0, 7]
    assert Vectors.load(tmp_path / "any.name").counts.tolist() == [0, 0, 7]


def test_word2vec_files_with_every_option(wv, tmp_path):
    path, vocab = tmp_path / "v.txt", tmp_path / "v.vocab"
    wv.expandos["count"] = np.array([1, 3, 2])
    wv.save_word2vec_format(path, fvocab=vocab, prefix="p_", total_vec=5)
    lines = path.read_text().splitlines()
    assert lines[0] == "5 2"
    assert [line.split()[0] for line in lines[1:]] == ["p_north", "p_up", "p_east"]
    assert vocab.read_text() == "p_north 3\np_up 2\np_east 1\n"
    wv.save_word2vec_format(path, write_header=False)
    wv.save_word2vec_format(path, write_header=False, append=True, prefix="q_", sort_attr="none")
    both = KeyedVectors.load_word2vec_format(path, no_header=True, datatype=np.float16)
    assert both.index_to_key == ["north", "up", "east", "q_east", "q_north", "q_up"]
    assert both.vectors.dtype == np.float16
    assert both.expandos["count"].tolist() == [6, 5, 4, 3, 2, 1]
    wv.save_word2vec_format(tmp_path / "v.bin.gz", binary=True)
    first = KeyedVectors.load_word2vec_format(tmp_path / "v.bin.gz", binary=True, limit=2)
    assert first.index_to_key == ["north", "up"]
    with pytest.raises(EmbedlayerError, match=r"rows cannot be locked; give lockf=1\.0"):
        wv.intersect_word2vec_format(path)
    with pytest.raises(EOFError, match="expected"):
        KeyedVectors.load_word2vec_format(vocab)
    with pytest.raises(EmbedlayerError, match="iconv"):
        KeyedVectors.load_word2vec_format(path, encoding="latin1")


def test_a_model_is_kept_whole_and_goes_on(model, tmp_path):
    path = tmp_path / "word2vec.model"
    model.save(path)
    again = Word2Vec.load(path)
    assert again.wv.vectors.tolist() == model.wv.vectors.tolist()
    assert again.syn1neg.tolist() == model.syn1neg.tolist()
    assert (again.epochs, again.epochs_trained, again.corpus_count) == (3, 3, 300)
    for one in (model, again):
        one.train(SENTENCES, total_examples=300, epochs=1)
    assert again.wv.vectors.tolist() == model.wv.vectors.tolist()
    with pytest.raises(AttributeError, match=r"Word2Vec\.load\(path\)"):
        model.load(path)
    model.wv.save(path)
    with pytest.raises(AttributeError, match=r"KeyedVectors\.load reads vectors"):
        Word2Vec.load(path)
    path.write_bytes(b"damaged")
    with pytest.raises(EmbedlayerError, match=r"word2vec\.model: damaged"):
        Word2Vec.load(path)


# Training


@pytest.mark.parametrize("options", [{"sg": 1}, {}, {"sg": 1, "hs": 1, "negative": 0}])
def test_planted_neighbours_are_found(options):
    made = Word2Vec(SENTENCES, epochs=20, sample=0, alpha=0.05, **SMALL, **options)
    check_neighbours(made.wv.as_vectors())


def test_a_call_of_train_equals_the_constructor_s():
    whole = Word2Vec(SENTENCES, epochs=2, **SMALL)
    made = Word2Vec(**SMALL)
    made.build_vocab(SENTENCES)
    assert made.train(iter(SENTENCES), total_examples=1, epochs=2)[1] == 2 * 3600
    assert made.wv.vectors.tolist() == whole.wv.vectors.tolist()


def test_later_calls_see_other_examples(model):
    """A loop of calls of one epoch each must not draw the same examples again and again."""
    made = Word2Vec(**SMALL, sample=0.01)
    made.build_vocab(SENTENCES)
    trained = {made.train(SENTENCES, total_words=1, epochs=1)[0] for _ in range(4)}
    assert len(trained) > 1
    assert made.epochs_trained == 4


def test_the_loss_is_a_running_sum_and_the_model_is_of_now():
    class Watch(CallbackAny2Vec):
        def __init__(self):
            self.losses, self.vectors = [], []

        def on_epoch_end(self, model):
            self.losses.append(model.get_latest_training_loss())
            self.vectors.append(model.wv.vectors.copy())

    watch = Watch()
    made = Word2Vec(SENTENCES, epochs=4, sample=0, compute_loss=True, callbacks=[watch], **SMALL)
    assert (np.diff(np.diff([0, *watch.losses])) < 0).all()
    assert made.get_latest_training_loss() == watch.losses[-1]
    assert not np.array_equal(watch.vectors[0], watch.vectors[1])
    assert np.array_equal(watch.vectors[-1], made.wv.vectors)


def test_the_loss_of_what_learns_next_to_nothing_is_that_of_the_start():
    made = Word2Vec(**SMALL, sample=0, alpha=1e-9, min_alpha=0)
    made.build_vocab(SENTENCES)
    made.train(SENTENCES, total_words=1, epochs=2, compute_loss=True)
    pairs = 2 * 3600 * 6  # a window has a target, and 5 draws of which 1 in 48 is the target
    found = made.get_latest_training_loss() / (pairs * np.log(2))
    assert found == pytest.approx(1 - 5 / 6 / 48, abs=2e-3)


def test_what_was_learnt_before_an_error_is_kept():
    class Stop(CallbackAny2Vec):
        def on_epoch_end(self, model):
            raise KeyboardInterrupt

    made = Word2Vec(**SMALL)
    made.build_vocab(SENTENCES)
    before = made.wv.vectors.copy()
    with pytest.raises(KeyboardInterrupt):
        made.train(SENTENCES, total_words=1, epochs=3, callbacks=[Stop()])
    assert not np.array_equal(made.wv.vectors, before)
    assert np.abs(made.syn1neg).max() > 0


def test_new_words_are_not_added_to_words_without_counts():
    made = Word2Vec(vector_size=2, min_count=1)
    made.wv.add_vectors(["a"], [[1, 2]])
    with pytest.raises(RuntimeError, match="the model has no vocabulary"):
        made.build_vocab([["a", "b"]], update=True)


def test_new_words_are_added_to_what_is_learnt(model):
    made = Word2Vec(SENTENCES, **SMALL)
    before = {word: made.wv[word] for word in made.wv.index_to_key}
    outputs = dict(zip(made.wv.index_to_key, made.syn1neg, strict=True))
    made.build_vocab([["new", "t0w0", "newer", "new"]], update=True)
    assert len(made.wv) == 50
    assert made.wv.get_vecattr("t0w0", "count") == sum(one.count("t0w0") for one in SENTENCES) + 1
    assert all(np.array_equal(made.wv[word], row) for word, row in before.items())
    found = made.syn1neg[made.wv.key_to_index["t3w3"]]
    assert np.array_equal(found, outputs["t3w3"])
    assert not made.syn1neg[made.wv.key_to_index["new"]].any()
    assert (np.diff(made.wv.expandos["count"]) <= 0).all()


def test_words_are_chosen_by_count_number_and_rule():
    counts = {"a": 9, "b": 5, "c": 5, "d": 3, "e": 1}
    made = Word2Vec(**{**SMALL, "min_count": 2}, max_final_vocab=2)
    made.build_vocab_from_freq(counts)
    assert (made.wv.index_to_key, made.effective_min_count) == (["a"], 6)
    rule = {"a": RULE_DISCARD, "e": RULE_KEEP}
    made = Word2Vec(**{**SMALL, "min_count": 4}, trim_rule=lambda word, *_: rule.get(word, 0))
    made.build_vocab_from_freq(counts, keep_raw_vocab=True)
    assert made.wv.index_to_key == ["b", "c", "e"]
    assert made.raw_vocab == counts


def test_a_text_of_which_nothing_is_learnt_is_passed_over(caplog):
    made = Word2Vec([["say", "meow"], ["say", "woof"]], **SMALL)
    assert "nothing is learnt: sample 0.001 drops every token" in caplog.text
    assert len(made.wv.most_similar("say")) == 2


def test_probabilities_sum_to_one(model):
    found = model.predict_output_word(["t0w0", "t0w1"], topn=100)
    assert sum(chance for _, chance in found) == pytest.approx(1, abs=1e-5)
    made = Word2Vec(SENTENCES, sg=1, hs=1, negative=0, **SMALL)
    chances = made.score([["t0w0", word] for word in made.wv.index_to_key])
    lengths = huffman_tree(made.wv.expandos["count"]).lengths
    assert len(made.wv.get_vecattr("t0w0", "code")) == lengths[made.wv.key_to_index["t0w0"]]
    # log p(a | b) + log p(b | a); that of all a after one b sums to 1.
    vectors, tree = made.wv.vectors, huffman_tree(made.wv.expandos["count"])
    hidden = vectors[made.wv.key_to_index["t0w0"]]
    turns = np.where(
        tree.rows >= 0, np.where(tree.labels > 0, 1, -1) * (made.syn1[tree.rows] @ hidden), 30
    )
    after = np.exp(-np.logaddexp(0, -turns).sum(axis=1))
    assert after.sum() == pytest.approx(1, abs=1e-5)
    assert chances.shape == (48,)
    assert (chances < np.log(after)).all()


def test_the_page_names_every_option_of_one_value():
    table = (ROOT / "docs" / "gensim.md").read_text().split("## What differs")[0]
    assert [name for name in ONE_VALUE if f"`{name}" not in table] == []


@pytest.mark.parametrize("name", ONE_VALUE)
def test_an_option_of_one_value_is_refused_with_a_cure(name):
    honoured, cure = ONE_VALUE[name]
    Word2Vec(**{name: honoured})
    other = len if callable(honoured) else 1 if honoured in (0, None) else 0
    with pytest.raises(ValueError, match=f"{name}=.* is not done here") as error:
        Word2Vec(**{name: other})
    assert cure in str(error.value)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Word2Vec(hs=1), ValueError, "a model has one loss; choose hs=1, negative=0"),
        (lambda: Word2Vec(vector_size=0), ValueError, "vector_size is 0"),
        (lambda: Word2Vec(foo=1), TypeError, "foo"),
        (lambda: Word2Vec(["abc"]), TypeError, "must be a list of words"),
        (lambda: Word2Vec([["a"]], "text"), TypeError, "in one way"),
        (lambda: Word2Vec([]), RuntimeError, "no words"),
        (lambda: Word2Vec([["a", "b"]]), RuntimeError, "no word occurs 5 times"),
        (lambda: Word2Vec().train([["a"]], total_words=1, epochs=1), RuntimeError, "build_vocab"),
        (lambda: Word2Vec(corpus_file="absent.txt"), ValueError, r"no such file: absent\.txt"),
        (lambda: Word2Vec(SENTENCES, alpha=1e-5), ValueError, "alpha falls from 1e-05"),
        (lambda: Word2Vec(hs=1, negative=0).predict_output_word("a"), RuntimeError, "hs=0"),
        (lambda: Word2Vec().score([]), RuntimeError, "hs=1"),
        (lambda: Word2Vec(hs=1, negative=0).score([], -1), ValueError, "total_sentences is -1"),
    ],
)
def test_mistakes_in_training_have_gensim_s_types(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_train_wants_what_gensim_wants(model):
    made = copy.deepcopy(model)
    for options in ({"epochs": 1}, {"total_words": 1}, {"total_words": 1, "epochs": 0}):
        with pytest.raises(ValueError, match=r"epochs|total_examples"):
            made.train(SENTENCES, **options)
    with pytest.raises(ValueError, match="start_alpha says where"):
        made.train(SENTENCES, total_words=1, epochs=1, word_count=5)
    made.wv.vectors_lockf = np.zeros(len(made.wv))
    with pytest.raises(ValueError, match="leave it at ones"):
        made.train(SENTENCES, total_words=1, epochs=1)


# Sentences


def test_sentences_of_files(tmp_path):
    (tmp_path / "b.txt").write_text("one two three\n\nfour\u3000five\n", encoding="utf-8")
    (tmp_path / "a.bz2").write_bytes(bz2.compress(b"zero\n"))
    path = tmp_path / "b.txt"
    assert [*LineSentence(path, 2)] == [["one", "two"], ["three"], ["four", "five"]]
    assert [*LineSentence(path, limit=1)] == [["one", "two", "three"]]
    with path.open("rb") as file:
        sentences = LineSentence(file)
        assert [*sentences] == [*sentences] == [*LineSentence(path)]
    assert next(iter(PathLineSentences(tmp_path))) == ["zero"]
    assert [*PathLineSentences(str(path))] == [*LineSentence(path)]
    with pytest.raises(EmbedlayerError, match="neither a file nor a folder"):
        [*PathLineSentences(tmp_path / "absent")]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_a_text_without_lines_is_cut(tmp_path, monkeypatch, block):
    monkeypatch.setattr("embedlayer.compat.gensim.sentences.BLOCK_BYTES", block)
    words = [f"é{i}" for i in range(25)]
    (tmp_path / "text8").write_text(" ".join(words), encoding="utf-8")
    found = [*Text8Corpus(tmp_path / "text8", 10)]
    assert found == [words[:10], words[10:20], words[20:]]


def test_a_file_is_a_corpus_too(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text("".join(" ".join(one) + "\n" for one in SENTENCES))
    of_file, of_lists = (
        Word2Vec(*given, epochs=2, **SMALL) for given in ((None, str(path)), (SENTENCES,))
    )
    assert of_file.wv.vectors.tolist() == of_lists.wv.vectors.tolist()
    assert of_file.corpus_total_words == 3600
