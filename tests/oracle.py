"""PyTorch as an oracle: every layer and optimizer against torch's, on random cases.

    python tests/oracle.py --cases 2000

A case is a function of its name and number alone. The first disagreement raises AssertionError with
both, so that ``one_case(name, number)`` shows it again.
"""

import argparse
import warnings
from collections.abc import Callable
from zlib import crc32

import numpy as np
import torch

from embedlayer import layers, optim

F = torch.nn.functional
WIDTHS = ["float32", "float64"]
IDS = ["int8", "int32", "int64", "uint8"]


class Case:
    """The choices and arrays of one case."""

    def __init__(self, name: str, number: int) -> None:
        self.random = np.random.default_rng([crc32(name.encode()), number])
        self.dtype = self.pick(WIDTHS)
        self.V, self.D = self.size(1, 60), self.size(1, 9)

    def size(self, least: int, most: int) -> int:
        return int(self.random.integers(least, most + 1))

    def pick(self, choices):
        return choices[self.size(0, len(choices) - 1)]

    def flip(self) -> bool:
        return self.pick([True, False])

    def normal(self, *shape, scale=1.0):
        return (self.random.standard_normal(shape) * scale).astype(self.dtype)

    def ids(self, *shape, limit=None):
        """Few different ones in half of the cases, so that many repeat."""
        limit = limit or (self.V if self.flip() else min(self.V, 3))
        return self.random.integers(0, limit, shape).astype(self.pick(IDS))

    def agree(self, found, wanted, scale=1.0):
        if isinstance(found, layers.RowGrad):
            found = found.to_dense()
        if isinstance(wanted, torch.Tensor):
            wanted = (wanted.to_dense() if wanted.is_sparse else wanted).detach().numpy()
        tolerance = scale * (2e-5 if self.dtype == "float32" else 1e-11)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def weight_of(W):
    return torch.tensor(W, requires_grad=True)


def long(ids):
    return torch.tensor(ids.astype(np.int64))


def table_options(case, bag=False, mode=""):
    """Options of both sides; torch scales no sparse gradient by frequency."""
    options = {
        "padding_idx": case.pick([None, 0, -1, case.size(-case.V, case.V - 1)]),
        "max_norm": case.pick([None, None, 0.5, 2.0]),
        "scale_grad_by_freq": case.flip() and mode != "max",
    }
    sparse = case.flip()
    for_torch = options | {"sparse": sparse and not options["scale_grad_by_freq"] and not bag}
    return options | {"sparse": sparse}, for_torch


def embedding(case):
    W = case.normal(case.V, case.D)
    ours, theirs = table_options(case)
    ids = case.ids(*(case.size(0, 6) for _ in range(case.size(0, 3))))
    weight, dout = weight_of(W.copy()), case.normal(*ids.shape, case.D)
    layer = layers.Embedding(W, **ours)
    # A single id without axes has no sparse gradient in torch.
    wanted = F.embedding(long(np.atleast_1d(ids)), weight, **theirs).reshape(*ids.shape, case.D)
    case.agree(layer.forward(ids), wanted)
    case.agree(W, weight)  # shortened in place
    layer.backward(dout)
    wanted.backward(torch.tensor(dout))
    case.agree(layer.grads[0], weight.grad)


def embedding_bag(case):
    W, mode = case.normal(case.V, case.D), case.pick(["sum", "mean", "max"])
    ours, theirs = table_options(case, bag=True, mode=mode)
    last, flat = case.flip(), case.flip()
    ids = case.ids(case.size(0, 60)) if flat else case.ids(case.size(1, 6), case.size(1, 6))
    offsets, bags = None, len(ids)
    if flat:
        bags = case.size(1, 8)
        inner = np.sort(case.random.integers(0, len(ids) + 1, bags - 1))
        offsets = np.array([0, *inner, *([len(ids)] if last else [])], case.pick(["i4", "i8"]))
    weights = case.normal(*ids.shape) if mode == "sum" and case.flip() else None
    del theirs["scale_grad_by_freq"]  # torch 2.13 divides by the count of another id; see below
    layer = layers.EmbeddingBag(W, mode, include_last_offset=last, **ours)
    weight, dout = weight_of(W.copy()), case.normal(bags, case.D)
    each = None if weights is None else weight_of(weights)
    wanted = F.embedding_bag(
        long(ids),
        weight,
        None if offsets is None else long(offsets),
        mode=mode,
        per_sample_weights=each,
        include_last_offset=last and flat,
        **theirs,
    )
    case.agree(layer.forward(ids, offsets, weights), wanted, 10)
    layer.backward(dout)
    wanted.backward(torch.tensor(dout))
    if ours["scale_grad_by_freq"]:
        read = ids if layer.padding_idx is None else ids[ids != layer.padding_idx]
        counts = np.bincount(read.reshape(-1), minlength=case.V)
        weight.grad /= torch.tensor(np.maximum(counts, 1))[:, None]
    case.agree(layer.grads[0], weight.grad, 10)
    if each is not None:
        case.agree(layer.weights_grad, each.grad, 10)


def embedding_dot(case):
    W, N, R = case.normal(case.V, case.D), case.size(0, 8), case.size(0, 5)
    shape = (N,) if R == 0 else (N, R)
    idx, h = case.random.integers(-1, case.V, shape), case.normal(N, case.D)
    layer, weight, hidden = layers.EmbeddingDot(W, sparse=case.flip()), weight_of(W), weight_of(h)
    rows = F.embedding(long(np.maximum(idx, 0)), weight)
    wanted = (rows * hidden.reshape(N, *[1] * (idx.ndim - 1), case.D)).sum(-1)
    wanted = torch.where(torch.tensor(idx >= 0), wanted, torch.zeros((), dtype=wanted.dtype))
    case.agree(layer.forward(h, idx), wanted)
    dout = case.normal(*idx.shape)
    dh = layer.backward(dout)
    wanted.backward(torch.tensor(dout))
    case.agree(layer.grads[0], weight.grad, 10)
    case.agree(dh, hidden.grad, 10)


def linear(case, bias):
    M, shape = case.size(1, 7), [case.size(0, 5) for _ in range(case.size(0, 3))]
    params = [case.normal(case.D, M), *([case.normal(M)] if bias else [])]
    layer, tensors = (layers.Affine if bias else layers.MatMul)(*params), [*map(weight_of, params)]
    x, dout = case.normal(*shape, case.D), case.normal(*shape, M)
    inputs = weight_of(x)
    wanted = inputs @ tensors[0] + (tensors[1] if bias else 0)
    case.agree(layer.forward(x), wanted)
    dx = layer.backward(dout)
    wanted.backward(torch.tensor(dout))
    for found, tensor in zip([dx, *layer.grads], [inputs, *tensors], strict=True):
        case.agree(found, tensor.grad, 10)


def activation(case, layer, function):
    x = case.normal(*(case.size(1, 5) for _ in range(case.size(1, 3))), scale=case.pick([1, 50]))
    if case.flip() and x.shape[-1] > 1:
        x[..., 0] = -np.inf
    inputs, dout = weight_of(x), case.normal(*x.shape)
    wanted = function(inputs)
    case.agree(layer.forward(x), wanted)
    wanted.backward(torch.tensor(dout))
    case.agree(layer.backward(dout), inputs.grad)


def loss_of(case, layer, x, t, wanted, inputs):
    dout = case.pick([1, 0.5, 3])
    found = layer.forward(x, t)
    case.agree(found, wanted.item(), max(1, abs(wanted.item())) if np.isfinite(found) else 1)
    (wanted * dout).backward()
    case.agree(layer.backward(dout), inputs.grad)


def sigmoid_with_loss(case):
    shape = (case.size(1, 9), *([case.size(1, 4)] if case.flip() else []))
    x, t = case.normal(*shape, scale=case.pick([1, 100])), case.random.random(shape).astype("f")
    if case.flip():
        t = t.round()
        x.flat[case.random.random(x.size) < 0.1] = case.pick([-np.inf, np.inf])
        t = np.where(np.isinf(x), x > 0, t)  # torch has nan where a label of 0 meets infinity
        x = np.where(np.isinf(x), np.sign(x) * 1e4, x).astype(case.dtype)
    given = case.random.random(shape) < 0.8
    inputs = weight_of(x)
    each = F.binary_cross_entropy_with_logits(
        inputs, torch.tensor(t.astype(case.dtype)), reduction="none"
    )
    wanted = (each * torch.tensor(given)).sum() / len(x)
    loss_of(case, layers.SigmoidWithLoss(), x, np.where(given, t, -1), wanted, inputs)


def softmax_with_loss(case):
    N, C = case.size(1, 8), case.size(2, 9)
    x, ids = case.normal(N, C, scale=case.pick([1, 100])), case.ids(N, limit=C)
    soft = case.flip()
    t = case.random.dirichlet(np.ones(C), N).astype(case.dtype) if soft else ids
    if not soft and case.flip():
        others = (ids.astype(int) + 1) % C
        x[np.arange(N), others] = -np.inf  # a class of probability 0
    inputs = weight_of(x)
    wanted = F.cross_entropy(inputs, torch.tensor(t) if soft else long(ids))
    loss_of(case, layers.SoftmaxWithLoss(), x, t, wanted, inputs)


def negative_sampling_loss(case):
    W, N, K = case.normal(case.V, case.D), case.size(1, 6), case.size(0, 5)
    h, targets = case.normal(N, case.D), case.ids(N)
    drawn = case.random.integers(-1, case.V, (N, K))
    layer = layers.NegativeSamplingLoss(W, lambda *_: drawn, K, sparse=case.flip())
    weight, hidden = weight_of(W), weight_of(h)
    rows = np.concatenate([targets.astype(int)[:, None], drawn], axis=1)
    scores = (F.embedding(long(np.maximum(rows, 0)), weight) * hidden[:, None]).sum(-1)
    sign = torch.tensor(np.where(np.arange(1 + K) == 0, 1, -1))
    wanted = (F.softplus(-sign * scores) * torch.tensor(rows >= 0)).sum() / N
    assert abs(layer.forward(h, targets) - wanted.item()) < 1e-4
    wanted.backward()
    case.agree(layer.backward(), hidden.grad, 10)
    case.agree(layer.grads[0], weight.grad, 10)


def optimizers_of(case, name, weight, sparse):
    """Ours and torch's with the same hyperparameters."""
    lr, eps = case.pick([0.01, 0.3]), case.pick([1e-8, 1e-3])
    momentum, beta2 = case.pick([0.5, 0.9]), case.pick([0.9, 0.999])
    hat = sparse or case.flip()
    ours = {
        "sgd": lambda: optim.SGD(lr),
        "momentum": lambda: optim.Momentum(lr, momentum),
        "nesterov": lambda: optim.Nesterov(lr, momentum),
        "adagrad": lambda: optim.AdaGrad(lr, eps),
        "rmsprop": lambda: optim.RMSprop(lr, beta2, eps),
        "adam": lambda: optim.Adam(lr, momentum, beta2, eps, eps_hat=hat),
    }[name]()
    adam = torch.optim.SparseAdam if hat else torch.optim.Adam
    theirs = {
        "sgd": lambda: torch.optim.SGD([weight], lr),
        "momentum": lambda: torch.optim.SGD([weight], lr, momentum),
        "nesterov": lambda: torch.optim.SGD([weight], lr, momentum, nesterov=True),
        "adagrad": lambda: torch.optim.Adagrad([weight], lr, eps=eps),
        "rmsprop": lambda: torch.optim.RMSprop([weight], lr, beta2, eps),
        "adam": lambda: adam([weight], lr, (momentum, beta2), eps),
    }[name]()
    return ours, theirs, name == "adam" and hat


def optimizer(case, name):
    """Several updates; a sparse gradient where torch takes one, and a table given twice."""
    sparse = case.flip() and name in ("sgd", "adagrad", "adam")
    param, scale = case.normal(case.V, case.D), case.pick([1, 1e-4])
    weight = weight_of(param.copy())
    ours, theirs, takes_rows_alone = optimizers_of(case, name, weight, sparse)
    for _ in range(case.size(1, 6)):
        rows = case.ids(case.size(0, 9)).astype(np.int64) if sparse else np.arange(case.V)
        values = case.normal(len(rows), case.D, scale=scale)
        by_rows = layers.RowGrad(rows, values, param.shape)
        grad, twice = by_rows if sparse else by_rows.values, case.flip()
        wanted = by_rows * 2 if twice else by_rows
        weight.grad = (
            torch.sparse_coo_tensor(
                wanted.rows[None], wanted.values, param.shape, check_invariants=True
            ).coalesce()
            if sparse or takes_rows_alone
            else torch.tensor(wanted.values)
        )
        ours.update([param, param] if twice else [param], [grad, grad] if twice else [grad])
        theirs.step()
    case.agree(param, weight, 50)


CASES: dict[str, Callable[[Case], None]] = {
    "Embedding": embedding,
    "EmbeddingBag": embedding_bag,
    "EmbeddingDot": embedding_dot,
    "MatMul": lambda case: linear(case, False),
    "Affine": lambda case: linear(case, True),
    "Sigmoid": lambda case: activation(case, layers.Sigmoid(), torch.sigmoid),
    "Softmax": lambda case: activation(case, layers.Softmax(), lambda x: F.softmax(x, -1)),
    "SigmoidWithLoss": sigmoid_with_loss,
    "SoftmaxWithLoss": softmax_with_loss,
    "NegativeSamplingLoss": negative_sampling_loss,
} | {name: lambda case, name=name: optimizer(case, name) for name in optim.OPTIMIZERS}


def one_case(name: str, number: int) -> None:
    """Raise AssertionError, with the name and the number, where the two disagree."""
    try:
        CASES[name](Case(name, number))
    except Exception as error:
        raise AssertionError(f"{name}, case {number}: {type(error).__name__}: {error}") from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000, help="of each layer and optimizer")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)  # of torch, on its sparse tensors
    for name in CASES:
        for number in range(options.cases):
            one_case(name, number)
        print(f"{name}: {options.cases} cases agree", flush=True)


if __name__ == "__main__":
    main()
