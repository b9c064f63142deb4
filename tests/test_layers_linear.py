"""MatMul and Affine: figures worked out by hand, gradients in place."""

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.layers import Affine, MatMul

W = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
b = np.array([10.0, 20.0, 30.0])
X, DOUT = [[1, 2], [3, -1]], [[1, 0, 2], [0, 1, -1]]


def test_matmul():
    layer = MatMul(W)
    dW = layer.grads[0]
    np.testing.assert_array_equal(layer.forward(X), [[9, 12, 15], [-1, 1, 3]])
    np.testing.assert_array_equal(layer.backward(DOUT), [[7, 16], [-1, -1]])
    np.testing.assert_array_equal(dW, [[1, 3, -1], [2, -1, 5]])
    assert layer.grads[0] is dW
    assert layer.params[0] is W


def test_affine():
    layer = Affine(W, b)
    dW, db = layer.grads
    np.testing.assert_array_equal(layer.forward(X), [[19, 32, 45], [9, 21, 33]])
    for _ in range(2):  # the second backward does not add to the first
        np.testing.assert_array_equal(layer.backward(DOUT), [[7, 16], [-1, -1]])
    np.testing.assert_array_equal(dW, [[1, 3, -1], [2, -1, 5]])
    np.testing.assert_array_equal(db, [1, 1, 1])
    assert layer.params[0] is W
    assert layer.params[1] is b
    assert layer.grads[0] is dW
    assert layer.grads[1] is db


@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 3, 2), (0, 2), (2, 0, 2)])
def test_inputs_of_any_number_of_axes(shape):
    random = np.random.default_rng(0)
    x, dout = random.standard_normal(shape), random.standard_normal((*shape[:-1], 3))
    layer, flat = Affine(W, b), Affine(W, b)
    out, dx = layer.forward(x), layer.backward(dout)
    wanted = flat.forward(x.reshape(-1, 2)), flat.backward(dout.reshape(-1, 3))
    np.testing.assert_allclose(out, wanted[0].reshape(dout.shape), rtol=1e-14)
    np.testing.assert_allclose(dx, wanted[1].reshape(shape), rtol=1e-14)
    for one, other in zip(layer.grads, flat.grads, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    with pytest.raises(EmbedlayerError, match="dout has shape"):
        layer.backward(dout[..., :2])


def test_matrices_without_columns_or_rows():
    for size in [(0, 3), (2, 0)]:
        layer = Affine(np.ones(size), np.zeros(size[1]))
        out = layer.forward(np.ones((4, size[0])))
        assert layer.backward(out).shape == (4, size[0])


def test_float32_stays_float32():
    layer = Affine(W.astype(np.float32), b.astype(np.float32))
    assert layer.forward(np.array(X, float)).dtype == np.float32
    assert layer.backward(np.array(DOUT, float)).dtype == np.float32


def test_mistakes():
    with pytest.raises(EmbedlayerError, match=r"Affine\.backward needs a forward"):
        Affine(W, b).backward(DOUT)
    with pytest.raises(EmbedlayerError, match=r"x has shape \(2, 3\): give \(any, 2\)"):
        MatMul(W).forward(np.ones((2, 3)))
    with pytest.raises(EmbedlayerError, match=r"b is float64 \(2,\): give float64 \(3,\)"):
        Affine(W, b[:2])
    with pytest.raises(EmbedlayerError, match=r"b is float32 \(3,\): give float64 \(3,\)"):
        Affine(W, b.astype(np.float32))
    with pytest.raises(TypeError, match="W is int64 with 1 dimensions"):
        MatMul(np.arange(3))
    layer = MatMul(W)
    layer.forward(X)
    with pytest.raises(EmbedlayerError, match=r"dout has shape \(1, 3\): give \(2, 3\)"):
        layer.backward(DOUT[:1])
