"""A sparse gradient stands where a dense one does, and says so where it cannot."""

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.layers import Embedding, EmbeddingBag, EmbeddingDot, NegativeSamplingLoss, RowGrad
from embedlayer.optim import OPTIMIZERS, SGD, Adam

SHAPE = (5, 2)
A = RowGrad([3, 1, 3], [[1.0, 2], [3, 4], [5, 6]], SHAPE)
B = RowGrad(np.array([0, 3], np.uint8), np.array([[7.0, 8], [9, 1]]), SHAPE)
DENSE = np.arange(10.0).reshape(SHAPE)


def copy(grad):
    return grad * 1


def test_rows_that_repeat_are_summed():
    assert A.rows.tolist() == [1, 3]
    assert A.values.tolist() == [[3, 4], [6, 8]]
    assert A.to_dense().tolist() == [[0, 0], [3, 4], [0, 0], [6, 8], [0, 0]]
    assert repr(RowGrad([7], [[2.0, 2]], (9, 2))) == "RowGrad(rows=[7], values=[[2. 2.]])"


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b, dense: a + b,
        lambda a, b, dense: a - b,
        lambda a, b, dense: a + dense,
        lambda a, b, dense: dense + a,
        lambda a, b, dense: dense - a,
        lambda a, b, dense: a * 3,
        lambda a, b, dense: np.float64(0.5) * a,
        lambda a, b, dense: a / 4,
        lambda a, b, dense: a**2,
        lambda a, b, dense: np.sum(a**2),
        lambda a, b, dense: sum([a, b], dense),
        lambda a, b, dense: a.sum(),
    ],
)
def test_operations_are_those_of_the_dense_gradient(operation):
    found = operation(A, B, DENSE)
    found = found.to_dense() if isinstance(found, RowGrad) else found
    np.testing.assert_allclose(found, operation(A.to_dense(), B.to_dense(), DENSE), rtol=1e-15)
    assert DENSE.tolist() == np.arange(10.0).reshape(SHAPE).tolist()
    assert A.values.tolist() == [[3, 4], [6, 8]]


@pytest.mark.parametrize("other", [B, DENSE], ids=["rows", "dense"])
def test_in_place_it_stays_one_object(other):
    grad = copy(A)
    same = grad
    grad += other
    grad *= 0.5
    grad /= 2
    assert grad is same
    dense = other.to_dense() if isinstance(other, RowGrad) else other
    np.testing.assert_array_equal(grad.to_dense(), (A.to_dense() + dense) / 4)


def test_a_table_is_changed_in_place_by_hand():
    W = DENSE.copy()
    same = W
    W -= 0.5 * A
    W += B
    assert W is same
    np.testing.assert_array_equal(W, DENSE - 0.5 * A.to_dense() + B.to_dense())


def test_norm_and_the_usual_clipping():
    grad = copy(A)
    assert grad.norm() == pytest.approx(np.sqrt(125), rel=1e-15)
    norm = np.sqrt(np.sum(grad**2))
    grad *= 1 / norm
    assert grad.norm() == pytest.approx(1)


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda: A * DENSE,
        lambda: A / DENSE,
        lambda: A**0,
        lambda: A + 1,
        lambda: A + RowGrad([0], [[1.0, 1]], (6, 2)),
        lambda: A + np.ones((5, 3)),
        lambda: np.ones((5, 3)) + A,
        lambda: DENSE * A,
        lambda: np.sqrt(A),
        lambda: np.add(DENSE, A, out=np.ones(SHAPE)),
        lambda: np.asarray(A),
        lambda: np.linalg.norm(A),
        lambda: A.sum(axis=0),
    ],
)
def test_what_makes_no_sense_says_what_to_do(nonsense):
    with pytest.raises(TypeError, match=r"to_dense\(\)|add gradients of one table|np\.multiply"):
        nonsense()


def test_mistakes():
    with pytest.raises(IndexError, match="id 5 at index 0 is outside the table of 5 rows"):
        RowGrad([5], [[1.0, 1]], SHAPE)
    with pytest.raises(EmbedlayerError, match=r"values has shape \(1, 3\): give \(1, 2\)"):
        RowGrad([0], [[1.0, 1, 1]], SHAPE)


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_that_were_gathered_once_train(sparse):
    """As every network of the book does, in its constructor."""
    W = np.ones((4, 2))
    layer = Embedding(W, sparse=sparse)
    params, grads = [*layer.params], [*layer.grads]
    layer.forward([1, 1])
    layer.backward(np.ones((2, 2)))
    SGD(1.0).update(params, grads)
    assert W[1].tolist() == [-1, -1]


@pytest.mark.parametrize("make", [EmbeddingBag, EmbeddingDot])
def test_every_layer_fills_its_one_gradient(make):
    layer = make(np.ones((4, 2)), sparse=True)
    grad = layer.grads[0]
    for ids in ([[1, 1]], [[2, 3]]):
        out = layer.forward(np.ones((1, 2)), ids) if make is EmbeddingDot else layer.forward(ids)
        layer.backward(np.ones_like(out))
        assert layer.grads[0] is grad
        assert grad.rows.tolist() == sorted(set(ids[0]))


@pytest.mark.parametrize("name", [*OPTIMIZERS])
@pytest.mark.parametrize("kinds", ["dd", "ss", "ds", "sd", "sds"])
def test_a_parameter_given_several_times_is_one(name, kinds):
    """One update by the sum of its gradients, for two updates; other params keep their places."""
    random = np.random.default_rng(1)
    W, b = np.ones(SHAPE), np.ones(2)
    wanted = W.copy(), b.copy()
    one, other = OPTIMIZERS[name](lr=0.1), OPTIMIZERS[name](lr=0.1)
    for _ in range(2):
        parts = [RowGrad(range(5), random.standard_normal(SHAPE), SHAPE) for _ in kinds]
        total = sum(part.values for part in parts)
        grads = [part if k == "s" else part.values for k, part in zip(kinds, parts, strict=True)]
        kept = [getattr(grad, "values", grad).copy() for grad in grads]
        one.update([*[W] * len(kinds), b], [*grads, np.ones(2)])
        other.update([*wanted], [total, np.ones(2)])
        for grad, before in zip(grads, kept, strict=True):
            np.testing.assert_array_equal(getattr(grad, "values", grad), before)
    np.testing.assert_allclose(W, wanted[0], rtol=1e-12)
    np.testing.assert_allclose(b, wanted[1], rtol=1e-12)


def test_one_table_in_two_layers_moves_once():
    W = np.ones((3, 1))
    grad = np.ones((3, 1))
    Adam(0.1).update([W, W], [grad, grad])
    np.testing.assert_allclose(W, 0.9, rtol=1e-6)


@pytest.mark.parametrize("name", [*OPTIMIZERS])
def test_views_of_one_memory_are_refused_unless_apart(name):
    W = np.ones((4, 4))
    for view in (W[:], W.T, W[1:], W[:, ::2]):
        with pytest.raises(EmbedlayerError, match=r"params\[1\] and params\[0\] share memory"):
            OPTIMIZERS[name]().update([W, view], [np.ones_like(W), np.ones_like(view)])
    assert (W == 1).all()
    OPTIMIZERS[name]().update([W[:, ::2], W[:, 1::2]], [np.ones((4, 2))] * 2)
    assert (W < 1).all()


@pytest.mark.parametrize("grad", [(np.arange(2), np.ones((2, 2))), [[1.0, 1]], None, 1.0])
def test_what_is_no_gradient_is_refused(grad):
    with pytest.raises(TypeError, match=r"grads\[0\] is a .*: give an array or a RowGrad"):
        SGD().update([np.ones((1, 2))], [grad])
    with pytest.raises(TypeError, match=r"grads\[0\] is complex128: give real numbers"):
        SGD().update([np.ones(1)], [np.ones(1, complex)])
    with pytest.raises(TypeError, match=r"params\[0\] is list: only arrays of floats"):
        SGD().update([[1.0]], [np.ones(1)])


def test_the_loss_merges_with_a_layer_on_the_same_table():
    W = np.ones((4, 2))
    read, loss = (
        Embedding(W, sparse=True),
        NegativeSamplingLoss(W, lambda t, k: t[:, None], 1, sparse=True),
    )
    loss.forward(read.forward([0, 1]), [2, 3])
    read.backward(loss.backward())
    total = read.grads[0].to_dense() + loss.grads[0].to_dense()
    SGD(1.0).update([*read.params, *loss.params], [*read.grads, *loss.grads])
    np.testing.assert_allclose(W, 1 - total, rtol=1e-15)
