"""Training examples made at random, for the tests of the step: every shape a window can have."""

from typing import NamedTuple

import numpy as np

from embedlayer.kernels.arguments import Batch, Mode, Tables

SKIPGRAM = Mode()
MODES = [SKIPGRAM, Mode(mean=True), Mode(mean=True, divide=True)]
MODE_NAMES = ["skip-gram", "CBOW, whole", "CBOW, divided"]


class Step(NamedTuple):
    """The tables and the batch of ``sgd_step``, array by array, to be replaced one by one."""

    W_in: np.ndarray
    W_out: np.ndarray
    contexts: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    measured: np.ndarray

    @property
    def tables(self) -> Tables:
        return Tables(*self[:2])

    @property
    def batch(self) -> Batch:
        return Batch(*self[2:])

    def part(self, first: int, last: int) -> "Step":
        """The windows ``first`` … ``last`` − 1 alone."""
        return Step(*self.tables, *self.batch.part(first, last))


def make_step(sizes, *, words=11, dim=5, width=4, shared=False, dtype=np.float64, seed=0) -> Step:
    """Windows of these many contexts; some rows are −1, some ids repeat, the last id occurs."""
    random = np.random.default_rng(seed)
    tables = [random.standard_normal((words, dim)).astype(dtype) * 0.5 for _ in range(2)]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    contexts = random.integers(0, words, offsets[-1]).astype(np.int32)
    rows = random.integers(-1, words, (len(sizes), width)).astype(np.int32)
    contexts[-1:] = words - 1
    rows[-1:, -1] = words - 1
    labels = (random.random((1 if shared else len(sizes), width)) < 0.4).astype(np.float32)
    measured = random.random(len(sizes)) < 0.6
    return Step(*tables, contexts, offsets, rows, labels, measured)


def run_step(sgd_step, step: Step, lr=0.1, mode=SKIPGRAM):
    """The tables after the step, its loss and its pairs; the arguments are left alone."""
    tables = Tables(step.W_in.copy(), step.W_out.copy())
    loss, pairs = sgd_step(tables, step.batch, lr, mode)
    return *tables, float(loss), int(pairs)


def run_in_parts(sgd_step, step: Step, size, lr=0.1, mode=SKIPGRAM):
    """As :func:`run_step`, so many windows at a time, which see what those before have written."""
    loss, pairs, windows = 0.0, 0, len(step.rows)
    for first in range(0, windows, size):
        part = step.part(first, min(first + size, windows))
        W_in, W_out, more_loss, more_pairs = run_step(sgd_step, part, lr, mode)
        step = step._replace(W_in=W_in, W_out=W_out)
        loss, pairs = loss + more_loss, pairs + more_pairs
    return step.W_in, step.W_out, loss, pairs


def check_equal(found, wanted, tolerance) -> None:
    """Raise unless tables, loss and pairs agree."""
    for one, other in zip(found[:2], wanted[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found[2], wanted[2], rtol=tolerance, atol=tolerance)
    assert found[3] == wanted[3]
