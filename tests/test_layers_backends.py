"""The layers and optimizers give on CuPy what they give on NumPy, and refuse the same ids."""

import numpy as np
import pytest

from embedlayer.backend import to_numpy
from embedlayer.layers import Affine, Embedding, EmbeddingBag, RowGrad
from embedlayer.layers.bag import MODES
from embedlayer.layers.losses import (
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    UnigramSampler,
)
from embedlayer.optim import OPTIMIZERS

random = np.random.default_rng(6)
W = random.standard_normal((9, 4)).astype(np.float32)
IDS = np.array([[1, 3, 1], [8, 0, 3], [3, 3, 3]], np.int32)
DOUT = random.standard_normal((3, 4)).astype(np.float32)
SPARSE = pytest.mark.parametrize("sparse", [False, True])


def same(found, wanted):
    """Raise unless two results, or two sequences of them, are close and of one dtype."""
    if isinstance(wanted, (tuple, list)):
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
        return
    if isinstance(wanted, RowGrad):
        same((found.rows, found.values), (wanted.rows, wanted.values))
        return
    found = to_numpy(found)
    assert found.dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def on_both(cupy, compute):
    same(compute(cupy.asarray), compute(np.asarray))


@SPARSE
@pytest.mark.parametrize("padding_idx", [None, 3])
def test_embedding(cupy, sparse, padding_idx):
    def compute(asarray):
        embed = Embedding(asarray(W), sparse=sparse, padding_idx=padding_idx)
        out = embed.forward(asarray(IDS))
        embed.backward(out * out)
        return out, embed.grads, embed.forward([2, 2]), embed.forward(5)

    on_both(cupy, compute)


@SPARSE
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_idx", [None, 3])
def test_embedding_bag(cupy, sparse, mode, padding_idx):
    def compute(asarray):
        bag = EmbeddingBag(asarray(W), mode, sparse=sparse, padding_idx=padding_idx)
        weights = asarray(W[0, :3] + np.zeros((3, 1), np.float32)) if mode == "sum" else None
        rows = bag.forward(asarray(IDS), weights=weights)
        bag.backward(asarray(DOUT))
        grads = [*bag.grads, *([bag.weights_grad] if mode == "sum" else [])]
        return rows, grads, bag.forward(asarray(IDS.reshape(-1)), [0, 4, 4, 9])

    on_both(cupy, compute)


@SPARSE
def test_ids_of_any_layout(cupy, sparse):
    def compute(asarray):
        embed, bag = Embedding(asarray(W), sparse=sparse), EmbeddingBag(asarray(W), sparse=sparse)
        ids = asarray(IDS).T[0]
        embed.forward(ids)
        embed.backward(asarray(DOUT))
        out = bag.forward(ids, [0, 2, 2, 3])
        bag.backward(asarray(DOUT))
        return out, embed.grads, bag.grads

    on_both(cupy, compute)


def test_linear_and_softmax(cupy):
    def compute(asarray):
        layer, loss = Affine(asarray(W.T.copy()), asarray(W[:, 0].copy())), SoftmaxWithLoss()
        value = loss.forward(layer.forward(asarray(DOUT)), asarray(IDS[0]))
        return value, layer.backward(loss.backward()), layer.grads

    on_both(cupy, compute)


def test_sigmoid(cupy):
    def compute(asarray):
        loss = SigmoidWithLoss()
        value = loss.forward(asarray(DOUT), asarray(np.sign(np.abs(IDS[:, [0, 1, 2, 0]]) - 1)))
        return value, loss.backward()

    on_both(cupy, compute)


@SPARSE
def test_negative_sampling(cupy, sparse):
    prob, alias = np.full(9, 2**31, np.uint32), np.arange(9, dtype=np.int32)[::-1].copy()

    def compute(asarray):
        sampler = UnigramSampler(asarray(prob), asarray(alias))
        loss = NegativeSamplingLoss(asarray(W), sampler, sparse=sparse)
        value = loss.forward(asarray(DOUT), asarray(IDS[0]))
        return value, loss.backward(), loss.grads

    on_both(cupy, compute)


@SPARSE
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers(cupy, sparse, name):
    def compute(asarray):
        embed, optimizer = Embedding(asarray(W.copy()), sparse=sparse), OPTIMIZERS[name](lr=0.1)
        for row in IDS:
            embed.forward(asarray(row))
            embed.backward(asarray(DOUT[: len(row)]))
            optimizer.update(embed.params, embed.grads)
        return embed.params

    on_both(cupy, compute)


@pytest.mark.parametrize("ids", [9, [0, 9], np.array([[0, 1], [-1, 2]])])
def test_ids_outside_the_table(cupy, ids):
    messages = []
    for asarray in (np.asarray, cupy.asarray):
        with pytest.raises(IndexError) as caught:
            Embedding(asarray(W)).forward(asarray(ids) if isinstance(ids, np.ndarray) else ids)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "outside the table of 9 rows" in messages[0]


def test_arrays_of_both_in_one_layer(cupy):
    embed = Embedding(cupy.asarray(W))
    with pytest.raises(TypeError, match="numpy and cupy arrays in one call"):
        embed.forward(IDS)
    embed.forward(cupy.asarray(IDS))
    with pytest.raises(TypeError, match="numpy and cupy arrays in one call"):
        embed.backward(W[IDS])
