"""The layers agree with those of PyTorch: outputs, gradients, padding, weights, modes."""

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.layers import Embedding, EmbeddingBag, SigmoidWithLoss, SoftmaxWithLoss
from embedlayer.layers.bag import MODES

torch = import_or_skip("torch")
from oracle import CASES, one_case

F = torch.nn.functional

V, D, N = 9, 4, 60
OFFSETS = np.array([0, 0, 7, 8, 8, 30, 59, 60, 60])


@pytest.fixture
def random():
    return np.random.default_rng(4)


def agree(found, wanted):
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding_idx", [None, 3])
@pytest.mark.parametrize("shape", [(N,), (5, 3, 4)])
def test_embedding(random, padding_idx, shape):
    W, ids = random.standard_normal((V, D)), random.integers(0, V, shape)
    dout = random.standard_normal((*shape, D))
    embed, weight = Embedding(W, padding_idx=padding_idx), torch.tensor(W, requires_grad=True)
    wanted = F.embedding(torch.tensor(ids), weight, padding_idx=padding_idx)
    agree(embed.forward(ids), wanted)
    embed.backward(dout)
    wanted.backward(torch.tensor(dout))
    agree(embed.grads[0], weight.grad)


def test_row_gradient(random):
    W, ids = random.standard_normal((V, D)), random.integers(0, V - 2, N)
    dout = random.standard_normal((N, D))
    embed, weight = Embedding(W, sparse=True), torch.tensor(W, requires_grad=True)
    embed.forward(ids)
    embed.backward(dout)
    F.embedding(torch.tensor(ids), weight, sparse=True).backward(torch.tensor(dout))
    wanted = weight.grad.coalesce()
    agree(embed.grads[0].rows, wanted.indices()[0])
    agree(embed.grads[0].values, wanted.values())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding_idx", [None, 3])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("decimals", [9, 0], ids=["plain", "ties"])
def test_embedding_bag(random, mode, padding_idx, sparse, decimals):
    W, ids = random.standard_normal((V, D)).round(decimals), random.integers(0, V, N)
    dout = random.standard_normal((len(OFFSETS) - 1, D))
    bag = EmbeddingBag(W, mode, padding_idx=padding_idx, sparse=sparse)
    weight = torch.tensor(W, requires_grad=True)
    wanted = F.embedding_bag(
        torch.tensor(ids),
        weight,
        torch.tensor(OFFSETS),
        mode=mode,
        include_last_offset=True,
        padding_idx=padding_idx,
    )
    agree(bag.forward(ids, OFFSETS), wanted)
    bag.backward(dout)
    wanted.backward(torch.tensor(dout))
    grad = bag.grads[0]
    if sparse:
        grad = np.zeros_like(W)
        grad[bag.grads[0].rows] = bag.grads[0].values
    agree(grad, weight.grad)


@pytest.mark.parametrize("padding_idx", [None, 3])
@pytest.mark.parametrize("flat", [False, True])
def test_embedding_bag_weights(random, padding_idx, flat):
    shape, bags = ((N,), len(OFFSETS) - 1) if flat else ((6, 10), 6)
    W, ids = random.standard_normal((V, D)), random.integers(0, V, shape)
    weights, dout = random.standard_normal(shape), random.standard_normal((bags, D))
    bag = EmbeddingBag(W, "sum", padding_idx=padding_idx)
    weight, per_sample = (torch.tensor(array, requires_grad=True) for array in (W, weights))
    wanted = F.embedding_bag(
        torch.tensor(ids),
        weight,
        torch.tensor(OFFSETS) if flat else None,
        mode="sum",
        per_sample_weights=per_sample,
        include_last_offset=flat,
        padding_idx=padding_idx,
    )
    agree(bag.forward(ids, OFFSETS if flat else None, weights), wanted)
    bag.backward(dout)
    wanted.backward(torch.tensor(dout))
    agree(bag.grads[0], weight.grad)
    agree(bag.weights_grad, per_sample.grad)


def test_sigmoid_with_loss(random):
    x, t = random.standard_normal(N) * 50, random.random(N).round(1)
    scores, loss = torch.tensor(x, requires_grad=True), SigmoidWithLoss()
    wanted = F.binary_cross_entropy_with_logits(scores, torch.tensor(t))
    wanted.backward()
    assert loss.forward(x, t) == pytest.approx(wanted.item(), rel=1e-12)
    agree(loss.backward(), scores.grad)


@pytest.mark.parametrize("probabilities", [False, True])
def test_softmax_with_loss(random, probabilities):
    x, ids = random.standard_normal((N, V)) * 50, random.integers(0, V, N)
    t = random.dirichlet(np.ones(V), N) if probabilities else ids
    scores, loss = torch.tensor(x, requires_grad=True), SoftmaxWithLoss()
    wanted = F.cross_entropy(scores, torch.tensor(t))
    wanted.backward()
    assert loss.forward(x, t) == pytest.approx(wanted.item(), rel=1e-12)
    agree(loss.backward(), scores.grad)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", [*CASES])
def test_random_cases(name):
    """A part of those of ``python tests/oracle.py --cases 2000``."""
    for number in range(40):
        one_case(name, number)


def test_the_oracle_rejects_a_wrong_layer(monkeypatch):
    monkeypatch.setattr(Embedding, "backward", lambda self, dout: None)
    with pytest.raises(AssertionError, match=r"Embedding, case 0: "):
        one_case("Embedding", 0)
