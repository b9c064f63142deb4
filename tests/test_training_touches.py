"""How often rows are touched: what is expected from the counts is what the examples do."""

import numpy as np
import pytest

from embedlayer.arrays import entries_of
from embedlayer.device import DEVICES
from embedlayer.kernels import load_kernels
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.ngrams import Subwords
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples
from embedlayer.training.touches import Touches, row_touches

WORDS, LENGTH = 60, 500
CHOICES = {
    "skip-gram": SkipGram(window=3, sample=0.01),
    "skip-gram, full windows": SkipGram(window=3, sample=0, shrink_windows=False, noise_power=0.5),
    "CBOW": CBOW(window=4, sample=0.02, negative=3),
    "CBOW, n-grams": CBOW(window=4, sample=0.02, subwords=Subwords(1, 2, buckets=20)),
    "skip-gram, hierarchical": SkipGram(window=2, loss="hierarchical", sample=0.05),
}


@pytest.fixture(scope="module")
def corpus():
    shares = 1 / np.arange(1, WORDS + 1)
    ids = np.random.default_rng(0).choice(WORDS, (200, LENGTH), p=shares / shares.sum())
    return Corpus.from_sentences([[f"w{i}" for i in row] for row in ids.tolist()], min_count=1)


@pytest.mark.parametrize("model", CHOICES.values(), ids=CHOICES)
def test_the_expected_touches_are_those_of_the_examples(corpus, model):
    kernels, tokens = load_kernels("numpy", "reference"), len(corpus.ids)
    examples = Examples(corpus, model, 1, kernels, DEVICES["numpy"], chunk_tokens=tokens, measure=1)
    batch, _ = examples.batch(0, 0)
    sizes = np.diff(batch.offsets)
    met = (batch.rows >= 0).sum(1)
    hidden = np.minimum(sizes, 1) if model.mode().mean else sizes
    ids, starts = model.make_inputs(corpus.vocabulary.words, DEVICES["numpy"]).bags()
    read, ends = entries_of(starts, batch.contexts)
    times = np.repeat(np.repeat(met, sizes), np.diff(ends))
    found_in = np.bincount(ids[read], times, model.input_rows(WORDS))
    rows = batch.rows.ravel()
    each = np.repeat(hidden, batch.rows.shape[1])[rows >= 0]
    found_out = np.bincount(rows[rows >= 0], each)
    bags = (ids, starts)
    touches = row_touches(model, corpus.vocabulary, bags, examples.outputs, tokens)
    for table, found in zip(touches, (found_in, found_out), strict=True):
        wanted = table.occasions * table.each
        assert wanted.dtype == np.float32
        # Ends of sentences, and draws equal to their target, are left out of the account.
        assert wanted.sum() == pytest.approx(found.sum(), rel=0.06)
        np.testing.assert_allclose(wanted, found, rtol=0.25)
        assert np.corrcoef(wanted, found)[0, 1] > 0.995


def test_touches_where_there_are_any_are_those_of_an_occasion_at_least():
    touches = Touches(np.array([0, 1e-4, 0.5, 300], np.float32), 32)
    found = touches.where_any(2)
    np.testing.assert_allclose(found, [32, 32, 32 / (1 - np.exp(-1)), 32 * 600], rtol=1e-3)
    draws = np.random.default_rng(0).poisson(1, 100_000)
    assert found[2] == pytest.approx(32 * draws[draws > 0].mean(), rel=0.01)
    np.testing.assert_array_equal(touches.share(slice(2, None)).occasions, [0.5, 300])
