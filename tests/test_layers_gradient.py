"""Rung 1 of the ladder: the gradient of every layer and loss equals central differences."""

import numpy as np
import pytest
from gradient import check_gradient

from embedlayer.layers import (
    Affine,
    Embedding,
    EmbeddingBag,
    EmbeddingDot,
    MatMul,
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SoftmaxWithLoss,
)
from embedlayer.layers.bag import MODES

random = np.random.default_rng(1)


def normal(*shape):
    return random.standard_normal(shape)


class TestCheck:
    """The check itself: it passes a right gradient and rejects wrong ones."""

    x = np.array([[0.5, -1.0], [2.0, 3.0]])

    def loss(self):
        return float((self.x**3).sum())

    def test_right_gradient_passes_and_x_is_put_back(self):
        before = self.x.copy()
        check_gradient(self.loss, self.x, 3 * self.x**2)
        np.testing.assert_array_equal(self.x, before)

    @pytest.mark.parametrize("wrong", [1e-4, -0.75, np.nan, np.inf])
    def test_wrong_element_is_named(self, wrong):
        gradient = 3 * self.x**2
        gradient[1, 0] += wrong
        with pytest.raises(AssertionError, match=r"gradient\[1, 0\] is .*difference quotient 12"):
            check_gradient(self.loss, self.x, gradient)

    def test_scaled_transposed_and_constant_gradients_are_rejected(self):
        gradient = 3 * self.x**2
        for wrong in (2 * gradient, -gradient, gradient.T.copy(), np.zeros_like(gradient)):
            with pytest.raises(AssertionError, match="difference quotient"):
                check_gradient(self.loss, self.x, wrong)

    def test_wrong_shape_and_empty_x_are_rejected(self):
        with pytest.raises(AssertionError, match="shape"):
            check_gradient(self.loss, self.x, np.zeros(2))
        with pytest.raises(AssertionError, match="shape"):
            check_gradient(self.loss, np.zeros(0), np.zeros(0))

    def test_float32_is_refused(self):
        with pytest.raises(TypeError, match="float64"):
            check_gradient(self.loss, self.x.astype(np.float32), self.x)


@pytest.mark.parametrize("ids", [3, [1, 3, 1, 3], [[0, 6], [6, 6], [2, 1]]])
def test_embedding(ids):
    W = normal(7, 3)
    layer = Embedding(W)
    dout = normal(*np.shape(ids), 3)
    layer.forward(ids)
    layer.backward(dout)
    check_gradient(lambda: float((layer.forward(ids) * dout).sum()), W, layer.grads[0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_embedding_bag(mode, padding_idx):
    W = normal(7, 3)
    layer = EmbeddingBag(W, mode, padding_idx=padding_idx)
    ids, offsets, dout = [1, 3, 1, 3, 6, 0], [0, 0, 3, 4, 4, 6], normal(5, 3)
    layer.forward(ids, offsets)
    layer.backward(dout)
    wanted = layer.grads[0]
    check_gradient(lambda: float((layer.forward(ids, offsets) * dout).sum()), W, wanted)


@pytest.mark.parametrize("padding_idx", [None, 1])
def test_embedding_bag_weights(padding_idx):
    W = normal(7, 3)
    layer = EmbeddingBag(W, "sum", padding_idx=padding_idx)
    ids, weights, dout = [[1, 3, 1], [6, 0, 2]], normal(2, 3), normal(2, 3)

    def loss():
        return float((layer.forward(ids, weights=weights) * dout).sum())

    loss()
    layer.backward(dout)
    check_gradient(loss, W, layer.grads[0])
    check_gradient(loss, weights, layer.weights_grad)


@pytest.mark.parametrize("idx", [[2, 2, 5], [[2, 2], [-1, 5], [-1, -1]]])
def test_embedding_dot(idx):
    W = normal(7, 4)
    layer = EmbeddingDot(W)
    h, dout = normal(3, 4), normal(*np.shape(idx))
    layer.forward(h, idx)
    dh = layer.backward(dout)
    check_gradient(lambda: float((layer.forward(h, idx) * dout).sum()), W, layer.grads[0])
    check_gradient(lambda: float((layer.forward(h, idx) * dout).sum()), h, dh)


@pytest.mark.parametrize("layer", [MatMul(normal(4, 3)), Affine(normal(4, 3), normal(3))])
def test_linear(layer):
    x, dout = normal(5, 4), normal(5, 3)
    layer.forward(x)
    dx = layer.backward(dout)
    for array, gradient in [(x, dx), *zip(layer.params, layer.grads, strict=True)]:
        check_gradient(lambda: float((layer.forward(x) * dout).sum()), array, gradient)


@pytest.mark.parametrize(
    "t", [[0, 1, 1], [0.25, 1, 0.5], [-1, 1, 0], [[0, 1], [1, -1], [0.5, 0]]], ids=str
)
def test_sigmoid_with_loss(t):
    x, layer = normal(*np.shape(t)), SigmoidWithLoss()
    layer.forward(x, t)
    dx = layer.backward(dout=2)
    check_gradient(lambda: 2 * layer.forward(x, t), x, dx)


@pytest.mark.parametrize("t", [[3, 0], [[0, 0, 0, 1], [1, 0, 0, 0]], [[0.5, 0.2, 0.3, 0.6]] * 2])
def test_softmax_with_loss(t):
    x, layer = normal(2, 4), SoftmaxWithLoss()
    layer.forward(x, t)
    dx = layer.backward(dout=2)
    check_gradient(lambda: 2 * layer.forward(x, t), x, dx)


def test_negative_sampling_loss():
    drawn = np.array([[1, 1, 4], [-1, 2, 0]])
    W = normal(6, 4)
    layer = NegativeSamplingLoss(W, lambda targets, negative: drawn, negative=3)
    h, targets = normal(2, 4), [4, 2]
    layer.forward(h, targets)
    dh = layer.backward(dout=2)
    check_gradient(lambda: 2 * layer.forward(h, targets), h, dh)
    check_gradient(lambda: 2 * layer.forward(h, targets), W, layer.grads[0])
