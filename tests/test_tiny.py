"""A tour of the public API: read it from top to bottom. Each test is one thing that you can do."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import embedlayer
from embedlayer import CBOW, Corpus, Embedding, EmbeddingDot, SkipGram, Training, Vectors
from embedlayer.cli import main
from embedlayer.layers import Affine, SigmoidWithLoss
from embedlayer.optim import SGD, Adam

# Two topics: the words of one occur together, and never with those of the other.
TOPICS = [["tea", "cup", "hot", "milk"], ["road", "car", "wheel", "fast"]]
RANDOM = np.random.default_rng(0)
SENTENCES = [RANDOM.choice(TOPICS[i % 2], 10).tolist() for i in range(400)]
MODEL = SkipGram(dim=16, window=3, sample=0)  # sample=0: of so few words, keep every token


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """``train`` is the whole way, from sentences (or a path, or a Corpus) to vectors."""
    return embedlayer.train(SENTENCES, MODEL, min_count=1, epochs=5, lr=0.1, seed=1, workers=1)


# Layers and optimizers: forward, backward, update; on arrays of any float type.


def test_an_embedding_reads_rows_and_adds_up_the_gradients_of_those_that_repeat():
    embed = Embedding(np.arange(6.0).reshape(3, 2))
    assert embed.forward([2, 0, 2]).tolist() == [[4, 5], [0, 1], [4, 5]]
    embed.backward([[1, 1], [2, 2], [3, 3]])
    assert embed.grads[0].tolist() == [[2, 2], [0, 0], [4, 4]]
    SGD(lr=0.5).update(embed.params, embed.grads)
    assert embed.params[0].tolist() == [[-1, 0], [2, 3], [2, 3]]


def test_sparse_gradients_hold_the_rows_that_were_read_and_every_optimizer_takes_them():
    W_in, W_out = RANDOM.standard_normal((2, 5, 4))
    embed, dot, loss = (
        Embedding(W_in, sparse=True),
        EmbeddingDot(W_out, sparse=True),
        SigmoidWithLoss(),
    )
    adam, losses = Adam(lr=0.1), []
    for _ in range(20):  # word 1 belongs to word 2, and not to word 3
        losses.append(loss.forward(dot.forward(embed.forward([1, 1]), [2, 3]), [1, 0]))
        embed.backward(dot.backward(loss.backward()))
        adam.update([W_in, W_out], [embed.grads[0], dot.grads[0]])
    assert embed.grads[0].rows.tolist() == [1]
    assert losses[-1] < 0.1 < losses[0]


def test_layers_follow_the_arrays_they_are_given():
    """NumPy's here; within ``use_backend("cupy")``, on a machine with a GPU, xp is CuPy."""
    with embedlayer.use_backend("numpy"):
        assert embedlayer.get_backend() == "numpy"
        affine = Affine(embedlayer.xp.ones((2, 3)), embedlayer.xp.zeros(3))
    assert affine.forward([[1, 2]]).tolist() == [[3, 3, 3]]


# From text to vectors.


def test_a_corpus_is_a_text_counted_and_encoded(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("hot tea\nhot milk\n")
    corpus = Corpus.from_files(path, min_count=1)  # also .gz .bz2 .xz .zst, folders, globs
    assert corpus.vocabulary.words == ["hot", "milk", "tea"]  # by count, then in code-point order
    assert corpus.ids.tolist() == [0, 2, 0, 1]
    assert corpus.offsets.tolist() == [0, 2, 4]
    assert len(Corpus.from_sentences(SENTENCES, min_count=1)) == 400


def test_training_tells_how_far_it_is_what_it_took_and_where_it_stands():
    corpus, heard = Corpus.from_sentences(SENTENCES, min_count=1), []
    model = CBOW(dim=16, window=3, sample=0, loss="hierarchical")
    training = Training(corpus, model, epochs=3, workers=1, callbacks=[heard.append])
    made = training.run()
    assert heard[-1].tokens == heard[-1].tokens_total == 3 * len(corpus.ids)
    assert training.report.loss[2] < training.report.loss[0]
    assert training.state.epoch == 3
    assert training.state.tables.W_in[:, :16].tolist() == made.matrix.tolist()


def test_a_mistake_is_told_before_any_text_is_read():
    with pytest.raises(embedlayer.EmbedlayerError, match="no option epocs: did you mean epochs"):
        embedlayer.train("absent.txt", epocs=3)


# Vectors: what you keep.


def test_vectors_answer_questions(vectors):
    assert vectors["tea"].shape == (16,)
    assert vectors[["tea", "car"]].shape == (2, 16)
    assert ("tea" in vectors, "coffee" in vectors, len(vectors)) == (True, False, 8)
    assert {word for word, _ in vectors.nearest("tea", 3)} == {"cup", "hot", "milk"}
    assert [len(found) for found in vectors.nearest(["tea", "car"], 3)] == [3, 3]  # many at once
    assert vectors.similarity("tea", "cup") > 0.5 > vectors.similarity("tea", "car")
    assert vectors.analogy("tea", "hot", "car", 1)[0][0] in TOPICS[1]
    assert vectors.doesnt_match(["tea", "cup", "car"]) == "car"


def test_sentences_have_vectors_too(vectors):
    tea, car, none = vectors.sentences([["hot", "tea"], ["fast", "car"], ["unknown"]], "sif")
    np.testing.assert_allclose(vectors.sentence(["tea", "tea", "unknown"]), vectors["tea"])
    assert vectors.nearest(tea, 1)[0][0] in TOPICS[0]
    assert vectors.nearest(car, 1)[0][0] in TOPICS[1]
    assert not none.any()


@pytest.mark.parametrize("suffix", ["safetensors", "bin", "vec", "txt", "glove", "vec.gz"])
def test_vectors_are_saved_and_loaded_in_several_formats(vectors, tmp_path, suffix):
    vectors.save(tmp_path / f"vectors.{suffix}")
    loaded = Vectors.load(tmp_path / f"vectors.{suffix}")
    assert loaded.words == vectors.words
    np.testing.assert_array_equal(loaded.matrix, vectors.matrix)
    if suffix == "safetensors":  # the one that keeps counts, and how they were trained
        assert loaded.metadata["seed"] == 1


def test_vectors_are_evaluated_on_pairs_that_people_scored(vectors, tmp_path):
    (tmp_path / "pairs.tsv").write_text("tea\tcup\t9\nhot\tmilk\t8\ntea\tcar\t1\ncup\tteapot\t7\n")
    result = embedlayer.evaluate(vectors, tmp_path / "pairs.tsv")
    assert result.spearman > 0.8
    assert (result.found, result.out_of_vocabulary) == (3, 1)


# The same by the command line: `embedlayer train TEXT -o OUT`, and so on.


def test_the_command_line(tmp_path):
    text, out = tmp_path / "text.txt", tmp_path / "vectors.safetensors"
    text.write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))

    def command(*arguments):
        result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    options = ["--dim", 16, "--window", 3, "--sample", 0, "--epochs", 5, "--lr", 0.1]
    assert command("train", text, "-o", out, *options)["vocabulary"] == 8
    (answer,) = command("nearest", out, "tea", "-k", 3)["results"]
    assert {near["word"] for near in answer["nearest"]} == {"cup", "hot", "milk"}
