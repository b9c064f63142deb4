"""Embedding and EmbeddingDot: the founding notebook's figures, and every mistake by its name."""

import copy

import numpy as np
import pytest

from embedlayer.device import Host
from embedlayer.errors import EmbedlayerError
from embedlayer.layers import Embedding, EmbeddingDot, RowGrad

DOUT = [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]
SUMMED = [[0] * 3, [4] * 3, [0] * 3, [6] * 3, [0] * 3, [0] * 3, [0] * 3]
DTYPES = [
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "uint64",
]
IDS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def table(dtype="int64"):
    return np.arange(21, dtype=dtype).reshape(7, 3)


class TestNotebook:
    def test_one_id(self):
        np.testing.assert_array_equal(Embedding(table()).forward(1), [3, 4, 5])

    def test_repeated_ids(self):
        embed = Embedding(table())
        out = embed.forward([1, 3, 1, 3])
        np.testing.assert_array_equal(out, [[3, 4, 5], [9, 10, 11], [3, 4, 5], [9, 10, 11]])
        np.testing.assert_array_equal(embed.idx, [1, 3, 1, 3])

    def test_repeated_ids_accumulate(self):
        embed = Embedding(table())
        embed.forward([1, 3, 1, 3])
        assert embed.backward(DOUT) is None
        np.testing.assert_array_equal(embed.grads[0], SUMMED)
        assert embed.grads[0].dtype == np.int64

    def test_assignment_would_lose_the_repeats(self):
        dW = np.zeros_like(table())
        dW[[1, 3, 1, 3]] = DOUT
        np.testing.assert_array_equal(dW[[1, 3]], [[3, 3, 3], [4, 4, 4]])
        embed = Embedding(table())
        embed.forward([1, 3, 1, 3])
        embed.backward(DOUT)
        np.testing.assert_array_equal(embed.grads[0][[1, 3]], [[4, 4, 4], [6, 6, 6]])

    def test_product_with_one_hot_is_a_row(self):
        one_hot = np.eye(7, dtype=int)[2]
        np.testing.assert_array_equal(one_hot @ table(), Embedding(table()).forward(2))

    def test_params_keep_the_table_itself_and_grads_start_at_zero(self):
        W = table("float32")
        embed = Embedding(W)
        assert embed.params[0] is W
        assert embed.grads[0].shape == W.shape
        assert embed.grads[0].dtype == W.dtype
        assert not embed.grads[0].any()

    def test_a_second_backward_starts_from_zero_in_the_same_array(self):
        embed = Embedding(table("float64"))
        grads, dW = embed.grads, embed.grads[0]
        embed.forward([0, 0])
        embed.backward(np.ones((2, 3)))
        embed.forward([1, 3, 1, 3])
        embed.backward(DOUT)
        assert embed.grads is grads
        assert grads[0] is dW
        np.testing.assert_array_equal(dW, SUMMED)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sparse", [False, True])
def test_every_table_dtype(dtype, sparse):
    embed = Embedding(table(dtype), sparse=sparse)
    out = embed.forward([1, 3, 1, 3])
    embed.backward(DOUT)
    dW = embed.grads[0].values if sparse else embed.grads[0][[1, 3]]
    np.testing.assert_array_equal(out[1], [9, 10, 11])
    np.testing.assert_array_equal(dW, [[4, 4, 4], [6, 6, 6]])
    assert out.dtype == dW.dtype == dtype


@pytest.mark.parametrize("dtype", IDS)
@pytest.mark.parametrize("shape", [(), (4,), (2, 2), (2, 1, 2), (4, 1, 1, 1)])
def test_every_id_dtype_and_shape(dtype, shape):
    embed = Embedding(table("float32"))
    ids = np.array([1, 3, 1, 3] if shape else 3, dtype).reshape(shape)
    np.testing.assert_array_equal(embed.forward(ids), table()[ids.astype(int)])
    assert embed.forward(ids).shape == (*shape, 3)
    embed.backward(np.reshape(DOUT if shape else DOUT[0], (*shape, 3)))
    wanted = np.array(SUMMED if shape else [[0] * 3] * 3 + [[1] * 3] + [[0] * 3] * 3)
    np.testing.assert_array_equal(embed.grads[0], wanted)


@pytest.mark.parametrize("ids", [[], np.zeros((0, 2), np.int32)])
@pytest.mark.parametrize("sparse", [False, True])
def test_no_ids(ids, sparse):
    embed = Embedding(table("float32"), sparse=sparse)
    out = embed.forward(ids)
    assert out.shape == (*np.shape(ids), 3)
    embed.backward(out)
    assert (len(embed.grads[0].rows) if sparse else embed.grads[0].sum()) == 0


def test_the_output_is_a_copy():
    W = table("float32")
    Embedding(W).forward(1)[:] = -1
    np.testing.assert_array_equal(W, table())


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda W: np.repeat(W, 2, 1)[:, ::2]])
def test_tables_and_gradients_of_any_layout(layout):
    embed = Embedding(layout(table("float32")))
    np.testing.assert_array_equal(embed.forward([1])[0], [3, 4, 5])
    embed.forward([1, 3, 1, 3])
    embed.backward(np.asfortranarray(np.array(DOUT, np.float32)))
    np.testing.assert_array_equal(embed.grads[0], SUMMED)


class TestRowGrad:
    def test_the_read_rows_alone_sorted_and_summed(self):
        embed = Embedding(table("float64"), sparse=True)
        grads = embed.grads
        embed.forward([[3, 1], [3, 1]])
        embed.backward(np.reshape(DOUT, (2, 2, 3)))
        assert embed.grads is grads
        assert isinstance(grads[0], RowGrad)
        np.testing.assert_array_equal(grads[0].rows, [1, 3])
        np.testing.assert_array_equal(grads[0].values, [[6, 6, 6], [4, 4, 4]])

    def test_equals_the_dense_gradient(self):
        random = np.random.default_rng(2)
        W, ids = random.standard_normal((50, 5)), random.integers(0, 50, 200)
        dout = random.standard_normal((200, 5))
        dense, sparse = Embedding(W, padding_idx=7), Embedding(W, sparse=True, padding_idx=7)
        for embed in (dense, sparse):
            embed.forward(ids)
            embed.backward(dout)
        grad = sparse.grads[0]
        np.testing.assert_allclose(grad.to_dense(), dense.grads[0], rtol=1e-14, atol=1e-14)
        np.testing.assert_array_equal(grad.rows, np.setdiff1d(ids, [7]))

    @pytest.mark.parametrize("size", [7, 5000])
    @pytest.mark.parametrize("ids", [[3, 6, 3], [3, 1, 6, 1, 3], [1], [1, 1]])
    @pytest.mark.parametrize("padding_idx", [None, 1])
    def test_of_few_ids_in_small_and_large_tables(self, size, ids, padding_idx):
        """In the large one the ids are sorted, in the small one its rows are marked."""
        embed = Embedding(np.zeros((size, 2)), sparse=True, padding_idx=padding_idx)
        embed.forward(ids)
        dout = np.arange(2.0 * len(ids)).reshape(-1, 2) + 1
        embed.backward(dout)
        grad = embed.grads[0]
        assert grad.rows.tolist() == sorted(set(ids) - {padding_idx})
        for row, value in zip(grad.rows, grad.values, strict=True):
            np.testing.assert_array_equal(value, dout[np.array(ids) == row].sum(axis=0))

    def test_is_one_object_that_each_backward_fills(self):
        embed = Embedding(table("float32"), sparse=True)
        grad = embed.grads[0]
        embed.forward([1, 3, 1, 3])
        embed.backward(DOUT)
        values, kept = grad.values, copy.deepcopy(grad)
        np.testing.assert_array_equal(values, [[4, 4, 4], [6, 6, 6]])
        embed.backward(np.zeros((4, 3)))
        assert embed.grads[0] is grad
        assert not grad.values.any()
        np.testing.assert_array_equal(values, kept.values)

    def test_starts_without_rows(self):
        grad = Embedding(table("float32"), sparse=True).grads[0]
        assert grad.rows.shape == (0,)
        assert grad.values.shape == (0, 3)
        assert grad.dtype == np.float32
        assert grad.shape == (7, 3)


class TestPadding:
    @pytest.mark.parametrize("sparse", [False, True])
    def test_is_read_but_has_no_gradient(self, sparse):
        embed = Embedding(table("float32"), sparse=sparse, padding_idx=1)
        np.testing.assert_array_equal(embed.forward([1, 3, 1, 3])[0], [3, 4, 5])
        embed.backward(DOUT)
        if sparse:
            np.testing.assert_array_equal(embed.grads[0].rows, [3])
            np.testing.assert_array_equal(embed.grads[0].values, [[6, 6, 6]])
        else:
            np.testing.assert_array_equal(embed.grads[0][3], [6, 6, 6])
            assert embed.grads[0].sum() == 18

    @pytest.mark.parametrize("dtype", IDS)
    def test_among_ids_of_every_dtype(self, dtype):
        embed = Embedding(table("float32"), padding_idx=1)
        embed.forward(np.array([1, 3, 1, 3], dtype))
        embed.backward(DOUT)
        assert embed.idx.dtype == ("int32" if dtype == "int32" else "int64")
        assert embed.grads[0].sum() == 18

    def test_from_the_end_as_in_torch(self):
        embed = Embedding(table("float32"), padding_idx=-1)
        assert embed.padding_idx == 6
        embed.forward([6, 3])
        embed.backward(np.ones((2, 3)))
        assert embed.grads[0].sum() == 3
        with pytest.raises(IndexError, match="id -8 is outside"):
            Embedding(table(), padding_idx=-8)
        with pytest.raises(TypeError, match="ids must be integers, not float64"):
            Embedding(table(), padding_idx=1.5)

    def test_outside_the_table(self):
        with pytest.raises(IndexError, match="id 7 is outside the table of 7 rows"):
            Embedding(table(), padding_idx=7)


def test_long_rows_are_shortened_in_the_table_when_they_are_read():
    W = np.array([[3.0, 4], [0.3, 0.4], [6, 8]])
    out = Embedding(W, max_norm=1).forward([0, 1, 0])
    np.testing.assert_allclose(out, [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-6)
    np.testing.assert_array_equal(W, [out[0], [0.3, 0.4], [6, 8]])
    with pytest.raises(TypeError, match="W is int64"):
        Embedding(table(), max_norm=1)
    with pytest.raises(EmbedlayerError, match="max_norm"):
        Embedding(W, max_norm=-1)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_gradient_divided_by_the_number_of_readings(sparse):
    embed = Embedding(np.ones((4, 1)), sparse=sparse, padding_idx=0, scale_grad_by_freq=True)
    embed.forward([1, 3, 1, 0])
    embed.backward([[1.0], [2], [4], [8]])
    grad = embed.grads[0].to_dense() if sparse else embed.grads[0]
    assert grad.tolist() == [[0], [2.5], [0], [2]]


@pytest.mark.parametrize("sparse", [False, True])
def test_many_gradients_of_a_float16_row(sparse):
    """Added up in float16 they would be 2,048."""
    embed = Embedding(np.ones((4, 1), np.float16), sparse=sparse)
    embed.forward(np.ones(5000, int))
    embed.backward(np.ones((5000, 1)))
    assert (embed.grads[0].to_dense() if sparse else embed.grads[0])[1, 0] == 5000


class TestMistakes:
    @pytest.mark.parametrize(
        ("ids", "message"),
        [
            (7, r"^id 7 is outside the table of 7 rows: ids go from 0 to 6$"),
            ([1, 9, 8], r"^id 9 at index 1 is outside the table of 7 rows"),
            ([[0, 1], [2, 7]], r"^id 7 at index \(1, 1\) is outside"),
            ([3, -1], r"^id -1 at index 1 .*; negative ids do not count from the end$"),
            (np.array([2**64 - 1], np.uint64), r"^id 18446744073709551615 at index 0 is outside"),
            (np.array([200], np.uint8), r"^id 200 at index 0 is outside"),
            ([2**63], r"^id 9223372036854775808 at index 0 is outside"),
            (np.array([-1], np.int8), r"^id -1 at index 0 is outside"),
            (np.array([0, -(2**31)], np.int32), r"^id -2147483648 at index 1 is outside"),
            (np.array([2**31 - 1], np.int32), r"^id 2147483647 at index 0 is outside"),
        ],
    )
    def test_ids_outside_the_table(self, ids, message):
        embed = Embedding(table())
        with pytest.raises(IndexError, match=message):
            embed.forward(ids)

    def test_a_negative_id_of_a_dtype_smaller_than_the_table(self):
        with pytest.raises(IndexError, match="id -1 at index 0 is outside the table of 300 rows"):
            Embedding(np.zeros((300, 1))).forward(np.array([-1], np.int8))

    def test_the_last_id_is_inside_a_table_larger_than_its_dtype(self):
        W = np.arange(300.0).reshape(300, 1)
        assert Embedding(W).forward(np.array([255], np.uint8))[0, 0] == 255
        assert Embedding(W).forward(299)[0] == 299

    @pytest.mark.parametrize("ids", [1.0, [1.0, 2.0], True, [True, False], ["a"], [2**70], None])
    def test_ids_that_are_not_integers(self, ids):
        with pytest.raises(TypeError, match="ids must be integers, not"):
            Embedding(table()).forward(ids)

    def test_backward_first(self):
        with pytest.raises(EmbedlayerError, match=r"Embedding\.backward needs a forward"):
            Embedding(table()).backward(DOUT)

    @pytest.mark.parametrize("shape", [(4,), (3, 3), (4, 2), (1, 3), (2, 2, 3), ()])
    def test_dout_of_another_shape(self, shape):
        embed = Embedding(table("float32"))
        embed.forward([1, 3, 1, 3])
        with pytest.raises(EmbedlayerError, match=r"dout has shape .*: give \(4, 3\)"):
            embed.backward(np.ones(shape))

    def test_float_gradient_of_an_integer_table(self):
        embed = Embedding(table())
        embed.forward([1, 3, 1, 3])
        with pytest.raises(TypeError, match="dout is float64, which int64 parameters cannot keep"):
            embed.backward(np.array(DOUT) + 0.5)

    def test_complex_gradient(self):
        embed = Embedding(table("float64"))
        embed.forward([1])
        with pytest.raises(TypeError, match="dout is complex128"):
            embed.backward(np.ones((1, 3), complex))

    @pytest.mark.parametrize(
        "W",
        [[[1.0]], table()[0], table()[None], table("complex64"), table() > 0, table(">f4")],
        ids=["list", "1-D", "3-D", "complex", "bool", "big-endian"],
    )
    def test_what_is_no_table(self, W):
        with pytest.raises(TypeError, match=r"W is .*: give"):
            Embedding(W)


class TestEmbeddingDot:
    W = np.arange(12.0).reshape(4, 3)
    h = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]])

    def test_one_row_a_hidden_vector(self):
        layer = EmbeddingDot(self.W)
        np.testing.assert_array_equal(layer.forward(self.h, [3, 1]), [9 + 22, 1.5 + 4])
        dh = layer.backward([2.0, -1.0])
        np.testing.assert_array_equal(dh, [[18, 20, 22], [-3, -4, -5]])
        np.testing.assert_array_equal(layer.grads[0][3], [2, 0, 4])
        np.testing.assert_array_equal(layer.grads[0][1], [-0.5, -1, 0])
        assert np.abs(layer.grads[0][[0, 2]]).sum() == 0

    def test_the_same_row_for_two_hidden_vectors_accumulates(self):
        layer = EmbeddingDot(self.W)
        layer.forward(self.h, [2, 2])
        layer.backward([1.0, 1.0])
        np.testing.assert_array_equal(layer.grads[0][2], self.h.sum(axis=0))

    @pytest.mark.parametrize("sparse", [False, True])
    def test_no_row(self, sparse):
        layer = EmbeddingDot(self.W, sparse=sparse)
        np.testing.assert_array_equal(layer.forward(self.h, [[3, -1], [-1, -1]]), [[31, 0], [0, 0]])
        dh = layer.backward([[1.0, 5.0], [5.0, 5.0]])
        np.testing.assert_array_equal(dh, [[9, 10, 11], [0, 0, 0]])
        if sparse:
            np.testing.assert_array_equal(layer.grads[0].rows, [3])
            np.testing.assert_array_equal(layer.grads[0].values, [[1, 0, 2]])
        else:
            np.testing.assert_array_equal(layer.grads[0], [[0] * 3] * 3 + [[1, 0, 2]])

    @pytest.mark.parametrize("sparse", [False, True])
    def test_by_pieces_as_at_once(self, sparse, monkeypatch):
        random = np.random.default_rng(7)
        W, h = random.standard_normal((9, 3)), random.standard_normal((7, 3))
        idx, dout = random.integers(-1, 9, (7, 4)), random.standard_normal((7, 4))
        gradients = []
        for cached in (1 << 20, 200, 1):
            monkeypatch.setattr(Host, "piece_bytes", cached)
            layer = EmbeddingDot(W, sparse=sparse)
            layer.forward(h, idx)
            layer.backward(dout)
            gradients.append(layer.grads[0].to_dense() if sparse else layer.grads[0])
        for gradient in gradients[1:]:
            np.testing.assert_array_equal(gradient, gradients[0])

    @pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
    def test_ids_below_no_row(self, dtype):
        layer = EmbeddingDot(self.W)
        assert layer.forward(self.h, np.array([3, -1], dtype))[1] == 0
        for wrong in (-2, 4, np.iinfo(dtype).max, np.iinfo(dtype).min):
            with pytest.raises(IndexError, match=f"id {wrong} at index 1 .*go from -1 to 3"):
                layer.forward(self.h, np.array([0, wrong], dtype))

    def test_no_hidden_vectors(self):
        layer = EmbeddingDot(self.W)
        assert layer.forward(np.zeros((0, 3)), np.zeros((0, 6), int)).shape == (0, 6)
        assert layer.backward(np.zeros((0, 6))).shape == (0, 3)
        assert not layer.grads[0].any()

    def test_mistakes(self):
        layer = EmbeddingDot(self.W)
        with pytest.raises(EmbedlayerError, match=r"EmbeddingDot\.backward needs a forward"):
            layer.backward([1.0])
        with pytest.raises(IndexError, match=r"id -2 at index 1 .*ids go from -1 to 3"):
            layer.forward(self.h, [0, -2])
        with pytest.raises(EmbedlayerError, match=r"h has shape \(2, 2\): give \(any, 3\)"):
            layer.forward(self.h[:, :2], [0, 1])
        with pytest.raises(EmbedlayerError, match=r"idx has shape \(3,\): give \(2,\) or \(2, R\)"):
            layer.forward(self.h, [0, 1, 2])
        with pytest.raises(EmbedlayerError, match=r"idx has shape \(\)"):
            layer.forward(self.h, 1)
        layer.forward(self.h, [0, 1])
        with pytest.raises(EmbedlayerError, match=r"dout has shape \(2, 1\): give \(2,\)"):
            layer.backward([[1.0], [1.0]])
        with pytest.raises(TypeError, match="W is int64"):
            EmbeddingDot(np.arange(4).reshape(2, 2))
