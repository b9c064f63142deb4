"""A run that cannot learn stops and says why; one that learns little is told what would help."""

import numpy as np
import pytest
from planted import planted_sentences

from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Tables
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.health import CHANCE, Diverged, check_loss, check_tables
from embedlayer.training.run import Training
from embedlayer.training.state import SUMS


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(300), min_count=1)


def sums(*losses, pairs=1000):
    return np.array([(loss * pairs, pairs, 10, 10, 0, 0) for loss in losses])


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([0.4, np.nan], "the loss is nan"),
        ([0.4, np.inf], "the loss is inf"),
        ([0.4] * 100 + [2.0] * 32, "the loss is 2, that of chance 0.693"),
        ([1.5], "the loss is 1.5"),
    ],
)
def test_a_loss_of_the_last_chunks_shows_it(losses, told):
    with pytest.raises(Diverged, match=f"training diverged: {told}.* in epoch 3 .* 0.5; give"):
        check_loss(sums(*losses), len(losses), epoch=2, lr=0.5)


@pytest.mark.parametrize(
    ("losses", "pairs"), [([CHANCE], 1000), ([1.3], 1000), ([5.0], 99), ([np.nan], 0), ([], 1)]
)
def test_a_loss_may_be_high_for_a_moment_or_of_few_pairs(losses, pairs):
    check_loss(sums(*losses, pairs=pairs).reshape(-1, SUMS), len(losses), 0, 0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("table", ["W_in", "W_out"])
def test_a_table_shows_it_too(table, value):
    tables = Tables(*np.zeros((2, 5, 16), np.float32))
    check_tables(tables, 0, 0.1)
    getattr(tables, table)[4, 3] = value
    with pytest.raises(Diverged, match="a NaN or an infinity"):
        check_tables(tables, 0, 0.1)


@pytest.mark.parametrize("model", [SkipGram(dim=16), CBOW(dim=16)], ids=["skip-gram", "CBOW"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, in the reference kernels
@pytest.mark.parametrize("kernels", ["fused", "reference"])
def test_a_high_learning_rate_stops_the_run(corpus, model, kernels):
    options = {"epochs": 20, "workers": 1, "measure": 1, "lr": 50.0, "min_lr": 0.0}
    training = Training(corpus, model, kernels=kernels, **options)
    with pytest.raises(Diverged, match=r"training diverged: .* in epoch \d+ .* \(--lr\)"):
        training.run()
    assert training.state.epoch < 20


def test_a_run_whose_windows_had_no_contexts_is_an_error():
    """Two words are kept in all, and not in one sentence."""
    corpus = Corpus.from_sentences([["a", "b"]] * 2000, min_count=1)
    with pytest.raises(EmbedlayerError, match=r"nothing was learnt: subsampling .*--sample"):
        Training(corpus, SkipGram(dim=4, sample=3e-7), epochs=1, seed=1, workers=1).run()


def test_a_sample_that_drops_nearly_all_is_told(caplog):
    corpus = Corpus.from_sentences([["a", "b"]] * 20_000, min_count=1)
    Training(corpus, SkipGram(dim=4, sample=1e-4), epochs=1)
    (record,) = caplog.records
    assert record.getMessage() == (
        "sample 0.0001 keeps 1.4 % of the tokens: raise it (--sample), or give 0 to keep all"
    )
    caplog.clear()
    Training(corpus, SkipGram(dim=4, sample=1e-2), epochs=1)
    assert not caplog.records
