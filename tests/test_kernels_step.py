"""The ladder that ties the fast step to calculus: gradient → reference → layers → compiled."""

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, check_equal, make_step, run_in_parts, run_step
from hosted import hosted

from embedlayer.kernels import cpu, reference
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.training.layered import LayeredStep

SIZES = {
    "no windows": [],
    "one context": [1],
    "no contexts": [0, 3, 0],
    "even and odd": [2, 5, 1, 8, 3, 0, 10],
}
modes = pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
sizes = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())


def loss_at(step, mean):
    """The loss of all windows, by its definition, in float64."""
    total = 0.0
    for b, rows in enumerate(step.rows):
        hidden = step.W_in[step.contexts[step.offsets[b] : step.offsets[b + 1]]]
        if len(hidden) and mean:
            hidden = hidden.mean(axis=0, keepdims=True)
        labels = step.labels[b if len(step.labels) > 1 else 0]
        for row, label in zip(rows, labels, strict=True):
            if row >= 0:
                score = hidden @ step.W_out[row]
                total += np.log1p(np.exp(-score if label else score)).sum()
    return total


@pytest.mark.parametrize("mode", MODES[::2], ids=MODE_NAMES[::2])
@sizes
def test_weights_before_minus_after_are_the_gradient(xp, sizes, mode):
    """Rung 1: with lr = 1 the change of the tables is minus the gradient of the loss."""
    step = make_step(sizes)
    step = step._replace(measured=np.ones(len(sizes), bool))
    *after, loss, _ = run_step(hosted(reference.sgd_step, xp), step, 1.0, mode)
    assert loss == pytest.approx(loss_at(step, mode.mean), rel=1e-12)
    h = 1e-6
    for table, changed in zip(step[:2], after, strict=True):
        gradient = np.zeros_like(table)
        for place in np.ndindex(table.shape):
            kept = table[place]
            table[place] = kept + h
            above = loss_at(step, mode.mean)
            table[place] = kept - h
            gradient[place] = (above - loss_at(step, mode.mean)) / (2 * h)
            table[place] = kept
        np.testing.assert_allclose(table - changed, gradient, atol=1e-8)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@modes
@sizes
def test_layers_make_the_reference_step(xp, sizes, mode, dtype, tolerance):
    """Rung 2: layers and SGD change the tables as the reference kernel does."""
    for shared in (False, True):
        step = make_step(sizes, dtype=dtype, shared=shared)
        wanted = run_step(reference.sgd_step, step, 0.1, mode)
        found = run_step(hosted(LayeredStep("sgd"), xp), step, 0.1, mode)
        check_equal(found, wanted, tolerance)


@pytest.mark.parametrize("dim", [1, 5, 16, 33, 64, 100, 112, 1030])
@pytest.mark.parametrize("width", [1, 6, 8, 13, 18])
@modes
def test_compiled_step_is_the_reference_in_turns(dim, width, mode):
    """Rung 3: skip-gram window by window, CBOW pair by pair; shared rows, repeats and all."""
    sizes = [*SIZES["even and odd"], 20, 4]
    for shared, words in ((False, 11), (True, 11), (True, 500)):  # of many words few repeat
        step = make_step(sizes, words=words, dim=dim, width=width, shared=shared, dtype=np.float32)
        exact = step._replace(W_in=step.W_in.astype(float), W_out=step.W_out.astype(float))
        wanted = run_in_parts(reference.sgd_step, exact, 1 + mode.mean, 0.1, mode)
        found = run_step(cpu.sgd_step, step, 0.1, mode)
        check_equal(found, wanted, 2e-6 * np.sqrt(dim))


@pytest.mark.parametrize(("dim", "width"), [(1, 1), (5, 4), (16, 6), (100, 6), (33, 13)])
@modes
@sizes
def test_a_loss_without_a_step_is_what_the_step_tells(kernels, sizes, dim, width, mode):
    """No row changes, and steps that do nothing tell the same."""
    for shared in (False, True):
        step = make_step(sizes, dim=dim, width=width, shared=shared, dtype=np.float32)
        *_, loss, pairs = run_step(reference.sgd_step, step, 0.0, mode)
        tables = Tables(step.W_in.copy(), step.W_out.copy())
        found = kernels.batch_loss(tables, step.batch, mode)
        assert (float(found[0]), int(found[1])) == (pytest.approx(loss, rel=2e-6), pairs)
        check_equal((*tables, 0, 0), (*step[:2], 0, 0), 0)


@modes
@sizes
def test_compiled_step_on_edge_cases(sizes, mode):
    step = make_step(sizes, dtype=np.float32)
    wanted = run_in_parts(reference.sgd_step, step, 1 + mode.mean, 0.1, mode)
    check_equal(run_step(cpu.sgd_step, step, 0.1, mode), wanted, 1e-5)


@modes
def test_no_row_changes_nothing(kernels, xp, mode):
    step = make_step([3, 4], dtype=np.float32)
    step = step._replace(rows=np.full_like(step.rows, -1), measured=np.ones(2, bool))
    for sgd_step in (kernels.sgd_step, hosted(LayeredStep("sgd"), xp)):
        check_equal(run_step(sgd_step, step, 0.1, mode), (*step[:2], 0.0, 0), 0)


def test_a_repeated_context_counts_twice_from_one_starting_value(kernels):
    """Skip-gram, window (a, a) → t: both hidden vectors are a as it was, both updates add up."""
    step = make_step([2], words=3, dim=17, width=1, dtype=np.float32)
    step = step._replace(
        contexts=np.array([1, 1], np.int32),
        rows=np.array([[2]], np.int32),
        labels=np.ones((1, 1), np.float32),
    )
    W_in, W_out, _, _ = run_step(kernels.sgd_step, step, lr=0.5)
    a, o = step.W_in[1].astype(float), step.W_out[2].astype(float)
    move = 2 * 0.5 * (1 - 1 / (1 + np.exp(-a @ o)))
    np.testing.assert_allclose(W_in[1], a + move * o, rtol=1e-5)
    np.testing.assert_allclose(W_out[2], o + move * a, rtol=1e-5)


@pytest.mark.parametrize("score", [-200.0, -30.0, 30.0, 200.0])
def test_extreme_scores_give_finite_exact_steps(kernels, score):
    """The compiled σ neither overflows nor drifts where exp would."""
    W_in = np.full((1, 1), score, np.float32)
    W_out = np.ones((1, 1), np.float32)
    ids, offsets = np.zeros(1, np.int32), np.array([0, 1])
    measured, labels = np.ones(1, bool), np.ones((1, 1), np.float32)
    batch = Batch(ids, offsets, ids[:, None], labels, measured)
    loss, _ = kernels.sgd_step(Tables(W_in, W_out), batch, 1.0, Mode())
    away = 1.0 if score < 0 else 0.0
    assert loss == pytest.approx(max(-score, 0.0), abs=1e-12)
    assert W_in[0, 0] == pytest.approx(score + away, abs=1e-5)
    assert W_out[0, 0] == pytest.approx(1 + away * score, abs=1e-4)


@pytest.mark.parametrize("score", np.linspace(-12, 12, 97))
def test_sigmoid_is_exact_to_single_precision(kernels, score):
    """The hidden vector (score, 0) and the output row (1, 1): column 1 becomes the step itself."""
    tables = Tables(np.array([[score, 0]], np.float32), np.ones((1, 2), np.float32))
    ids, labels = np.zeros(1, np.int32), np.zeros((1, 1), np.float32)
    batch = Batch(ids, np.array([0, 1]), ids[:, None], labels, np.ones(1, bool))
    loss, _ = kernels.sgd_step(tables, batch, 1.0, Mode())
    assert tables.W_in[0, 1] == pytest.approx(-1 / (1 + np.exp(-score)), rel=0, abs=2e-7)
    assert loss == pytest.approx(np.logaddexp(0, score), rel=2e-6)


def test_the_loss_of_a_window_of_many_pairs_is_finite():
    """400 contexts × 6 rows: the product of their exponentials is far beyond the largest float."""
    step = make_step([400], width=6, dtype=np.float32)._replace(measured=np.ones(1, bool))
    _, _, loss, pairs = run_step(cpu.sgd_step, step)
    _, _, wanted, same = run_step(reference.sgd_step, step)
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert pairs == same > 2000


def test_padding_columns_stay_zero(kernels):
    """Tables are padded with zeros to whole vectors: training must leave them zero."""
    step = make_step([3, 4, 2], dim=32, dtype=np.float32)
    for table in step[:2]:
        table[:, 20:] = 0
    for mode in MODES:
        W_in, W_out, _, _ = run_step(kernels.sgd_step, step, 0.1, mode)
        assert not W_in[:, 20:].any()
        assert not W_out[:, 20:].any()
        assert (W_in != step.W_in).any()


def test_checks_of_this_ladder_reject_wrong_answers():
    step = make_step([3, 4], dtype=np.float32)
    wanted = run_step(reference.sgd_step, step)
    bent = wanted[0].copy()
    bent[-1, -1] += 1e-3
    for wrong in (
        (bent, *wanted[1:]),
        (*wanted[:2], wanted[2] + 1, wanted[3]),
        (*wanted[:3], wanted[3] + 1),
    ):
        with pytest.raises(AssertionError):
            check_equal(wrong, wanted, 1e-5)
