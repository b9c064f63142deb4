"""Rung 2 of the ladder: a step by layers and SGD equals the training kernel's definition."""

import numpy as np
import pytest

from embedlayer.kernels import reference
from embedlayer.kernels.arguments import Batch, Mode, Tables
from embedlayer.layers import (
    Embedding,
    EmbeddingBag,
    EmbeddingDot,
    NegativeSamplingLoss,
    SigmoidWithLoss,
)
from embedlayer.optim import SGD

V, D, LR = 11, 7, 0.3
CONTEXTS = np.array([0, 3, 3, 5, 10, 1, 0, 0, 2], np.int32)
OFFSETS = np.array([0, 4, 5, 7, 9])
ROWS = np.array([[4, 1, -1, 10], [3, 3, 0, 2], [10, -1, -1, -1], [6, 5, 5, 4]], np.int32)
WINDOW = np.repeat(np.arange(4), np.diff(OFFSETS))
NEGATIVES = np.array([[1, 0, 0, 0]], np.float32)
CODES = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 0]], np.float32)


def tables(dtype):
    random = np.random.default_rng(3)
    return [random.standard_normal((V, D)).astype(dtype) for _ in range(2)]


def kernel_step(dtype, labels, mean, divide):
    W_in, W_out = tables(dtype)
    measured = np.ones(len(ROWS), bool)
    batch = Batch(CONTEXTS, OFFSETS, ROWS, labels, measured)
    loss, _ = reference.sgd_step(Tables(W_in, W_out), batch, LR, Mode(mean, divide))
    return W_in, W_out, loss


def layered_step(dtype, labels, mean, divide, sparse):
    """The same by layers: the mean loss times the number of hidden vectors is their sum."""
    W_in, W_out = tables(dtype)
    layer_in = EmbeddingBag(W_in, sparse=sparse) if mean else Embedding(W_in, sparse=sparse)
    h = layer_in.forward(CONTEXTS, OFFSETS) if mean else layer_in.forward(CONTEXTS)
    rows = ROWS if mean else ROWS[WINDOW]
    if labels is NEGATIVES:
        layer_out = NegativeSamplingLoss(W_out, lambda *_: rows[:, 1:], 3, sparse=sparse)
        loss = layer_out.forward(h, rows[:, 0])
        dh = layer_out.backward(dout=len(h))
    else:
        layer_out, logistic = EmbeddingDot(W_out, sparse=sparse), SigmoidWithLoss()
        labels = np.where(rows < 0, -1, labels if mean else labels[WINDOW])
        loss = logistic.forward(layer_out.forward(h, rows), labels)
        dh = layer_out.backward(logistic.backward(dout=len(h)))
    layer_in.backward(dh if divide or not mean else dh * np.diff(OFFSETS)[:, None])
    params, grads = [*layer_in.params, *layer_out.params], [*layer_in.grads, *layer_out.grads]
    SGD(LR).update(params, grads)
    return W_in, W_out, loss * len(h)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("labels", [NEGATIVES, CODES], ids=["negatives", "codes"])
@pytest.mark.parametrize(("mean", "divide"), [(False, False), (True, True), (True, False)])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_layered_step_equals_the_kernel(dtype, tolerance, labels, mean, divide, sparse):
    wanted = kernel_step(dtype, labels, mean, divide)
    found = layered_step(dtype, labels, mean, divide, sparse)
    before = tables(dtype)
    for W, W_wanted, W_before in zip(found[:2], wanted[:2], before, strict=True):
        np.testing.assert_allclose(W, W_wanted, rtol=tolerance, atol=tolerance)
        assert np.abs(W_wanted - W_before).max() > 0.1
    assert found[2] == pytest.approx(wanted[2], rel=tolerance)
