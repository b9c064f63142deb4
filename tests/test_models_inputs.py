"""The seam of inputs: words whose vectors are means of shared rows train by the same step."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from planted import check_neighbours, planted_sentences

from embedlayer.arrays import places_of
from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES
from embedlayer.kernels import load_kernels, reference
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.models.inputs import INPUTS
from embedlayer.models.inputs.words import Words
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.models.tables import table_shapes
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training

SHARED = 7  # rows behind those of the words; word i reads row V + i % SHARED, too


class PairsOfRows:
    """The vector of a word is the mean of its own row and of one that it shares with others."""

    options = ()
    shared, in_bags, nbytes, start = True, False, 0, 0.2

    def __init__(self, words, device):
        ids = np.arange(len(words), dtype=np.int32)
        bags = np.stack([ids, len(ids) + ids % SHARED], axis=1).astype(np.int32)
        self.bags_of = device.xp.asarray(bags)

    @staticmethod
    def table_rows(words):
        return words + SHARED

    def bags(self):
        return self.bags_of.reshape(-1), 2 * np.arange(len(self.bags_of) + 1)

    @contextmanager
    def reading(self, kernels, tables, batch):
        distinct, places = places_of(batch.contexts, len(self.bags_of))
        table = self._means(kernels, tables.W_in, distinct)
        before = table.copy()
        yield Tables(table, tables.W_out), batch._replace(contexts=places)
        for column in range(2):
            rows = self.bags_of[distinct, column].copy()
            kernels.scatter_add(tables.W_in, rows, table - before)

    def read(self, kernels, tables, batch):
        distinct, places = places_of(batch.contexts, len(self.bags_of))
        table = self._means(kernels, tables.W_in, distinct)
        return Tables(table, tables.W_out), batch._replace(contexts=places)

    def vectors(self, kernels, W_in, words):
        return self._means(kernels, W_in, slice(words))

    def _means(self, kernels, W_in, words):
        ids = self.bags_of[words]
        offsets = 2 * np.arange(len(ids) + 1)
        xp = DEVICES["cupy" if type(W_in) is not np.ndarray else "numpy"].xp
        return kernels.bag_sum(W_in, ids.reshape(-1), xp.asarray(offsets), True)


@dataclass(frozen=True, kw_only=True)
class PairedSkipGram(SkipGram):
    inputs: ClassVar[str] = "pairs"


@dataclass(frozen=True, kw_only=True)
class PairedCBOW(CBOW):
    inputs: ClassVar[str] = "pairs"


@pytest.fixture(autouse=True)
def pairs(monkeypatch):
    monkeypatch.setitem(INPUTS, "pairs", PairsOfRows)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("loss", ["negative", "hierarchical"])
@pytest.mark.parametrize("model", [PairedSkipGram, PairedCBOW])
def test_a_model_of_other_inputs_trains_by_one_class_and_one_row(xp, model, loss, workers):
    if workers > 1 and xp is not np:
        pytest.skip("a device is fed by one thread, however many are asked for")
    corpus = Corpus.from_sentences(planted_sentences(500), min_count=1)
    chosen = model(dim=16, window=3, sample=0.0, loss=loss)
    # Three workers on 48 words add three changes that know nothing of each other: see ``Inputs``.
    lr = 0.05 if workers == 1 else 0.01
    training = Training(corpus, chosen, epochs=4, workers=workers, lr=lr, in_flight=2)
    words = len(corpus.vocabulary)
    assert table_shapes(chosen, words)[0] == (words + SHARED, 16)
    assert training.plan.W_in == (words + SHARED) * 16 * 4
    vectors = training.run()
    assert vectors.matrix.shape == (words, 16)
    assert training.report.loss[-1] < 0.9 * training.report.loss[0]
    if xp is np and workers == 1:
        check_neighbours(vectors)
    W_in = to_numpy(training.state.tables.W_in)
    np.testing.assert_allclose(vectors.matrix[3], (W_in[3] + W_in[words + 3]) / 2, rtol=1e-6)


def test_the_step_trains_what_inputs_read_as_if_it_were_a_table():
    """A window whose contexts share a row: the row gets the sum of both changes."""
    random = np.random.default_rng(0)
    tables = Tables(*(random.standard_normal((10 + SHARED, 4)) for _ in range(2)))
    batch = Batch(
        np.array([1, 8], np.int32),  # both share row 10 + 1
        np.array([0, 2]),
        np.array([[2, 3]], np.int32),
        np.array([[1, 0]], np.float32),
        np.ones(1, bool),
    )
    inputs = PairsOfRows([str(i) for i in range(10)], DEVICES["numpy"])
    before = tables.W_in.copy()
    with inputs.reading(reference, tables, batch) as (read, seen):
        assert read.W_in.shape == (2, 4)
        np.testing.assert_allclose(read.W_in[0], (before[1] + before[11]) / 2)
        means = read.W_in.copy()
        reference.sgd_step(read, seen, 0.1, Mode())
        change = read.W_in - means
    np.testing.assert_allclose(tables.W_in[11] - before[11], change.sum(axis=0))
    np.testing.assert_allclose(tables.W_in[8] - before[8], change[1])
    assert (tables.W_in[[0, 2, 10, 12]] == before[[0, 2, 10, 12]]).all()


def test_words_read_the_table_itself():
    tables, batch = Tables(np.zeros((2, 2)), np.zeros((2, 2))), Batch(*[None] * 5)
    words = Words(["a", "b"], DEVICES["numpy"])
    with words.reading(load_kernels("numpy"), tables, batch) as (read, seen):
        assert read is tables
        assert seen is batch
    for count in (1, 2):
        assert np.shares_memory(words.vectors(None, tables.W_in, count), tables.W_in[:count])
