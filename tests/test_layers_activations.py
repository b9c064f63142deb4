"""Sigmoid, Softmax and Dropout: values, gradients, and what is dropped."""

import math

import numpy as np
import pytest
from gradient import check_gradient

from embedlayer.errors import EmbedlayerError
from embedlayer.layers import Dropout, Sigmoid, Softmax


def test_values_far_out():
    assert Sigmoid().forward([0, math.inf, -math.inf, -1000]).tolist() == [0.5, 1, 0, 0]
    out = Softmax().forward([[1e4, -math.inf, 1e4], [0, math.log(3), 0]])
    np.testing.assert_allclose(out, [[0.5, 0, 0.5], [0.2, 0.6, 0.2]], rtol=1e-14)


@pytest.mark.parametrize("make", [Sigmoid, Softmax])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)])
def test_gradients(make, shape):
    random = np.random.default_rng(1)
    x, dout, layer = random.standard_normal(shape), random.standard_normal(shape), make()
    layer.forward(x)
    check_gradient(lambda: float((layer.forward(x) * dout).sum()), x, layer.backward(dout))


def test_dropout():
    layer, x = Dropout(0.25, seed=3), np.ones((200, 100), "f")
    out = layer.forward(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.unique(out), [0, 4 / 3], rtol=1e-6)
    assert abs((out > 0).mean() - 0.75) < 0.01
    np.testing.assert_array_equal(layer.backward(x), out)
    assert (layer.forward(x) != out).any()
    assert (Dropout(0.25, seed=3).forward(x) == out).all()
    assert (layer.forward(x, training=False) == x).all()
    assert (layer.backward(x) == x).all()


def test_mistakes():
    for layer in (Sigmoid(), Softmax(), Dropout()):
        with pytest.raises(EmbedlayerError, match="backward needs a forward before it"):
            layer.backward([1.0])
        layer.forward([1.0, 2.0])
        with pytest.raises(EmbedlayerError, match=r"dout has shape \(1,\): give \(2,\)"):
            layer.backward([1.0])
    for ratio in (-0.1, 1, math.nan):
        with pytest.raises(EmbedlayerError, match="give 0 to below 1"):
            Dropout(ratio)
