"""The kernels that choose examples: equal bit for bit, and what they are defined to be."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from embedlayer.kernels import reference
from embedlayer.kernels.arguments import Batch
from embedlayer.models.outputs.alias import alias_table
from embedlayer.rng import hash64, make_key, thresholds

WORDS = 7
KEY = make_key(1, "test")
FIXTURE = HealthCheck.function_scoped_fixture  # which holds no state


def text(sizes, seed=0):
    """Sentences of these sizes as ids and offsets."""
    ids = np.random.default_rng(seed).integers(0, WORDS, sum(sizes)).astype(np.int32)
    return ids, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def tables():
    keep = thresholds(np.linspace(0.2, 1.0, WORDS))
    return keep, *alias_table(np.arange(1.0, WORDS + 1))


def check_bit_equal(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURE])
@given(
    sizes=st.lists(st.integers(0, 12), max_size=6),
    start=st.integers(0, 2**40),
    window=st.integers(1, 6),
    fixed=st.booleans(),
    negative=st.integers(1, 9),
    seed=st.integers(0, 2**32),
)
def test_all_kernels_equal_the_reference(kernels, sizes, start, window, fixed, negative, seed):
    """Rung 5, on every shape of text."""
    (ids, offsets), (keep, prob, alias) = text(sizes, seed % 97), tables()
    key = make_key(seed, "test")
    kept = reference.subsample(ids, offsets, start, keep, key)
    check_bit_equal(kernels.subsample(ids, offsets, start, keep, key), kept)
    widths = (window if fixed else 1, window)
    made = reference.windows(*kept, *widths, window, key)
    check_bit_equal(kernels.windows(*kept, *widths, window, key), made)
    longest = int(np.diff(kept[1]).max(initial=1))
    check_bit_equal(kernels.windows(*kept, *widths, min(window, longest), key), made)
    rows = reference.draw(prob, alias, *made[2:], negative, key)
    check_bit_equal([kernels.draw(prob, alias, *made[2:], negative, key)], [rows])


@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURE])
@given(
    sizes=st.lists(st.integers(0, 12), max_size=6),
    chosen=st.sets(st.integers(0, 90), max_size=60),
    own_labels=st.booleans(),
)
def test_windows_taken_equal_the_reference(kernels, sizes, chosen, own_labels):
    """Positions before, behind and between those of the batch are chosen, too."""
    (ids, offsets), start = text(sizes), 10
    places = np.arange(start, start + len(ids))
    contexts, ends, targets, positions = reference.windows(ids, offsets, places, 1, 3, 3, KEY)
    rows = np.stack([targets, targets + 1], axis=1)
    labels = (rows if own_labels else np.array([[1, 0]])).astype(np.float32)
    batches = [Batch(contexts, ends, rows.copy(), labels, positions % 2 == 0) for _ in range(2)]
    chosen = np.array(sorted(chosen), np.uint64)
    found = kernels.take_windows(batches[0], positions, chosen)
    check_bit_equal(found, reference.take_windows(batches[1], positions, chosen))
    check_bit_equal(batches[0], batches[1])
    taken = np.isin(positions, chosen)
    np.testing.assert_array_equal(found[2], rows[taken])
    np.testing.assert_array_equal(batches[0].rows, np.where(taken[:, None], -1, rows))


def test_a_threshold_that_the_bits_just_reach_is_kept_and_drawn(kernels):
    """32 random bits are compared by ≤, so that the largest threshold takes all of them."""
    positions = np.arange(WORDS)
    bits = (hash64(KEY, positions.astype(np.uint64)) >> np.uint64(32)).astype(np.uint32)
    ids, offsets = np.arange(WORDS, dtype=np.int32), np.array([0, WORDS])
    for keep, kept in ((bits, WORDS), (bits - np.uint32(1), 0)):
        assert len(kernels.subsample(ids, offsets, 0, keep, KEY)[0]) == kept
    stream = hash64(KEY, np.full(1, 5, np.uint64))
    low = hash64(stream, np.zeros(1, np.uint64)).astype(np.uint32)
    alias, target = np.array([3], np.int32), np.array([6], np.int32)
    for prob, word in ((low, 0), (low - np.uint32(1), 3)):
        rows = kernels.draw(prob, alias, target, np.array([5]), 1, KEY)
        assert rows.tolist() == [[6, word]]


def test_subsample_keeps_all_or_hardly_any(kernels):
    ids, offsets = text([50, 50])
    everything = thresholds(np.ones(WORDS))
    check_bit_equal(
        kernels.subsample(ids, offsets, 7, everything, KEY), (ids, offsets, np.arange(7, 107))
    )
    kept, ends, positions = kernels.subsample(ids, offsets, 7, thresholds(np.zeros(WORDS)), KEY)
    assert (len(kept), ends.tolist(), len(positions)) == (0, [0, 0, 0], 0)


def test_a_token_is_kept_whatever_the_chunk(kernels):
    """Two chunks give what one gives: fate depends on key and global position alone."""
    (ids, offsets), (keep, _, _) = text([30, 20, 40]), tables()
    whole = kernels.subsample(ids, offsets, 0, keep, KEY)
    first = kernels.subsample(ids[:50], offsets[:3], 0, keep, KEY)
    second = kernels.subsample(ids[50:], offsets[2:] - 50, 50, keep, KEY)
    np.testing.assert_array_equal(np.append(first[0], second[0]), whole[0])
    np.testing.assert_array_equal(np.append(first[2], second[2]), whole[2])


def test_words_are_kept_as_often_as_their_probability(kernels):
    ids = np.repeat(np.arange(WORDS, dtype=np.int32), 20_000)
    probability = np.linspace(0.05, 0.95, WORDS)
    offsets = np.array([0, len(ids)])
    kept, _, _ = kernels.subsample(ids, offsets, 0, thresholds(probability), KEY)
    share = np.bincount(kept, minlength=WORDS) / 20_000
    np.testing.assert_allclose(share, probability, atol=4 * 0.5 / np.sqrt(20_000))


def test_windows_by_hand(kernels):
    """Sentences (5 6 7) and (8) and (9 4), half-width always 1."""
    ids = np.array([5, 6, 7, 8, 9, 4], np.int32)
    made = kernels.windows(ids, np.array([0, 3, 4, 6]), np.arange(6) + 10, 1, 1, 1, KEY)
    contexts, offsets, targets, positions = made
    assert contexts.tolist() == [6, 5, 7, 6, 4, 9]
    assert offsets.tolist() == [0, 1, 3, 4, 5, 6]
    assert targets.tolist() == [5, 6, 7, 9, 4]
    assert positions.tolist() == [10, 11, 12, 14, 15]


@pytest.mark.parametrize("least", [1, 3, 5])
def test_half_widths_are_uniform(kernels, least):
    """In the middle of a long sentence, 2·half contexts: each half to 5 equally often."""
    ids, ends = np.zeros(40_000, np.int32), np.array([0, 40_000])
    _, offsets, _, _ = kernels.windows(ids, ends, np.arange(len(ids)), least, 5, 5, KEY)
    sizes = np.diff(offsets)[5:-5]
    assert set(sizes) == {2 * half for half in range(least, 6)}
    if least < 5:
        assert chisquare(np.bincount(sizes // 2)[least:]).pvalue > 1e-3


def test_draws_follow_the_noise_distribution(kernels):
    counts = np.array([1000, 300, 100, 30, 10, 3, 1])
    prob, alias = alias_table(counts**0.75)
    targets = np.full(20_000, WORDS, np.int32)  # equals no draw
    rows = kernels.draw(prob, alias, targets, np.arange(20_000), 5, KEY)
    assert (rows[:, 0] == WORDS).all()
    drawn = np.bincount(rows[:, 1:].reshape(-1), minlength=WORDS)
    expected = counts**0.75 / (counts**0.75).sum() * drawn.sum()
    assert chisquare(drawn, expected).pvalue > 1e-3


@pytest.mark.parametrize("negative", [1, 5, 15, 16, 40])
@pytest.mark.parametrize("windows", [1, 64, 65, 66, 500])
def test_windows_of_one_position_have_the_same_draws(kernels, negative, windows):
    """Whether few or many windows are of the same 64 positions, in order or not."""
    _, prob, alias = tables()
    random = np.random.default_rng(windows)
    for positions in (
        np.sort(random.integers(0, 192, windows)),
        random.integers(0, 192, windows),
        np.repeat([63, 64, 1000], windows),
    ):
        targets = random.integers(0, WORDS, len(positions)).astype(np.int32)
        rows = kernels.draw(prob, alias, targets, positions, negative, KEY)
        check_bit_equal([rows], [reference.draw(prob, alias, targets, positions, negative, KEY)])
        assert rows.flags.c_contiguous  # as steps read them


def test_a_draw_of_the_target_is_no_row(kernels):
    prob, alias = alias_table(np.array([1.0]))
    targets = np.zeros(3, np.int32)
    rows = kernels.draw(prob, alias, targets, np.arange(3), 2, KEY)
    assert rows.tolist() == [[0, -1, -1]] * 3


@pytest.mark.parametrize(
    ("mean", "wanted"),
    [
        (True, [[1.5, 2.5, 3.5], [0, 0, 0], [9, 10, 11]]),
        (False, [[3, 5, 7], [0, 0, 0], [18, 20, 22]]),
    ],
)
def test_bag_sum(kernels, mean, wanted):
    W = np.arange(12, dtype=np.float32).reshape(4, 3)
    ids, offsets = np.array([0, 1, 3, 3], np.int32), np.array([0, 2, 2, 4])
    sums = kernels.bag_sum(W, ids, offsets, mean)
    assert sums.dtype == np.float32
    assert sums.tolist() == wanted


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("row_dtype", [np.int32, np.int64])
def test_scatter_add(kernels, dtype, row_dtype):
    W = np.zeros((3, 2), dtype)
    rows = np.array([2, 0, -1, 2], row_dtype)
    kernels.scatter_add(W, rows, np.array([[1, 2], [3, 4], [5, 6], [7, 8]], dtype))
    assert W.tolist() == [[3, 4], [0, 0], [8, 10]]


def test_scatter_add_of_nothing(kernels):
    W = np.ones((3, 2), np.float32)
    kernels.scatter_add(W, np.zeros(0, np.int32), np.zeros((0, 2), np.float32))
    assert (W == 1).all()
