"""What is changed behind a layer's back is used, or refused before compiled code is reached."""

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.layers import (
    Affine,
    Embedding,
    EmbeddingBag,
    EmbeddingDot,
    MatMul,
    NegativeSamplingLoss,
    UnigramSampler,
)
from embedlayer.models.outputs.alias import alias_table
from embedlayer.optim import SGD, Adam

LAYERS = {
    "Embedding": (Embedding, [[0, 1, 4]]),
    "EmbeddingBag": (EmbeddingBag, [[[0, 1, 4]]]),
    "EmbeddingDot": (EmbeddingDot, [np.ones((2, 3)), [4, 1]]),
    "NegativeSamplingLoss": (
        lambda W, **o: NegativeSamplingLoss(W, lambda t, k: np.full((len(t), 5), 4), **o),
        [np.ones((2, 3)), [4, 1]],
    ),
    "MatMul": (MatMul, [np.ones((2, 5))]),
    "Affine": (lambda W: Affine(W, np.zeros(3)), [np.ones((2, 5))]),
}
EACH = pytest.mark.parametrize("name", [*LAYERS])
OTHERS = [
    np.ones((2, 3)),
    np.ones((5, 2)),
    np.ones((6, 3)),
    np.ones((5, 3), "f"),
    np.ones(15),
    [[1.0] * 3] * 5,
    None,
]


def made(name, **options):
    make, inputs = LAYERS[name]
    return make(np.ones((5, 3)), **options), inputs


def backward(layer, out):
    return layer.backward() if isinstance(out, float) else layer.backward(out)


@EACH
@pytest.mark.parametrize("other", OTHERS, ids=lambda o: str(getattr(o, "shape", type(o).__name__)))
def test_params_and_grads_that_no_longer_fit_are_refused(name, other):
    layer, inputs = made(name)
    out = layer.forward(*inputs)
    for name_of, use in (
        ("grads", lambda: backward(layer, out)),
        ("params", lambda: backward(layer, out)),
        ("params", lambda: layer.forward(*inputs)),
    ):
        arrays = getattr(layer, name_of)
        kept, arrays[0] = arrays[0], other
        with pytest.raises(EmbedlayerError, match=rf"{name_of} has a .* in the place of numpy's"):
            use()
        arrays[0] = kept
        backward(layer, out)


@EACH
def test_params_of_the_same_form_are_used_wherever_they_come_from(name):
    (layer, inputs), (other, _) = made(name), made(name)
    first = np.sum(layer.forward(*inputs))
    layer.params[0] = np.zeros((5, 3))
    zero = np.sum(layer.forward(*inputs))
    layer.params = [np.full((5, 3), 2.0), *layer.params[1:]]
    twice = np.sum(layer.forward(*inputs))
    assert len({round(first, 6), round(zero, 6), round(twice, 6)}) == 3
    assert np.sum(other.forward(*inputs)) == first
    layer.params = []
    with pytest.raises(EmbedlayerError, match="params has 0 arrays"):
        layer.forward(*inputs)


def test_affine_reads_both_of_its_params():
    layer = Affine(np.ones((2, 2)), np.zeros(2))
    layer.params[0], layer.params[1] = np.zeros((2, 2)), np.full(2, 5.0)
    assert layer.forward([[1, 1]]).tolist() == [[5, 5]]


@EACH
def test_a_table_that_was_resized_is_refused(name):
    layer, inputs = made(name)
    out = layer.forward(*inputs)
    layer.params[0].resize((2, 3), refcheck=False)
    with pytest.raises(EmbedlayerError, match="params has a ndarray"):
        backward(layer, out)
    with pytest.raises(EmbedlayerError, match="params has a ndarray"):
        layer.forward(*inputs)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag", "EmbeddingDot"])
def test_a_layer_has_ids_of_its_own(name, dtype, sparse):
    """A buffer that is used again between forward and backward changes nothing."""
    (layer, inputs), (other, _) = made(name, sparse=sparse), made(name, sparse=sparse)
    *first, ids = inputs
    for one in (layer, other):
        buffer = np.array(ids, dtype)
        out = one.forward(*first, buffer)
        if one is layer:
            buffer[...] = np.iinfo(dtype).max
        if name == "Embedding":
            one.idx[...] = 10**6
        one.backward(np.arange(out.size, dtype=float).reshape(out.shape))
    found, wanted = (x.grads[0].to_dense() if sparse else x.grads[0] for x in (layer, other))
    np.testing.assert_array_equal(found, wanted)
    assert wanted.any()


def test_a_bag_has_offsets_and_weights_of_its_own():
    bag, offsets, weights = EmbeddingBag(np.ones((4, 2)), "sum"), np.array([0, 2, 3]), np.ones(3)
    out = bag.forward([0, 1, 3], offsets, weights)
    offsets[:], weights[:] = 10**12, 7
    bag.backward(np.ones_like(out))
    assert bag.grads[0].tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    "offsets",
    [
        [0, 2**63 - 1, -2, 3],
        [0, -(2**63), 2**63 - 1, 3],
        np.array([0, 2**64 - 1, 3], np.uint64),
        [0, 2, 1, 3],
        [0, 3, 4, 3],
    ],
)
def test_offsets_whose_differences_overflow(offsets):
    with pytest.raises(EmbedlayerError, match="rise from 0 to 3"):
        EmbeddingBag(np.ones((4, 2))).forward([0, 1, 2], offsets)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_the_largest_unsigned_id_is_not_no_row(dtype):
    ids = np.array([0, np.iinfo(dtype).max], dtype)
    with pytest.raises(IndexError, match=f"id {np.iinfo(dtype).max} at index 1"):
        EmbeddingDot(np.ones((4, 2))).forward(np.ones((2, 2)), ids)


@pytest.mark.parametrize("make", [Embedding, EmbeddingBag])
@pytest.mark.parametrize("name", ["padding_idx", "mode"])
def test_padding_and_mode_stay_as_they_are(make, name):
    layer = make(np.ones((4, 2)), padding_idx=1)
    if hasattr(layer, name):
        with pytest.raises(AttributeError, match="has no setter"):
            setattr(layer, name, 2)


PROB, ALIAS = alias_table(np.array([1.0, 2, 3]))


@pytest.mark.parametrize(
    ("prob", "alias", "error", "message"),
    [
        (PROB, ALIAS[:2], EmbedlayerError, r"alias has shape \(2,\): give \(3,\)"),
        (PROB, ALIAS + 1, IndexError, "id 3 at index"),
        (PROB, ALIAS - 3, IndexError, "id -"),
        (PROB, ALIAS * 1.0, TypeError, "ids must be integers, not float64"),
        (PROB / 2**32, ALIAS, EmbedlayerError, r"prob is float64 \(3,\): give uint32"),
        (PROB[:, None], ALIAS, EmbedlayerError, "give uint32"),
        (PROB[:0], ALIAS[:0], EmbedlayerError, "give uint32"),
    ],
)
def test_what_is_no_alias_table_is_refused(prob, alias, error, message):
    with pytest.raises(error, match=message):
        UnigramSampler(prob, alias)


def test_a_sampler_has_a_table_of_its_own_and_checks_what_it_is_asked():
    prob, alias = PROB.copy(), ALIAS.copy()
    sampler = UnigramSampler(prob, alias)
    alias[:] = 10**6
    assert sampler([0, 1], 50).max() <= 2
    for targets, negative, error in (
        ([3], 1, IndexError),
        ([-1], 1, IndexError),
        ([0.5], 1, TypeError),
        ([[0]], 1, EmbedlayerError),
        ([0], -1, EmbedlayerError),
        ([0], 1.5, TypeError),
    ):
        with pytest.raises(error):
            sampler(targets, negative)
    assert sampler([0], 0).shape == (1, 0)


@pytest.mark.parametrize("make", [Embedding, EmbeddingBag])
def test_tables_of_more_rows_than_int32_numbers_are_refused(make):
    W = np.broadcast_to(np.zeros((1, 2), "f"), (2**31, 2))
    with pytest.raises(TypeError, match="give at most 2147483647"):
        make(W)


@pytest.mark.parametrize("make", [Embedding, EmbeddingBag, EmbeddingDot])
def test_lists_of_different_lengths_are_told_the_cure(make):
    ids = [[1, 2], [3]]
    with pytest.raises(TypeError, match="give EmbeddingBag all ids in one list, and offsets"):
        make(np.ones((4, 2))).forward(*([np.ones((2, 2))] if make is EmbeddingDot else []), ids)


@pytest.mark.parametrize("D", [0, 1])
@pytest.mark.parametrize("sparse", [False, True])
def test_tables_without_columns(D, sparse):
    W = np.ones((4, D), "f")
    for layer, inputs in (
        (Embedding(W, sparse=sparse), [[0, 3, 3]]),
        (EmbeddingBag(W, sparse=sparse), [[[0, 3, 3]]]),
        (EmbeddingDot(W, sparse=sparse), [np.ones((1, D)), [3]]),
    ):
        out = layer.forward(*inputs)
        layer.backward(np.ones_like(out))
        grad = layer.grads[0]
        assert (grad.to_dense() if sparse else grad).shape == (4, D)


@EACH
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_a_read_only_table_is_read_and_its_update_refused(name, optimizer):
    """As that of vectors, which are immutable; a copy can be trained."""
    W = np.ones((5, 3))
    W.flags.writeable = False
    make, inputs = LAYERS[name]
    layer = make(W)
    backward(layer, layer.forward(*inputs))
    with pytest.raises(EmbedlayerError, match=r"params\[0\] is read-only .* give the layer a copy"):
        optimizer().update(layer.params, layer.grads)
    layer = make(W.copy())
    backward(layer, layer.forward(*inputs))
    optimizer().update(layer.params, layer.grads)
    assert (layer.params[0] != W).any()


def test_max_norm_does_not_shorten_the_rows_of_a_read_only_table():
    W = np.ones((5, 3))
    W.flags.writeable = False
    with pytest.raises(EmbedlayerError, match=r"W is read-only .* copy, W\.copy\(\)"):
        Embedding(W, max_norm=1.0).forward([0])
