"""The state of a run: taken wherever it stands, it leads another run to the same bytes."""

import numpy as np
import pytest
from planted import planted_sentences
from runs import RUNS, Stop

from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.report import as_json
from embedlayer.training.run import Training


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


def stopped(corpus, model, after, **options):
    """A run that was stopped when so many chunks were done, of two epochs."""
    training = Training(corpus, model, epochs=2, workers=1, measure=1, **options)
    train, done = training._train, []

    def count(*arguments):
        train(*arguments)
        done.append(arguments)
        if len(done) == after:
            raise Stop

    training._train = count
    with pytest.raises(Stop):
        training.run()
    training._train = train
    return training


@pytest.mark.parametrize("after", [1, 50, 70])
@pytest.mark.parametrize(("model", "options"), RUNS.values(), ids=RUNS.keys())
def test_a_run_that_goes_on_gives_the_bytes_of_one_that_never_stopped(
    corpus, model, options, after
):
    whole = Training(corpus, model, epochs=2, workers=1, measure=1, **options)
    wanted = whole.run()
    first = stopped(corpus, model, after, **options)
    assert first.state.epoch * 50 + first.state.chunk == after
    taken = first.state.copy()
    first.run()  # changes nothing that was taken
    second = Training(corpus, model, epochs=2, workers=1, measure=1, state=taken, **options)
    for training in (first, second):
        found = training.vectors() if training is first else training.run()
        np.testing.assert_array_equal(found.matrix, wanted.matrix)
        assert training.report.loss == whole.report.loss
        assert training.report.tokens_trained == whole.report.tokens_trained
        assert training.report.tokens_subsampled == whole.report.tokens_subsampled


def test_a_run_that_is_done_stays_done(corpus):
    training = Training(corpus, SkipGram(dim=8), epochs=1, workers=2)
    first = training.run().matrix
    np.testing.assert_array_equal(training.run().matrix, first)
    assert len(training.report.loss) == 1
    assert training.report.tokens_subsampled >= 0


def test_a_state_of_another_model_or_corpus_is_refused(corpus):
    state = Training(corpus, SkipGram(dim=8), workers=1).state
    with pytest.raises(EmbedlayerError, match=r"the shapes \(\(48, 16\).* need \(\(48, 32\)"):
        Training(corpus, SkipGram(dim=20), state=state)


def test_vectors_on_the_way_tell_the_losses_so_far(corpus):
    told = []

    def callback(progress):
        if progress.epoch_done:
            told.append(progress.vectors().metadata["loss_per_epoch"])

    training = Training(corpus, SkipGram(dim=8), epochs=3, workers=1, callbacks=[callback])
    training.run()
    assert [len(losses) for losses in told] == [0, 1, 2]
    assert told[-1] == as_json(training.report.loss[:2])


@pytest.mark.usefixtures("cupy")
def test_a_state_moves_between_the_host_and_a_device(corpus):
    model = SkipGram(dim=8, sample=0.0)
    options = {"epochs": 2, "measure": 1, "in_flight": 1, "step": "layered", "optimizer": "adam"}
    there = Training(corpus, model, backend="cupy", **options)
    there.run()
    state = there.state.copy()
    assert all(isinstance(table, np.ndarray) for table in state.tables)
    assert isinstance(state.optimizer["mean"][0], np.ndarray)
    back = state.copy(DEVICES["cupy"])
    for table, other in zip(state.tables, back.tables, strict=True):
        np.testing.assert_array_equal(table, to_numpy(other))
    here = Training(corpus, model, backend="numpy", workers=1, state=state, **options)
    np.testing.assert_array_equal(here.run().matrix, there.vectors().matrix)
