"""The optimizers: known steps, dense and by rows, and agreement with PyTorch's."""

import math

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.device import Host
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import cpu
from embedlayer.kernels.cpu.updates import update_rows
from embedlayer.layers import RowGrad
from embedlayer.optim import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    Momentum,
    Nesterov,
    RMSprop,
    linear_decay,
)

EVERY = pytest.mark.parametrize("name", list(OPTIMIZERS))
V, D, UPDATES = 6, 3, 5


@pytest.fixture
def random():
    return np.random.default_rng(5)


def row_grads(random, updates=UPDATES):
    """Gradients of two or three rows each, and the same as dense arrays."""
    for size in [2, 3] * updates:
        rows = np.sort(random.permutation(V - 1)[:size])  # the last row is never read
        values = random.standard_normal((size, D))
        dense = np.zeros((V, D))
        dense[rows] = values
        yield RowGrad(rows, values, (V, D)), dense


@pytest.mark.parametrize(
    ("optimizer", "after_one", "after_two"),
    [
        (SGD(0.5), 0.0, -1.0),
        (Momentum(0.5, 0.5), 0.0, -1.5),
        (Nesterov(0.5, 0.5), -0.5, -2.25),
        (AdaGrad(0.5, eps=0), 0.5, 0.5 - 0.5 / math.sqrt(2)),
        (RMSprop(0.5, 0.75, eps=0), 0.0, -0.5 / math.sqrt(0.4375)),
        (Adam(0.5, eps=0), 0.5, 0.0),
        (Adam(0.5, 0.0, 0.75, eps=2.0), 0.75, 0.5),
        (Adam(0.5, 0.0, 0.75, eps=1.0, eps_hat=True), 0.75, 0.75 - 1 / (2 + 1 / math.sqrt(0.4375))),
    ],
    ids=["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "eps", "eps hat"],
)
def test_two_steps_worked_out_by_hand(optimizer, after_one, after_two):
    """From 1, with gradients of 2 and a learning rate of 0.5."""
    param = np.array([[1.0]])
    optimizer.update([param], [np.array([[2.0]])])
    assert param[0, 0] == pytest.approx(after_one, abs=1e-12)
    optimizer.update([param], [np.array([[2.0]])])
    assert param[0, 0] == pytest.approx(after_two, abs=1e-12)


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_params_change_in_place_and_keep_their_dtype(name, dtype, random):
    params = [random.standard_normal(shape).astype(dtype) for shape in [(V, D), (D,)]]
    grads = [np.ones_like(param) for param in params]
    kept, before = list(params), [param.copy() for param in params]
    OPTIMIZERS[name](lr=0.1).update(params, grads)
    for param, same, old, grad in zip(params, kept, before, grads, strict=True):
        assert param is same
        assert param.dtype == dtype
        assert (param < old).all()
        assert (grad == 1).all()


@EVERY
def test_by_pieces_as_at_once(name, random, monkeypatch):
    params = [random.standard_normal(shape) for shape in [(V, D), (V,), ()]]
    every = [[*row_grads(random)] for _ in params]
    results = []
    for cached in (1 << 20, 2 * D * 8, 1):
        monkeypatch.setattr(Host, "piece_bytes", cached)
        changed, optimizer = [param.copy() for param in params], OPTIMIZERS[name](lr=0.1)
        for (by_rows, dense), (_, other), _ in zip(*every, strict=True):
            optimizer.update(changed, [dense, other[:, 0], other[0, 0]])
            optimizer.update(changed, [by_rows, other[:, 1], other[1, 1]])
        results.append(changed)
    for result in results[1:]:
        for one, wanted, before in zip(result, results[0], params, strict=True):
            np.testing.assert_array_equal(one, wanted)
            assert (one != before).any()


@EVERY
def test_every_optimizer_descends_a_bowl(name):
    param, optimizer = np.array([3.0, -2.0]), OPTIMIZERS[name](lr=0.1)
    for _ in range(2000):
        optimizer.update([param], [2 * param])
    assert np.abs(param).max() < 0.1


class TestRows:
    @EVERY
    def test_equal_the_dense_step_when_every_row_is_read(self, name, random):
        dense = random.standard_normal((V, D))
        by_rows, rows = dense.copy(), np.arange(V)
        optimizers = OPTIMIZERS[name](), OPTIMIZERS[name]()
        for _ in range(UPDATES):
            grad = random.standard_normal((V, D))
            optimizers[0].update([dense], [grad])
            optimizers[1].update([by_rows], [RowGrad(rows, grad, (V, D))])
        np.testing.assert_array_equal(by_rows, dense)

    @pytest.mark.parametrize("name", ["sgd", "adagrad"])
    def test_equal_the_dense_step_where_it_is_mathematically_so(self, name, random):
        dense = random.standard_normal((V, D))
        by_rows = dense.copy()
        optimizers = OPTIMIZERS[name](), OPTIMIZERS[name]()
        for sparse_grad, dense_grad in row_grads(random):
            optimizers[0].update([dense], [dense_grad])
            optimizers[1].update([by_rows], [sparse_grad])
        np.testing.assert_array_equal(by_rows, dense)

    @EVERY
    def test_unread_rows_are_not_visited(self, name):
        param, optimizer = np.ones((V, D)), OPTIMIZERS[name](lr=0.1)
        optimizer.update([param], [RowGrad(np.array([1, 4]), np.ones((2, D)), (V, D))])
        first = param.copy()
        assert (first[[1, 4]] < 1).all()
        assert (first[[0, 2, 3, 5]] == 1).all()
        optimizer.update([param], [RowGrad(np.array([4]), np.ones((1, D)), (V, D))])
        assert (param[4] < first[4]).all()
        np.testing.assert_array_equal(param[:4], first[:4])

    @pytest.mark.parametrize("name", ["momentum", "adam"])
    def test_where_the_dense_step_moves_unread_rows_too(self, name):
        param, optimizer, grad = np.ones((2, 1)), OPTIMIZERS[name](lr=0.1), np.ones((2, 1))
        optimizer.update([param], [grad])
        first = param[1, 0]
        optimizer.update([param], [np.array([[1.0], [0.0]])])
        assert param[1, 0] < first

    @EVERY
    def test_no_rows(self, name):
        param = np.ones((V, D))
        grad = RowGrad(np.zeros(0, int), np.zeros((0, D)), (V, D))
        OPTIMIZERS[name]().update([param], [grad])
        assert (param == 1).all()


class TestCompiled:
    """The compiled formulas on rows, against ``_step`` on copies of them: the same bits."""

    @EVERY
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("size", [1, 3, 16, 33])
    def test_equal_the_formula_to_the_bit(self, name, dtype, size, random, monkeypatch):
        start = random.standard_normal((40, size)).astype(dtype)
        grads = [
            RowGrad(rows, random.standard_normal((len(rows), size)).astype(dtype), start.shape)
            for rows in map(random.permutation, [range(40), range(0, 40, 3), range(20, 24)])
        ]
        results = []
        for kind in ("reference", "fused"):
            monkeypatch.setenv("EMBEDLAYER_KERNELS", kind)
            param, optimizer = start.copy(), OPTIMIZERS[name](lr=0.1)
            for grad in grads:
                optimizer.update([param], [grad])
            results.append([param, *(getattr(optimizer, kept)[0] for kept in optimizer.kept)])
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)
        assert (results[0][0] != start).all()

    @EVERY
    def test_what_it_takes(self, name, monkeypatch):
        done = []

        def noted(*given):
            done.append(update_rows(*given))
            return done[-1]

        monkeypatch.setattr(cpu, "update_rows", noted)
        for param in (
            np.ones((V, D), "f"),
            np.ones((V, D)),
            np.ones((V, D), np.float16),
            np.ones((D, V)).T,
            np.ones((V, D), ">f4"),
            np.ones(V * D * 8 + 1, np.uint8)[1:].view(np.float64).reshape(V, D),
        ):
            param[:] = 1
            optimizer = OPTIMIZERS[name](lr=0.1)
            values = np.ones((2, D), param.dtype.newbyteorder("="))
            optimizer.update([param], [RowGrad([1, 4], values, (V, D))])
            assert (param[[1, 4]] < param[0]).all()
        optimizer.update([param], [RowGrad([1, 4], np.ones((2, D), "f"), (V, D))])
        assert done == [True, True, False, False, False, False, False]

    def test_a_formula_that_overrides_is_taken(self):
        class Decaying(Adam):
            def _step(self, param, grad, *kept):
                param *= 0.5

        param = np.ones((V, D))
        Decaying().update([param], [RowGrad([2], np.ones((1, D)), (V, D))])
        assert param[:, 0].tolist() == [1, 1, 0.5, 1, 1, 1]

    @pytest.mark.parametrize(
        ("rows", "values", "error"),
        [
            ([0, V], np.ones((2, D)), IndexError),
            ([0, -1], np.ones((2, D)), IndexError),
            ([0, 10**12], np.ones((2, D)), IndexError),
            ([0.0, 1.0], np.ones((2, D)), TypeError),
            ([0, 1], np.ones((1, D)), EmbedlayerError),
            ([0, 1], np.ones((2, D + 1)), EmbedlayerError),
        ],
    )
    def test_what_was_assigned_is_checked_before_anything_changes(self, rows, values, error):
        grad = RowGrad([0], np.ones((1, D)), (V, D))
        grad.rows, grad.values = np.array(rows), values
        params, optimizer = [np.ones(D), np.ones((V, D))], Adam()
        with pytest.raises(error):
            optimizer.update(params, [np.ones(D), grad])
        assert (params[0] == 1).all()
        assert optimizer.updates == 0


def test_state_is_allocated_once(random):
    param, optimizer = np.ones((V, D)), Adam()
    optimizer.update([param], [np.ones((V, D))])
    mean, squares = optimizer.mean[0], optimizer.squares[0]
    for sparse_grad, _ in row_grads(random):
        optimizer.update([param], [sparse_grad])
    assert optimizer.mean[0] is mean
    assert optimizer.squares[0] is squares
    assert optimizer.updates == 1 + 2 * UPDATES


@EVERY
def test_parameters_side_by_side_change_as_each_would_alone(name):
    together, alone = [np.ones(3), np.ones(2)], [np.ones(3), np.ones(2)]
    grads = [np.full(3, 0.5), np.full(2, -2.0)]
    one, of_each = OPTIMIZERS[name](lr=0.1), [OPTIMIZERS[name](lr=0.1) for _ in alone]
    for _ in range(UPDATES):
        one.update(together, grads)
        for optimizer, param, grad in zip(of_each, alone, grads, strict=True):
            optimizer.update([param], [grad])
    for found, wanted in zip(together, alone, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_schedule_assigns_lr():
    param, optimizer = np.zeros(1), SGD(1.0)
    for lr in (1.0, 0.25):
        optimizer.lr = lr
        optimizer.update([param], [np.ones(1)])
    assert param[0] == -1.25


@pytest.mark.parametrize(
    ("optimizer", "option", "value"),
    [
        (SGD, "lr", -0.1),
        (Momentum, "momentum", 1.5),
        (Nesterov, "momentum", -1),
        (AdaGrad, "eps", -1e-8),
        (RMSprop, "decay", 2),
        (Adam, "beta1", float("nan")),
        (Adam, "beta2", 1.1),
        (Adam, "lr", "fast"),
    ],
)
def test_numbers_outside_their_range_are_refused(optimizer, option, value):
    with pytest.raises(EmbedlayerError, match=option):
        optimizer(**{option: value})


def test_the_state_of_another_optimizer_is_refused():
    state = Adam().state()
    Adam().restore(state)
    adam = Adam()
    adam.update([np.ones(2)], [np.ones(2)])
    for other in (SGD(), AdaGrad(), RMSprop()):
        with pytest.raises(EmbedlayerError, match="a state of updates, mean, squares is"):
            other.restore(adam.state())


class TestMistakes:
    @EVERY
    def test_nothing_is_changed_when_one_gradient_does_not_fit(self, name):
        params = [np.ones((V, D)), np.ones(D)]
        for grads in (
            [np.ones((V, D)), np.ones(D + 1)],
            [np.ones((V, D)), np.ones(1)],
            [np.ones((V, D))],
            [RowGrad(np.arange(2), np.ones((2, D)), (V + 1, D)), np.ones(D)],
        ):
            with pytest.raises(EmbedlayerError, match=r"does not fit params|2 params but 1 grads"):
                OPTIMIZERS[name]().update(params, grads)
        assert (params[0] == 1).all()

    @EVERY
    def test_integers_cannot_be_trained(self, name):
        with pytest.raises(TypeError, match=r"params\[0\] is int64: only arrays of floats"):
            OPTIMIZERS[name]().update([np.ones((2, 2), int)], [np.ones((2, 2))])

    @pytest.mark.parametrize("optimizer", [Momentum(), AdaGrad(), RMSprop(), Adam()])
    def test_other_params_than_the_first_time(self, optimizer):
        optimizer.update([np.ones((V, D))], [np.ones((V, D))])
        with pytest.raises(EmbedlayerError, match="params differ from the first update's"):
            optimizer.update([np.ones((1, D))], [np.ones((1, D))])


@pytest.mark.parametrize(("progress", "lr"), [(0, 0.5), (0.25, 0.4), (1, 0.1), (1.5, 0.1)])
def test_linear_decay(progress, lr):
    assert linear_decay(0.5, 0.1, progress) == pytest.approx(lr, rel=1e-15)


def torch_pair(name, param, sparse=False):
    torch = import_or_skip("torch")
    weight = torch.tensor(param, requires_grad=True)
    pairs = {
        "sgd": lambda: torch.optim.SGD([weight], lr=0.1),
        "momentum": lambda: torch.optim.SGD([weight], lr=0.1, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD([weight], lr=0.1, momentum=0.9, nesterov=True),
        "adagrad": lambda: torch.optim.Adagrad([weight], lr=0.1),
        "rmsprop": lambda: torch.optim.RMSprop([weight], lr=0.1),
        "adam": lambda: (torch.optim.SparseAdam if sparse else torch.optim.Adam)([weight], lr=0.1),
    }
    if name not in pairs:
        pytest.skip(f"{name} has no peer in torch here")
    return weight, pairs[name]()


@EVERY
def test_agrees_with_torch(name, random):
    torch = import_or_skip("torch")
    param = random.standard_normal((V, D))
    weight, wanted = torch_pair(name, param)
    optimizer = OPTIMIZERS[name](lr=0.1)
    for update in range(UPDATES):
        grad = random.standard_normal((V, D))
        optimizer.lr = wanted.param_groups[0]["lr"] = 0.1 / (1 + update)
        weight.grad = torch.tensor(grad)
        wanted.step()
        optimizer.update([param], [grad])
    np.testing.assert_allclose(param, weight.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # torch's own way to build them
@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_agrees_with_torch_on_row_gradients(name, random):
    torch = import_or_skip("torch")
    param = random.standard_normal((V, D))
    weight, wanted = torch_pair(name, param, sparse=True)
    optimizer = Adam(lr=0.1, eps_hat=True) if name == "adam" else OPTIMIZERS[name](lr=0.1)
    for grad, _ in row_grads(random):
        weight.grad = torch.sparse_coo_tensor(grad.rows[None], grad.values, (V, D))
        wanted.step()
        optimizer.update([param], [grad])
    np.testing.assert_allclose(param, weight.detach().numpy(), rtol=1e-12, atol=1e-12)
