"""Training: planted neighbours are found, whatever computes the step, and runs can be repeated."""

import math
import threading

import numpy as np
import pytest
from planted import check_neighbours, planted_sentences

import embedlayer
from embedlayer import backend
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import cpu
from embedlayer.models.options import CBOW, MODELS, SkipGram
from embedlayer.models.outputs import LOSSES
from embedlayer.text.corpus import Corpus
from embedlayer.training.chunks import cut
from embedlayer.training.run import Training
from embedlayer.training.train import train

SMALL = {"dim": 16, "window": 3, "sample": 0.0}


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(), min_count=1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS.values())
def test_planted_neighbours_are_found(corpus, model, loss):
    training = Training(corpus, model(loss=loss, **SMALL), epochs=5, workers=2, lr=0.05)
    vectors = training.run()
    check_neighbours(vectors)
    losses = training.report.loss
    assert len(losses) == 5
    assert losses[-1] < losses[0] < math.log(2) + 0.05
    assert vectors.metadata["model"] == model.name


def test_the_tables_have_what_threads_kept_to_themselves(corpus, monkeypatch):
    monkeypatch.setattr("embedlayer.kernels.cpu.local.TOKENS_PER_ROW", 1)  # all rows
    training = Training(corpus, SkipGram(**SMALL), epochs=1, workers=2, backend="numpy")
    before = training.state.tables.W_in.copy()
    training.run()
    assert (np.abs(training.state.tables.W_out[:, :16]).max(1) > 0).all()  # every word was a target
    assert (np.abs(training.state.tables.W_in - before)[:, :16].max(1) > 0).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_each_of_several_threads_keeps_rows_of_its_own(corpus, monkeypatch, workers):
    training = Training(corpus, SkipGram(**SMALL), epochs=1, workers=workers, backend="numpy")
    step, kept = cpu.sgd_step, []

    def step_and_tell(*arguments, local=None):
        kept.append(local)
        return step(*arguments, local=local)

    monkeypatch.setattr("embedlayer.kernels.cpu.step.sgd_step", step_and_tell)
    training.run()
    assert all((local is not None) == (workers > 1) for local in kept)
    assert 1 <= len(set(kept)) <= workers


@pytest.mark.parametrize("how", [{"kernels": "reference"}, {"step": "layered"}])
@pytest.mark.parametrize("model", MODELS.values())
def test_the_three_steps_agree(xp, model, how):
    """Kernels, reference and layers learn from the same examples, to nearly the same loss."""
    corpus = Corpus.from_sentences(planted_sentences(100), min_count=1)
    options = {"epochs": 1, "workers": 1, "lr": 0.05, "measure": 1, "in_flight": 1}
    fused = Training(corpus, model(**SMALL), **options)
    fused.run()
    at_once = 2 if xp is np and model is CBOW else 1  # compiled, CBOW takes two windows at a time
    slow = Training(corpus, model(**SMALL), **options, **how, batch=at_once)
    slow.run()
    assert backend.array_module(fused.state.tables.W_in) is xp
    assert slow.report.tokens_trained == fused.report.tokens_trained
    np.testing.assert_allclose(
        *map(backend.to_numpy, (slow.state.tables.W_in, fused.state.tables.W_in)), atol=2e-4
    )
    assert slow.report.loss == pytest.approx(fused.report.loss, rel=1e-4)


def test_reference_training_in_batches_finds_the_neighbours(corpus):
    model = SkipGram(**SMALL)
    vectors = train(corpus, model, kernels="reference", epochs=5, lr=0.05, workers=1)
    check_neighbours(vectors)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_layers_train_with_other_optimizers(corpus, optimizer):
    model = SkipGram(**SMALL)
    vectors = train(corpus, model, step="layered", optimizer=optimizer, epochs=4, lr=0.05)
    check_neighbours(vectors)


def test_one_worker_repeats_to_the_bit_and_two_train_on_the_same_tokens(corpus):
    runs = []
    for workers in (1, 1, 2):
        training = Training(corpus, CBOW(dim=20, sample=1e-2), epochs=2, workers=workers, seed=7)
        runs.append((training.run().matrix, training.report))
    assert (runs[0][0] == runs[1][0]).all()
    assert runs[0][1].loss == runs[1][1].loss
    trained = {report.tokens_trained for _, report in runs}
    assert len(trained) == 1
    (kept,) = trained
    assert runs[0][1].tokens_subsampled + kept == 2 * len(corpus.ids)
    other = Training(corpus, CBOW(dim=20, sample=1e-2), epochs=2, workers=1, seed=8).run()
    assert (other.matrix != runs[0][0]).any()


@pytest.mark.parametrize("model", MODELS.values())
def test_any_number_of_workers_trains_on_the_same_examples_at_the_same_rates(
    corpus, monkeypatch, model
):
    step, taken = cpu.sgd_step, []

    def step_and_tell(tables, batch, lr, mode, **local):
        taken[-1].add((lr, *(array.tobytes() for array in batch)))
        return step(tables, batch, lr, mode, **local)

    monkeypatch.setattr("embedlayer.kernels.cpu.step.sgd_step", step_and_tell)
    for workers in (1, 2, 5):
        taken.append(set())
        options = {"epochs": 2, "seed": 7, "workers": workers, "backend": "numpy"}
        Training(corpus, model(**SMALL | {"sample": 0.01}), **options).run()
    assert len(taken[0]) == 2 * len(cut(corpus, len(corpus.ids) // 50)[:-1])
    assert taken[0] == taken[1] == taken[2]


def test_learning_rate_falls_linearly_in_raw_tokens(corpus):
    training = Training(corpus, SkipGram(), epochs=4, lr=0.5)
    assert training.learning_rate(0, 0) == 0.5
    assert training.learning_rate(4, 0) == pytest.approx(0.5 / 250)
    middle = training.learning_rate(2, 0)
    assert middle == pytest.approx((0.5 + 0.5 / 250) / 2)


def test_a_chunk_has_the_learning_rate_of_its_start(corpus, monkeypatch):
    training = Training(corpus, SkipGram(**SMALL), epochs=1, workers=1, backend="numpy")
    step, rates = cpu.sgd_step, []

    def step_and_tell(tables, batch, lr, mode):
        rates.append(lr)
        return step(tables, batch, lr, mode)

    monkeypatch.setattr("embedlayer.kernels.cpu.step.sgd_step", step_and_tell)
    training.run()
    starts = corpus.offsets[cut(corpus, training.state.chunk_tokens)][:-1]
    assert rates == [training.learning_rate(0, start) for start in starts.tolist()]
    assert rates[0] == training.lr
    assert len(rates) == 100


def test_callbacks_hear_of_every_epoch_and_can_take_vectors(corpus):
    heard = []
    caller = threading.get_ident()

    def callback(progress):
        assert threading.get_ident() == caller
        if progress.epoch_done:
            heard.append((progress, progress.vectors().matrix[0]))

    model = SkipGram(**SMALL)
    training = Training(corpus, model, epochs=3, workers=1, callbacks=[callback])
    vectors = training.run()
    assert [progress.epoch for progress, _ in heard] == [0, 1, 2]
    assert [progress.loss for progress, _ in heard] == training.report.loss
    assert [progress.tokens for progress, _ in heard] == [len(corpus.ids) * i for i in (1, 2, 3)]
    assert heard[-1][0].tokens_total == 3 * len(corpus.ids)
    assert heard[-1][0].words_per_second > 0
    assert (heard[-1][1] == vectors.matrix[0]).all()
    assert (heard[0][1] != vectors.matrix[0]).any()


def test_an_exception_in_a_callback_or_a_worker_stops_the_threads(corpus, monkeypatch):
    def threads_of_runs():  # not those of work in parts, which stay for the next
        return [each for each in threading.enumerate() if each.name.startswith("embedlayer_")]

    def interrupt(progress):
        assert threads_of_runs()
        raise KeyboardInterrupt

    training = Training(corpus, SkipGram(**SMALL), epochs=50, callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert len(training.vectors()) == len(corpus.vocabulary)

    def fail(*arguments, **rows):
        raise RuntimeError("planted")

    training = Training(corpus, SkipGram(**SMALL), epochs=50)
    monkeypatch.setattr(training, "_train", fail)
    with pytest.raises(RuntimeError, match="planted"):
        training.run()
    assert not threads_of_runs()


def test_report_counts_every_token(xp):
    sentences = [["a", "b", "a", "rare"], ["b", "a"]] * 3 + [["once"]]
    corpus = Corpus.from_sentences(sentences, min_count=6)
    training = Training(corpus, SkipGram(dim=4, sample=0.0), epochs=2, workers=1)
    training.run()
    report = training.report.to_dict()
    assert report["tokens_read"] == 19
    assert report["tokens_out_of_vocabulary"] == 4
    assert report["tokens_trained"] == 2 * 15
    assert report["tokens_subsampled"] == 0
    assert report["vocabulary"] == 2
    assert set(report["seconds"]) == {"vocabulary", "encoding", "training"}
    assert report["peak_memory"] > 10**7


def test_train_takes_a_path_or_token_lists(tmp_path):
    sentences = planted_sentences(400)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, sentences)))
    options = {"epochs": 1, "workers": 1}
    from_path = embedlayer.train(path, SkipGram(**SMALL), **options)
    from_lists = embedlayer.train(sentences, SkipGram(**SMALL), **options)
    assert from_path.words == from_lists.words
    assert (from_path.matrix == from_lists.matrix).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0: it must be at least 1"),
        ({"workers": 0}, "workers is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"measure": 0}, "measure is 0"),
        ({"in_flight": 0}, "in_flight is 0"),
        ({"lr": 0.0}, "lr 0.0, min_lr 0.0"),
        ({"lr": 0.1, "min_lr": 0.2}, "min_lr ≤ lr"),
        ({"lr": math.nan}, "lr is nan: it must be a finite number"),
        ({"step": "fast"}, "step 'fast': choose fused or layered"),
        ({"step": "layered", "optimizer": "lion"}, "optimizer 'lion': choose sgd"),
        ({"kernels": "fast"}, "kernels 'fast': choose fused or reference"),
        ({"backend": "torch"}, "backend 'torch': choose auto or cupy or numpy"),
    ],
)
def test_bad_options_are_named(corpus, options, message):
    with pytest.raises(EmbedlayerError, match=message):
        Training(corpus, **options)
