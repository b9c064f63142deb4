"""Training that goes on from vectors: old words, new ones, and the output table."""

import logging

import numpy as np
import pytest
from command import mistake, run

from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels
from embedlayer.kernels.arguments import Batch, Tables
from embedlayer.models.inputs.held import Held
from embedlayer.models.inputs.words import Words
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.text.vocabulary import Vocabulary
from embedlayer.training.further import Learnt
from embedlayer.training.run import Training
from embedlayer.vectors.vectors import Vectors

GROUP = 12  # words that occur together, and nowhere else
MODEL = SkipGram(dim=24, window=3, sample=0.0)
OPTIONS = {"epochs": 15, "workers": 1, "lr": 0.05}


def sentences(groups, seed, count=1500):
    rng = np.random.default_rng(seed)
    return [
        [f"{group}{i}" for i in rng.integers(0, GROUP, 8)]
        for group in rng.choice(list(groups), count)
    ]


def neighbours_found(vectors, groups):
    """The share of the eleven nearest that are of the word's group."""
    words = [f"{group}{i}" for group in groups for i in range(GROUP)]
    answers = vectors.nearest(words, GROUP - 1)
    return np.mean([other[0] == word[0] for word, found in zip(words, answers, strict=True)
                    for other, _ in found])  # fmt: skip


@pytest.fixture(scope="module")
def first():
    corpus = Corpus.from_sentences(sentences("abcd", 1), min_count=1)
    return Training(corpus, MODEL, keep_output=True, **OPTIONS).run()


@pytest.fixture(scope="module")
def second(first):
    known = Learnt.of(first).vocabulary
    return Corpus.from_sentences(sentences("cdef", 2), min_count=1, vocabulary=known)


def test_the_vocabulary_has_all_words_and_the_sum_of_their_counts(first, second):
    counts = dict(zip(second.vocabulary.words, second.vocabulary.counts.tolist(), strict=True))
    assert len(counts) == 6 * GROUP
    before = dict(zip(first.words, first.counts.tolist(), strict=True))
    here = Corpus.from_sentences(sentences("cdef", 2), min_count=1)
    now = dict(zip(here.vocabulary.words, here.vocabulary.counts.tolist(), strict=True))
    assert counts == {word: before.get(word, 0) + now.get(word, 0) for word in counts}
    tokens = [second.vocabulary.words[i] for i in second.ids.tolist()]
    assert tokens == [word for words in sentences("cdef", 2) for word in words]


def test_a_vocabulary_may_stay_as_it_is(first):
    known = Learnt.of(first).vocabulary
    corpus = Corpus.from_sentences(
        sentences("cdef", 2), min_count=1, vocabulary=known, max_size=len(known)
    )
    assert sorted(corpus.vocabulary.words) == sorted(first.words)
    assert corpus.tokens_out_of_vocabulary > 0


@pytest.mark.parametrize("order", [1, -1])
def test_of_new_words_of_one_count_the_first_by_code_points_enter(order):
    """Whatever the order in which they come, which is a matter of threads."""
    known = Vocabulary(["a"], [5])
    text = [["a", *words] for words in (["d", "c", "b"][::order],) * 3]
    corpus = Corpus.from_sentences(text, min_count=1, vocabulary=known, max_size=3)
    assert corpus.vocabulary.words == ["a", "b", "c"]
    assert corpus.vocabulary.counts.tolist() == [8, 3, 3]


def test_old_words_keep_their_neighbours_and_new_ones_find_theirs(first, second):
    assert neighbours_found(first, "abcd") > 0.99
    further = Training.from_vectors(first, second, epochs=15, workers=1, lr=0.05).run()
    assert neighbours_found(further, "abcd") > 0.95
    assert neighbours_found(further, "ef") > 0.95
    words = [f"{group}{i}" for group in "abcd" for i in range(GROUP)]
    pairs = zip(first.nearest(words, 10), further.nearest(words, 10), strict=True)
    shared = [len(dict(before).keys() & dict(after).keys()) / 10 for before, after in pairs]
    assert np.mean(shared) >= 0.7


def test_the_output_table_goes_on_with_its_words(first, second, caplog):
    caplog.set_level(logging.INFO)
    state = Training.from_vectors(first, second, workers=1).state
    row_of = {word: row for row, word in enumerate(second.vocabulary.words)}
    for row, word in enumerate(first.words):
        np.testing.assert_array_equal(state.tables.W_in[row_of[word], :24], first.matrix[row])
        np.testing.assert_array_equal(state.tables.W_out[row_of[word], :24], first.output[row])
    new = [row for word, row in row_of.items() if word[0] in "ef"]
    assert not state.tables.W_out[new].any()
    fresh = Training(second, MODEL, workers=1).state.tables.W_in
    np.testing.assert_array_equal(state.tables.W_in[new], fresh[new])
    assert "48 words go on, 24 are new; so do their output rows" in caplog.text


def test_without_an_output_table_it_starts_at_zero_and_that_is_told(first, second, caplog):
    caplog.set_level(logging.INFO)
    vectors = Vectors(first.words, first.matrix, first.counts)
    training = Training.from_vectors(vectors, second, workers=1)
    assert not training.state.tables.W_out.any()
    assert training.model == SkipGram(dim=24)
    assert "the output table, of which nothing is known (keep_output keeps it)" in caplog.text


def test_a_tree_goes_on_only_with_the_same_words_and_counts(first, second, caplog):
    caplog.set_level(logging.INFO)
    model = CBOW(dim=8, loss="hierarchical", sample=0.0)
    corpus = Corpus.from_sentences(sentences("ab", 1, 200), min_count=1)
    training = Training(corpus, model, workers=1, epochs=1, keep_output=True)
    vectors = training.run()
    same = Training.from_vectors(vectors, corpus, workers=1).state.tables.W_out
    np.testing.assert_array_equal(same, training.state.tables.W_out)
    grown = Corpus.from_sentences(
        sentences("ab", 2, 200), min_count=1, vocabulary=Learnt.of(vectors).vocabulary
    )
    assert not Training.from_vectors(vectors, grown, workers=1).state.tables.W_out.any()
    assert "its tree is another with other counts" in caplog.text


@pytest.mark.parametrize(
    "options", [{"workers": 1}, {"workers": 3}, {"workers": 2, "deterministic": True}]
)
def test_frozen_words_stay_to_the_bit(first, second, options):
    training = Training.from_vectors(first, second, old_rates=0, epochs=4, **options)
    further = training.run()
    np.testing.assert_array_equal(further[list(first.words)], first.matrix)
    assert neighbours_found(further, "ef") > 0.5


def test_a_frozen_row_is_what_it_was_whatever_another_thread_has_made_of_it():
    W_in = np.arange(12, dtype=np.float32).reshape(3, 4)
    start, tables = W_in.copy(), Tables(W_in, W_in.copy())
    rates = np.array([0, 0.5, 1], np.float32)
    held = Held(Words(["a", "b", "c"], DEVICES["numpy"]), W_in, rates)
    batch = Batch(np.array([0, 1, 2], np.int32), np.array([0, 3]), *[None] * 3)
    W_in[0] += 1  # by the other, whose piece is not done
    with held.reading(load_kernels("numpy"), tables, batch):
        W_in += 2
    np.testing.assert_array_equal(W_in - start, [[0] * 4, [1] * 4, [2] * 4])


@pytest.mark.usefixtures("cupy")
def test_on_a_device_too(first, second):
    training = Training.from_vectors(
        first, second, old_rates=0, epochs=1, backend="cupy", kernels="reference"
    )
    np.testing.assert_array_equal(training.run()[list(first.words)], first.matrix)


def test_each_word_may_have_a_rate_of_its_own(first, second):
    options = {"epochs": 1, "workers": 1}
    rates = {"a0": 0.0, "c1": 0.5}
    moved = Training.from_vectors(first, second, old_rates=rates, **options).run()
    free = Training.from_vectors(first, second, old_rates=1, **options).run()
    np.testing.assert_array_equal(moved["a0"], first["a0"])
    half, whole = (np.linalg.norm(found["c1"] - first["c1"]) for found in (moved, free))
    assert 0 < half < 0.8 * whole
    assert np.linalg.norm(moved["c2"] - first["c2"]) > half


def test_a_checkpoint_is_a_start_too_and_a_held_run_is_resumed(tmp_path, first, second):
    options = {"epochs": 2, "workers": 1}
    kept = Training(second, MODEL, checkpoint=tmp_path / "c", **options)
    vectors = kept.run()
    learnt = Learnt.of(tmp_path / "c")
    np.testing.assert_array_equal(learnt.matrix, vectors.matrix)
    np.testing.assert_array_equal(learnt.output, kept.state.tables.W_out[:, :24])
    whole = Training.from_vectors(learnt, second, **options).run()
    part = Training.from_vectors(learnt, second, checkpoint=tmp_path / "d", **options)
    part.run(until=1)
    resumed = Training.resume(tmp_path / "d", second)
    assert (resumed.state.rates == np.float32(0.1)).all()
    np.testing.assert_array_equal(resumed.run().matrix, whole.matrix)


def test_vectors_keep_their_output_table_in_the_native_format(tmp_path, first):
    first.save(tmp_path / "v.safetensors")
    again = Vectors.load(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(again.output, first.output)
    assert not again.output.flags.writeable
    first.save(tmp_path / "v.vec")
    assert Vectors.load(tmp_path / "v.vec").output is None
    with pytest.raises(EmbedlayerError, match="row 1 of the output table holds a NaN"):
        Vectors(["a"], [[1.0]], output=[[1.0], [np.nan]])
    with pytest.raises(EmbedlayerError, match=r"output is a table \(R, 1\)"):
        Vectors(["a"], [[1.0]], output=[[1.0, 2.0]])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": SkipGram(dim=8)}, "dim is 8, but the vectors have 24 dimensions"),
        ({"old_rates": 1.5}, "old_rates is 1.5"),
        ({"old_rates": {"a0": -1}}, r"old_rates\['a0'\] is -1"),
        ({"old_rates": {"none": 0.5}}, "'none' is not among"),
        ({"vectors": 7}, "vectors are 7"),
        ({"epochs": 0}, "epochs is 0"),
    ],
)
def test_mistakes(first, second, arguments, told):
    vectors = arguments.pop("vectors", first)
    with pytest.raises(EmbedlayerError, match=told):
        Training.from_vectors(vectors, second, **arguments)


def test_texts_without_a_known_word_are_refused(first):
    with pytest.raises(EmbedlayerError, match="none of the 48 words that are known"):
        Corpus.from_sentences(
            [["x", "y"]] * 9,
            min_count=1,
            vocabulary=Learnt.of(first).vocabulary,
            max_size=48,
        )
    with pytest.raises(EmbedlayerError, match="no word of the text has a vector"):
        Training.from_vectors(first, Corpus.from_sentences([["x", "y"]] * 9, min_count=1))
    with pytest.raises(EmbedlayerError, match="vocabulary is 7"):
        Corpus.from_sentences([["x"]], vocabulary=7)


def test_the_cache_tells_vocabularies_apart(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("a b c\n" * 9)
    one, other = Vocabulary(["a"], [5]), Vocabulary(["z"], [5])
    for known, words in ((None, "abc"), (one, "abc"), (other, "abcz"), (one, "abc")):
        corpus = Corpus.from_files(text, min_count=1, vocabulary=known)
        assert sorted(corpus.vocabulary.words) == list(words)
    assert corpus.from_cache
    assert corpus.vocabulary.counts.tolist() == [14, 9, 9]


CONTINUE = ["train", "new.txt", "-o", "out.vec", "--continue-from", "first.safetensors"]


class TestCommand:
    @pytest.fixture
    def begun(self, tmp_path, monkeypatch, first):
        monkeypatch.chdir(tmp_path)
        first.save("first.safetensors")
        (tmp_path / "new.txt").write_text("\n".join(map(" ".join, sentences("cdef", 2, 300))))

    def test_it_tells_what_goes_on(self, begun):
        told = run(*CONTINUE, "--min-count", 1, "--epochs", 1, "--old-rate", 0.5).stderr
        assert "48 words go on, 24 are new; so do their output rows" in told
        assert len(Vectors.load("out.vec")) == 72

    def test_frozen_and_without_new_words(self, begun, first):
        run(*CONTINUE, "--epochs", 1, "--freeze", "--no-new-words", "--quiet")
        out = Vectors.load("out.vec")
        assert len(out) == 48
        np.testing.assert_array_equal(out[list(first.words)], first.matrix)

    def test_such_a_run_is_resumed(self, begun, tmp_path):
        options = ["--min-count", 1, "--epochs", 2, "--workers", 1, "--quiet"]
        run(*CONTINUE, *options, "--checkpoint", "kept")
        before = (tmp_path / "out.vec").read_bytes()
        run("train", "--resume", "kept", "--quiet")
        assert (tmp_path / "out.vec").read_bytes() == before

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            (["--dim", 9], "dim is 9, but the vectors have 24"),
            (["--freeze", "--old-rate", 0.5], "--freeze is --old-rate 0"),
        ],
    )
    def test_mistakes(self, begun, more, told):
        assert told in mistake(*CONTINUE, "--quiet", *more)

    def test_what_means_nothing_without_it(self, begun):
        for option in (["--freeze"], ["--no-new-words"], ["--old-rate", 0.5]):
            told = mistake("train", "new.txt", "-o", "out.vec", *option)
            assert "no effect without --continue-from" in told
