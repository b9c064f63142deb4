"""How a run went: points whose sums are exact, so many at most, also over a run that is resumed."""

import math
import time

import numpy as np
import pytest
from planted import planted_sentences
from runs import Stop

from embedlayer.errors import EmbedlayerError, UnknownWordError
from embedlayer.models.options import SkipGram
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.training import watching
from embedlayer.training.epoch import TICK_SECONDS
from embedlayer.training.history import POINTS, History, Point, columns
from embedlayer.training.run import Training
from embedlayer.training.state import Done
from embedlayer.vectors import samples
from embedlayer.vectors.samples import sample_words

MODEL = SkipGram(dim=8, sample=0.0)
NOTHING = Done(0.0, 0, 0, 0)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


def told(points, total=10_000, ticks=3_000):
    """A run of so many ticks, each of which has 2 pairs more with a loss of 1 together."""
    history = History(points, total, NOTHING)
    for tick in range(1, ticks + 1):
        done = Done(tick, 2 * tick, 0, 0, 3 * tick, 4 * tick)
        history.add(tick * total // ticks, tick / 10, 1 - tick / ticks, done)
    return [Point(*point) for point in points]


def test_there_are_so_many_points_at_most_and_their_sums_are_exact():
    points = told([])
    assert len(points) == POINTS
    assert sum(point.losses for point in points) == 3_000
    assert sum(point.pairs for point in points) == 6_000
    assert sum(point.held_out_losses for point in points) == 9_000
    assert sum(point.held_out_pairs for point in points) == 12_000
    assert (points[-1].tokens, points[-1].seconds, points[-1].lr) == (10_000, 300, 0)
    assert [*points] == sorted(points)


def test_what_is_trained_again_is_told_once():
    points = []
    kept = sum(point.losses for point in told(points) if point.tokens <= 4_990)
    history = History(points, 10_000, Done(7.0, 14, 0, 0))
    history.add(4_990, 200.0, 0.5, Done(9.0, 18, 0, 0))
    assert points[-1][:3] == [4_990, 200.0, 0.5]
    assert max(point[0] for point in points) == 4_990
    assert sum(point[3] for point in points) == kept + 2


def test_columns_are_means_and_speeds_and_say_what_was_not_measured():
    points = [
        [100.0, 1.0, 0.5, 6.0, 12.0, 0.0, 0.0],
        [200.0, 2.0, 0.4, 0.0, 0.0, 2.0, 8.0],
        [300.0, 2.0, 0.3, math.inf, 4.0, 0.0, 0.0],
    ]
    found = columns(points)
    assert found["tokens"] == [100, 200, 300]
    assert found["loss"] == [0.5, None, None]
    assert found["held_out_loss"] == [None, 0.25, None]
    assert found["words_per_second"] == [150, 150, 200]
    assert columns([]) == {name: [] for name in found}


def test_the_history_of_a_run_is_that_of_its_epochs(corpus, monkeypatch):
    """Of a chunk that compiles, or is large, there are ticks before its windows are trained on."""
    monkeypatch.setattr("embedlayer.training.epoch.TICK_SECONDS", 0.001)
    run = Training(corpus, MODEL, epochs=3, workers=1, measure=1, held_out=0.1)
    step, chunks = run._step, []

    def first_slowly(*arguments):
        chunks.append(time.sleep(0 if chunks else 0.05))
        return step(*arguments)

    monkeypatch.setattr(run, "_step", first_slowly)
    run.run()
    points = [Point(*point) for point in run.report.history]
    for epoch, (loss, held_out) in enumerate(
        zip(run.report.loss, run.report.held_out_loss, strict=True)
    ):
        tokens = len(corpus.ids)
        some = [p for p in points if epoch * tokens < p.tokens <= (epoch + 1) * tokens]
        assert sum(p.losses for p in some) / sum(p.pairs for p in some) == pytest.approx(loss)
        mean = sum(p.held_out_losses for p in some) / sum(p.held_out_pairs for p in some)
        assert mean == pytest.approx(held_out)
    assert points[-1].tokens == 3 * len(corpus.ids)
    assert points[-1].lr == pytest.approx(run.min_lr)


def test_a_run_that_is_resumed_tells_of_all_of_it(tmp_path, corpus):
    given = {"epochs": 4, "workers": 1, "measure": 1, "checkpoint": tmp_path, "watch": ["t0w0"]}

    def stop(progress):
        if progress.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        Training(corpus, MODEL, callbacks=[stop], **given).run()
    run = Training.resume(tmp_path, corpus, watch=["t0w0"])
    before = [list(point) for point in run.report.history]
    assert before
    assert before[-1][0] < 4 * len(corpus.ids)
    run.run()
    assert run.report.history[: len(before) - 1] == before[:-1]
    assert run.report.history[-1][0] == 4 * len(corpus.ids)
    assert [one["epoch"] for one in run.report.neighbours] == [1, 2, 4]


def test_what_was_done_of_an_epoch_before_a_stop_is_told_once(corpus):
    """Chunks that take a while, so that the first tick is in the middle of the first epoch."""
    given = {"epochs": 2, "workers": 1, "measure": 1}
    wanted = Training(corpus, MODEL, **given)
    wanted.run()

    def stop(progress):
        raise Stop

    run = Training(corpus, MODEL, callbacks=[stop], **given)
    train = run._train

    def slowly(*arguments):
        time.sleep(TICK_SECONDS / 10)
        train(*arguments)

    run._train = slowly
    with pytest.raises(Stop):
        run.run()
    assert run.state.epoch == 0
    assert run.state.chunk > 0
    run.callbacks, run._train = (), train
    run.run()
    pairs = [sum(point[4] for point in one.report.history) for one in (run, wanted)]
    assert pairs[0] == pairs[1] > 0


def test_watched_words_have_their_neighbours_told_at_three_epochs(corpus, monkeypatch):
    monkeypatch.setattr(samples, "BLOCK", 5)
    watch = ["t0w0", corpus.vocabulary.words[-1], "t0w0"]
    run = Training(corpus, MODEL, epochs=5, workers=1, watch=watch, lr=0.05)
    vectors = run.run()
    assert [one["epoch"] for one in run.report.neighbours] == [1, 3, 5]
    last = run.report.neighbours[-1]["neighbours"]
    assert [*last] == watch[:2]
    for word, found in last.items():
        wanted = vectors.nearest(word, 8)
        assert [name for name, _ in found] == [name for name, _ in wanted]
        assert [cosine for _, cosine in found] == pytest.approx([c for _, c in wanted], abs=1e-4)
    assert run.report.neighbours[0]["neighbours"] != last


def test_a_rare_word_is_watched_among_the_commonest(corpus, monkeypatch):
    monkeypatch.setattr(watching, "AMONG", 4)
    monkeypatch.setattr(samples, "BLOCK", 3)
    common, rare = corpus.vocabulary.words[:4], corpus.vocabulary.words[-1]
    run = Training(corpus, MODEL, epochs=1, workers=1, watch=[rare])
    vectors = run.run()
    ((word, found),) = run.report.neighbours[0]["neighbours"].items()
    scores = {other: vectors.similarity(rare, other) for other in common}
    assert word == rare
    assert [name for name, _ in found] == sorted(common, key=scores.__getitem__, reverse=True)


@pytest.mark.parametrize("subwords", [None, Subwords(2, 3, buckets=50)])
def test_callbacks_take_vectors_of_the_commonest_words_alone(corpus, subwords):
    taken = []

    def take(progress):
        if progress.epoch_done:
            taken[:] = [progress.vectors(), progress.vectors(limit=3)]

    model = SkipGram(dim=8, sample=0.0, subwords=subwords)
    run = Training(
        corpus, model, epochs=1, workers=1, keep_output=subwords is None, callbacks=[take]
    )
    run.run()
    every, few = taken
    assert few.words == every.words[:3]
    assert np.array_equal(few.matrix, every.matrix[:3])
    assert np.array_equal(few.counts, every.counts[:3])
    assert (every.output is None, few.output) == (subwords is not None, None)
    assert np.array_equal(run.vectors(10**6).matrix, every.matrix)
    with pytest.raises(EmbedlayerError, match="limit is 0: it must be at least 1"):
        run.vectors(0)


def test_words_to_watch_that_have_no_vector_are_refused(corpus):
    with pytest.raises(UnknownWordError, match="unknown word 'x': it cannot be watched"):
        Training(corpus, MODEL, watch=["x"])
    for wrong in ("t0w0", 1.5, None):
        with pytest.raises(EmbedlayerError, match="give a list of words, or their number"):
            Training(corpus, MODEL, watch=wrong)
    with pytest.raises(EmbedlayerError, match="watch is 101: it must be at most 100"):
        Training(corpus, MODEL, watch=101)
    model = SkipGram(dim=8, sample=0.0, subwords=Subwords(2, 3, buckets=50))
    run = Training(corpus, model, epochs=1, workers=1, watch=["unseen"])
    run.run()
    ((word, found),) = run.report.neighbours[0]["neighbours"].items()
    assert word == "unseen"
    assert [name for name, _ in found] == [name for name, _ in run.vectors().nearest("unseen", 8)]


def test_words_of_letters_are_chosen_over_the_ranks():
    words = [f"w{i}" for i in range(200)] + ["the", "word", "서울"] + [f"x{i}" for i in range(500)]
    chosen = sample_words(words, 5)
    assert {"word", "서울"} <= {*chosen}
    assert "the" not in chosen
    assert len({*chosen}) == 5
    assert sample_words(["a", "b"], 5) == ["a", "b"]
    assert sample_words([], 5) == []
