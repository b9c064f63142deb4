"""Models: their options, their tables, and examples that depend on seed and corpus alone."""

from itertools import pairwise

import numpy as np
import pytest
from planted import planted_sentences

from embedlayer.backend import get_device, to_numpy
from embedlayer.device import DEVICES, RESIDENT, STREAMED
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import KINDS, cpu, load_kernels, reference
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.models.outputs import LOSSES
from embedlayer.models.outputs.huffman import huffman_tree
from embedlayer.models.tables import start_tables, table_shapes
from embedlayer.text.corpus import Corpus
from embedlayer.training.examples import Examples


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(200), min_count=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim is 0: it must be at least 1"),
        ({"window": 0}, "window is 0"),
        ({"negative": 0}, "negative is 0"),
        ({"sample": -1.0}, "sample is -1.0"),
        ({"loss": "softmax"}, "loss 'softmax': choose negative or hierarchical"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    for model in (SkipGram, CBOW):
        with pytest.raises(EmbedlayerError, match=message):
            model(**options)


def test_options_are_recorded():
    assert CBOW(divide=True).options()["divide"] is True
    assert SkipGram(dim=7).options() == {
        "model": "skipgram",
        "dim": 7,
        "window": 5,
        "shrink_windows": True,
        "loss": "negative",
        "negative": 5,
        "noise_power": 0.75,
        "sample": 1e-4,
    }


@pytest.mark.parametrize("loss", LOSSES)
def test_tables(corpus, xp, loss):
    model, words = SkipGram(dim=20, loss=loss), len(corpus.vocabulary)
    W_in, W_out = map(to_numpy, start_tables(model, words, 3, get_device()))
    assert table_shapes(model, words) == (W_in.shape, W_out.shape)
    assert W_in.shape == (words, 32)
    assert W_out.shape == (words - (loss == "hierarchical"), 32)
    assert not W_out.any()
    assert not W_in[:, 20:].any()
    assert abs(W_in[:, :20]).max() <= 0.2 / np.sqrt(20)
    assert W_in[:, :20].std() == pytest.approx(0.2 / np.sqrt(20) / np.sqrt(3), rel=0.1)
    if xp is np:
        assert W_in.ctypes.data % 64 == W_out.ctypes.data % 64 == 0
    again, _ = start_tables(model, words, 3, DEVICES["numpy"])
    other, _ = start_tables(model, words, 4, DEVICES["numpy"])
    assert (W_in == again).all()
    assert (W_in != other).any()


def all_examples(corpus, model, chunk_tokens, epoch=0, kernels=cpu, backend="numpy", place=""):
    """Every example of an epoch as (target rows, contexts) and the tokens kept."""
    options = {"chunk_tokens": chunk_tokens, "measure": 16, "place": place}
    examples = Examples(corpus, model, 5, kernels, DEVICES[backend], **options)
    made, kept = [], 0
    for chunk in range(len(examples)):
        batch, tokens = examples.batch(epoch, chunk)
        kept += int(tokens)
        contexts, offsets, rows, labels, measured = map(to_numpy, batch)
        labels = np.broadcast_to(labels, rows.shape)
        for b, (first, last) in enumerate(pairwise(offsets)):
            if first < last:  # a device has room for windows that are not there
                example = rows[b], labels[b], contexts[first:last]
                made.append((*map(tuple, example), measured[b]))
    return made, kept


@pytest.mark.parametrize("loss", LOSSES)
def test_examples_depend_on_neither_chunks_nor_kernels(corpus, loss):
    model = CBOW(loss=loss, sample=0.01, window=3)
    wanted = all_examples(corpus, model, chunk_tokens=10**9)
    assert 0 < wanted[1] < len(corpus.ids)
    for chunk_tokens in (1, 50, 500):
        assert all_examples(corpus, model, chunk_tokens) == wanted
    assert all_examples(corpus, model, 500, kernels=reference) == wanted
    assert all_examples(corpus, model, 500, epoch=1) != wanted


@pytest.mark.parametrize(("model", "sharing"), [(CBOW(negative=8), 16), (SkipGram(negative=8), 1)])
def test_windows_of_cbow_share_their_negatives_64_positions_apart(corpus, xp, model, sharing):
    outputs = model.outputs(corpus.vocabulary.counts, get_device())
    kernels = load_kernels(xp.__name__)
    targets = xp.zeros(4 * 1024, np.int32)
    rows, _ = outputs.rows(kernels, targets, xp.arange(4 * 1024), np.uint64(9))
    by_slot = to_numpy(rows).reshape(-1, sharing, 64, 9)
    assert (by_slot == by_slot[:, :1]).all()
    drawn = 4 * 1024 // sharing  # and neighbours share none
    assert len(np.unique(by_slot.reshape(-1, 9), axis=0)) > 0.97 * drawn


@pytest.mark.parametrize("place", [RESIDENT, STREAMED])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.usefixtures("cupy")
def test_a_device_makes_the_same_examples(corpus, loss, kind, place):
    model, kernels = CBOW(loss=loss, sample=0.01, window=3), load_kernels("cupy", kind)
    wanted = all_examples(corpus, model, chunk_tokens=10**9)
    assert all_examples(corpus, model, 500, 0, kernels, "cupy", place) == wanted


def test_no_path_through_the_tree_is_longer_than_the_plan_says():
    fibonacci = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]  # counts that make the deepest tree
    for counts in (fibonacci, [7], [1, 1], [5] * 64, range(1, 200)):
        counts = np.array(sorted(counts, reverse=True))
        rows = huffman_tree(counts).rows
        sizes = SkipGram(loss="hierarchical").output_sizes(len(counts), counts.sum())
        assert rows.shape[1] <= sizes.width <= rows.shape[1] * 2 + 1
        assert sizes.table_rows == max(1, len(counts) - 1)


def test_a_batch_splits_into_the_same_windows(corpus):
    for loss in LOSSES:
        examples = Examples(
            corpus, SkipGram(loss=loss), 5, cpu, DEVICES["numpy"], chunk_tokens=300, measure=4
        )
        whole, _ = examples.batch(0, 0)
        parts = whole.split(7)
        assert [part.windows for part in parts[:-1]] == [7] * (whole.windows // 7)
        for name in ("contexts", "rows", "measured"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(whole, name))
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        np.testing.assert_array_equal(sizes, np.diff(whole.offsets))
