"""EmbeddingBag: sums, means and largest numbers of bags worked out by hand."""

import numpy as np
import pytest

from embedlayer.device import Host
from embedlayer.errors import EmbedlayerError
from embedlayer.layers.bag import MODES, EmbeddingBag

W = np.array([[1.0, 8.0], [2.0, 4.0], [4.0, 2.0], [8.0, 1.0]])
IDS, OFFSETS = [0, 2, 2, 3, 1], [0, 3, 3, 5]
FORWARD = {
    "sum": [[9, 12], [0, 0], [10, 5]],
    "mean": [[3, 4], [0, 0], [5, 2.5]],
    "max": [[4, 8], [0, 0], [8, 4]],
}
DOUT = np.array([[3.0, 30.0], [7.0, 70.0], [2.0, 20.0]])
GRADIENT = {
    "sum": [[3, 30], [2, 20], [6, 60], [2, 20]],
    "mean": [[1, 10], [1, 10], [2, 20], [1, 10]],
    "max": [[0, 30], [0, 20], [3, 0], [2, 0]],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_forward_and_backward(mode, dtype):
    bag = EmbeddingBag(W.astype(dtype), mode)
    out = bag.forward(IDS, OFFSETS)
    np.testing.assert_array_equal(out, FORWARD[mode])
    assert bag.backward(DOUT) is None
    np.testing.assert_array_equal(bag.grads[0], GRADIENT[mode])
    assert out.dtype == bag.grads[0].dtype == dtype
    assert bag.weights_grad is None


@pytest.mark.parametrize("mode", MODES)
def test_row_gradient(mode):
    bag = EmbeddingBag(W, mode, sparse=True)
    bag.forward(IDS[1:], [0, 2, 4])
    bag.backward(DOUT[:2])
    np.testing.assert_array_equal(bag.grads[0].rows, [1, 2, 3])
    wanted = {
        "sum": [[7, 70], [6, 60], [7, 70]],
        "mean": [[3.5, 35], [3, 30], [3.5, 35]],
        "max": [[0, 70], [3, 30], [7, 0]],
    }
    np.testing.assert_allclose(bag.grads[0].values, wanted[mode], rtol=1e-15)


@pytest.mark.parametrize("mode", MODES)
def test_a_bag_a_row_is_the_same_as_offsets(mode):
    rows, flat = EmbeddingBag(W, mode), EmbeddingBag(W, mode)
    ids = np.array([[0, 1, 1], [3, 3, 2]], np.uint16)
    np.testing.assert_array_equal(rows.forward(ids), flat.forward(ids.reshape(-1), [0, 3, 6]))
    rows.backward(DOUT[:2])
    flat.backward(DOUT[:2])
    np.testing.assert_array_equal(rows.grads[0], flat.grads[0])


@pytest.mark.parametrize("mode", MODES)
def test_tables_of_any_layout(mode):
    for table in (np.asfortranarray(W), np.repeat(W, 2, axis=1)[:, ::2]):
        bag = EmbeddingBag(table, mode)
        np.testing.assert_array_equal(bag.forward(IDS, OFFSETS), FORWARD[mode])
        bag.backward(np.asfortranarray(DOUT))
        np.testing.assert_allclose(bag.grads[0], GRADIENT[mode], rtol=1e-15)


def test_the_default_mode_is_the_mean():
    np.testing.assert_array_equal(EmbeddingBag(W).forward(IDS, OFFSETS), FORWARD["mean"])


def test_the_largest_of_negative_numbers_and_the_first_of_equal_ones():
    bag = EmbeddingBag(np.array([[-3.0], [-2.0], [-2.0]]), "max")
    np.testing.assert_array_equal(bag.forward([0, 2, 1, 1], [0, 4, 4]), [[-2], [0]])
    bag.backward([[5.0], [9.0]])
    np.testing.assert_array_equal(bag.grads[0], [[0], [0], [5]])


@pytest.mark.parametrize("decimals", [9, 0], ids=["plain", "ties"])
def test_the_largest_numbers_of_bags_of_every_size(decimals):
    random = np.random.default_rng(8)
    table, sizes = random.standard_normal((50, 3)).round(decimals), random.permutation(40)
    ids, offsets = random.integers(0, 50, sizes.sum()), np.append(0, np.cumsum(sizes))
    bag = EmbeddingBag(table, "max")
    out, dout = bag.forward(ids, offsets), random.standard_normal((40, 3))
    bag.backward(dout)
    gradient = np.zeros_like(table)
    for b, size in enumerate(sizes):
        inside = ids[offsets[b] : offsets[b + 1]]
        if size:
            np.testing.assert_array_equal(out[b], table[inside].max(axis=0))
            gradient[inside[table[inside].argmax(axis=0)], [0, 1, 2]] += dout[b]
        else:
            assert not out[b].any()
    np.testing.assert_allclose(bag.grads[0], gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", [*MODES, "weighted"])
@pytest.mark.parametrize("sparse", [False, True])
def test_by_pieces_as_at_once(mode, sparse, monkeypatch):
    random = np.random.default_rng(8)
    table, ids = random.standard_normal((50, 3)), random.integers(0, 50, (30, 6))
    weights, mode = (random.random((30, 6)), "sum") if mode == "weighted" else (None, mode)
    results = []
    for cached in (1 << 20, 200, 1):
        monkeypatch.setattr(Host, "piece_bytes", cached)
        bag = EmbeddingBag(table, mode, sparse=sparse)
        out = bag.forward(ids, weights=weights)
        bag.backward(out)
        gradient = bag.grads[0].to_dense() if sparse else bag.grads[0]
        results.append([out, gradient, 0 if weights is None else bag.weights_grad])
    for result in results[1:]:
        for one, other in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_ids_of_any_layout(mode):
    bag, ids = EmbeddingBag(W, mode), np.zeros(10, np.int32)
    ids[::2] = IDS
    np.testing.assert_array_equal(bag.forward(ids[::2], OFFSETS), FORWARD[mode])
    bag.backward(DOUT)
    np.testing.assert_array_equal(bag.grads[0], GRADIENT[mode])


def test_a_sum_is_summed():
    """The mean of 41 numbers times 41 would be 0.99999994."""
    bag = EmbeddingBag(np.eye(2, dtype="f"), "sum")
    assert bag.forward([[0] + [1] * 40])[0].tolist() == [1, 40]


def test_sums_and_means_of_many_float16_numbers():
    """Added up in float16, 4,000 ones would be 2,048."""
    W = np.ones((3, 1), np.float16)
    ids = np.repeat([0, 1], [4000, 1])
    for mode, wanted in (("sum", 4001), ("mean", 1)):
        bag = EmbeddingBag(W, mode, sparse=True)
        assert bag.forward(ids[None])[0, 0] == np.float16(wanted)
        bag.backward(np.ones((1, 1)))
        gradient = 4000 if mode == "sum" else 4000 * np.float16(1 / 4001)
        assert bag.grads[0].values[0, 0] == np.float16(gradient)


def test_offsets_without_the_last():
    bag, whole = EmbeddingBag(W, include_last_offset=False), EmbeddingBag(W)
    np.testing.assert_array_equal(bag.forward(IDS, OFFSETS[:-1]), whole.forward(IDS, OFFSETS))
    np.testing.assert_array_equal(bag.forward(IDS, [0, 5]), whole.forward(IDS, [0, 5, 5]))
    assert bag.forward([], []).shape == (0, 2)
    for wrong in ([1, 2], [0, 6], [0, 3, 2], [], [0.0, 3.0]):
        with pytest.raises(EmbedlayerError, match="one for each bag, and rise from 0 to 5"):
            bag.forward(IDS, wrong)
    with pytest.raises(EmbedlayerError, match="include_last_offset=False takes them without"):
        whole.forward(IDS, OFFSETS[:-1])


def test_the_gradient_scaled_by_frequency():
    bag = EmbeddingBag(W, "sum", scale_grad_by_freq=True)
    bag.forward([[0, 1, 1], [1, 3, 3]])
    bag.backward([[6.0, 12], [3, 30]])
    assert bag.grads[0].tolist() == [[6, 12], [5, 18], [0, 0], [3, 30]]
    with pytest.raises(EmbedlayerError, match="goes with modes 'sum' and 'mean' only"):
        EmbeddingBag(W, "max", scale_grad_by_freq=True)


class TestWeights:
    def test_multiply_the_rows_and_have_a_gradient(self):
        bag = EmbeddingBag(W, "sum")
        out = bag.forward(IDS, OFFSETS, weights=[1, 0.5, 0, 2, -1])
        np.testing.assert_array_equal(out, [[3, 9], [0, 0], [14, -2]])
        bag.backward(DOUT)
        np.testing.assert_array_equal(bag.grads[0], [[3, 30], [-2, -20], [1.5, 15], [4, 40]])
        np.testing.assert_array_equal(bag.weights_grad, [243, 72, 72, 36, 84])

    def test_padding_has_no_gradient_and_the_shape_is_that_of_the_ids(self):
        bag = EmbeddingBag(W, "sum", padding_idx=2)
        out = bag.forward([[0, 2], [2, 1]], weights=[[3.0, 9.0], [9.0, 5.0]])
        np.testing.assert_array_equal(out, [[3, 24], [10, 20]])
        bag.backward(DOUT[:2])
        np.testing.assert_array_equal(bag.weights_grad, [[243, 0], [0, 294]])
        np.testing.assert_array_equal(bag.grads[0], [[9, 90], [35, 350], [0, 0], [0, 0]])

    @pytest.mark.parametrize("mode", ["mean", "max"])
    def test_other_modes_refuse_them(self, mode):
        with pytest.raises(EmbedlayerError, match=f"mode 'sum' only, not '{mode}'"):
            EmbeddingBag(W, mode).forward(IDS, OFFSETS, weights=np.ones(5))

    def test_of_another_shape(self):
        with pytest.raises(EmbedlayerError, match=r"weights has shape \(4,\): give \(5,\)"):
            EmbeddingBag(W, "sum").forward(IDS, OFFSETS, weights=np.ones(4))


@pytest.mark.parametrize("mode", MODES)
def test_padding_is_as_if_absent(mode):
    padded, plain = EmbeddingBag(W, mode, padding_idx=2), EmbeddingBag(W, mode)
    out = padded.forward([0, 2, 2, 3, 1, 2], [0, 3, 3, 5, 6])
    np.testing.assert_array_equal(out, plain.forward([0, 3, 1], [0, 1, 1, 3, 3]))
    assert not out[3].any()
    dout = np.vstack([DOUT, [[4.0, 5.0]]])
    padded.backward(dout)
    plain.backward(dout)
    np.testing.assert_array_equal(padded.grads[0], plain.grads[0])
    assert not padded.grads[0][2].any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("ids", "offsets", "bags"), [([], [0], 0), ([], [0, 0, 0], 2), (np.zeros((3, 0), int), None, 3)]
)
def test_nothing_in_the_bags(mode, ids, offsets, bags):
    bag = EmbeddingBag(W, mode)
    out = bag.forward(ids, offsets)
    assert out.shape == (bags, 2)
    assert not out.any()
    bag.backward(out + 1)
    assert not bag.grads[0].any()


class TestMistakes:
    @pytest.mark.parametrize(
        "offsets",
        [[0, 3], [1, 5], [0, 4, 3, 5], [0, 6], [], [[0, 5]], [0.0, 5.0], 5],
        ids=["short", "late", "falling", "long", "none", "2-D", "float", "int"],
    )
    def test_offsets(self, offsets):
        with pytest.raises(EmbedlayerError, match=r"offsets must be integers.* rise from 0 to 5"):
            EmbeddingBag(W).forward(IDS, offsets)

    def test_forms_of_ids(self):
        with pytest.raises(EmbedlayerError, match=r"shape \(5,\) without offsets"):
            EmbeddingBag(W).forward(IDS)
        with pytest.raises(EmbedlayerError, match=r"shape \(1, 5\) with offsets"):
            EmbeddingBag(W).forward([IDS], OFFSETS)

    def test_the_rest(self):
        with pytest.raises(EmbedlayerError, match="unknown mode 'avg': choose sum, mean, max"):
            EmbeddingBag(W, "avg")
        with pytest.raises(TypeError, match="W is int64"):
            EmbeddingBag(W.astype(int))
        with pytest.raises(IndexError, match="id 4 at index 1 is outside the table of 4 rows"):
            EmbeddingBag(W).forward([0, 4], [0, 2])
        bag = EmbeddingBag(W)
        with pytest.raises(EmbedlayerError, match=r"EmbeddingBag\.backward needs a forward"):
            bag.backward(DOUT)
        bag.forward(IDS, OFFSETS)
        with pytest.raises(EmbedlayerError, match=r"dout has shape \(5, 2\): give \(3, 2\)"):
            bag.backward(np.ones((5, 2)))
