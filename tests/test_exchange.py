"""Arrays of other libraries come in on the same memory; vectors go out to torch and pandas."""

import sys

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer import Embedding, EmbeddingBag, EmbeddingDot, Vectors
from embedlayer.backend import asarray, shared, to_numpy
from embedlayer.errors import BackendError, EmbedlayerError, MissingLibraryError
from embedlayer.layers import Affine, MatMul
from embedlayer.optim import SGD

WORDS = ["tea", "cup", "car"]
MATRIX = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
IDS, OFFSETS = [2, 0, 2, 1], [0, 3, 3]


class Foreign:
    """An array of a library that offers some of an array's interfaces alone."""

    def __init__(self, array, *names, kind=None):
        self.array, self.names, self.kind = array, names, kind

    def __getattr__(self, name):
        if name not in self.names:
            raise AttributeError(name)
        if name == "__dlpack_device__" and self.kind is not None:
            return lambda: (self.kind, 0)
        return getattr(self.array, name)

    def __dlpack__(self, **options):  # looked up on the class
        return self.array.__dlpack__(**options)


DLPACK = ("__dlpack_device__",)


@pytest.fixture
def torch():
    return import_or_skip("torch")


@pytest.fixture
def vectors() -> Vectors:
    return Vectors(WORDS, MATRIX.copy(), [3, 2, 1])


def test_a_tensor_is_a_matrix_of_vectors(torch):
    for dtype in (torch.float32, torch.float64, torch.float16, torch.int64):
        tensor = torch.tensor(MATRIX).to(dtype)
        np.testing.assert_array_equal(Vectors(WORDS, tensor).matrix, MATRIX)
    weight = torch.nn.Parameter(torch.tensor(MATRIX))
    vectors = Vectors(WORDS, weight, counts=torch.tensor([3, 2, 1]))
    assert np.shares_memory(vectors.matrix, weight.detach().numpy())
    assert vectors.counts.tolist() == [3, 2, 1]
    assert vectors.nearest(torch.tensor([1.0, 2.0]), 1)[0][0] == "tea"


def test_dlpack_comes_in_on_the_same_memory():
    found = shared(Foreign(MATRIX, *DLPACK))
    assert isinstance(found, np.ndarray)
    assert np.shares_memory(found, MATRIX)
    np.testing.assert_array_equal(Vectors(WORDS, Foreign(MATRIX, *DLPACK)).matrix, MATRIX)
    assert shared(MATRIX) is MATRIX
    assert shared(WORDS) is WORDS
    np.testing.assert_array_equal(asarray(Foreign(MATRIX, *DLPACK), np.float64), MATRIX)


def test_what_cannot_be_shared_is_told(torch, monkeypatch):
    with pytest.raises(EmbedlayerError, match=r"a Tensor that cannot be shared .*float32 first"):
        Vectors(WORDS, torch.tensor(MATRIX, dtype=torch.bfloat16))
    with pytest.raises(EmbedlayerError, match="device of DLPack's kind 8: move it to the host"):
        to_numpy(Foreign(MATRIX, *DLPACK, kind=8))
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match="'cupy'"):
        to_numpy(Foreign(MATRIX, *DLPACK, kind=2))


def test_layers_train_the_memory_of_a_tensor(torch):
    tensor = torch.tensor(MATRIX, requires_grad=True)
    embed = Embedding(tensor)
    out = embed.forward(torch.tensor(IDS))
    np.testing.assert_array_equal(out, MATRIX[IDS])
    embed.backward(torch.ones(4, 2))
    SGD(lr=1).update(embed.params, embed.grads)
    assert tensor.tolist() == [[0, 1], [2, 3], [3, 4]]
    assert EmbeddingBag(tensor).forward(torch.tensor([[0, 1]])).tolist() == [[1, 2]]
    assert EmbeddingDot(tensor).forward(torch.ones(1, 2), torch.tensor([2])).tolist() == [7]
    assert MatMul(tensor).forward(torch.ones(1, 3)).tolist() == [[5, 8]]
    assert Affine(tensor, torch.ones(2)).forward(torch.ones(1, 3)).tolist() == [[6, 9]]


@pytest.mark.parametrize("names", [("__cuda_array_interface__",), DLPACK], ids=["cuda", "dlpack"])
def test_arrays_on_a_gpu_become_cupys_on_the_same_memory(cupy, names):
    table = cupy.asarray(MATRIX)
    found = shared(Foreign(table, *names))
    assert isinstance(found, cupy.ndarray)
    table[0, 0] = np.float32(9)
    np.testing.assert_array_equal(found.get(), table.get())
    np.testing.assert_array_equal(to_numpy(Foreign(table, *names)), table.get())
    embed = Embedding(Foreign(table, *names))
    np.testing.assert_array_equal(embed.forward([0]).get(), [[9, 2]])
    assert Vectors(WORDS, Foreign(table, *names))["tea"].tolist() == [9, 2]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_idx": 1},
        {"max_norm": 2.0},
        {"scale_grad_by_freq": True},
    ],
    ids=str,
)
def test_an_embedding_from_torch_is_the_same_layer_on_the_same_memory(torch, options):
    module = torch.nn.Embedding(3, 2, **options)
    embed = Embedding.from_torch(module)
    assert np.shares_memory(embed.params[0], module.weight.detach().numpy())
    out = module(torch.tensor(IDS))
    np.testing.assert_allclose(embed.forward(IDS), out.detach(), rtol=1e-6)
    dout = np.arange(8, dtype=np.float32).reshape(4, 2)
    out.backward(torch.tensor(dout))
    embed.backward(dout)
    np.testing.assert_allclose(embed.grads[0], module.weight.grad, rtol=1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("include_last_offset", [False, True])
def test_a_bag_from_torch_is_the_same_layer(torch, mode, include_last_offset):
    module = torch.nn.EmbeddingBag(
        3, 2, mode=mode, padding_idx=1, include_last_offset=include_last_offset
    )
    bag = EmbeddingBag.from_torch(module)
    offsets = OFFSETS + [4] * include_last_offset
    wanted = module(torch.tensor(IDS), torch.tensor(offsets)).detach()
    np.testing.assert_allclose(bag.forward(IDS, offsets), wanted, rtol=1e-6)
    assert (bag.mode, bag.padding_idx) == (mode, 1)


def test_sparse_comes_from_torch(torch):
    embed = Embedding.from_torch(torch.nn.Embedding(3, 2, sparse=True))
    embed.forward([2])
    embed.backward([[1, 1]])
    assert embed.grads[0].rows.tolist() == [2]


def test_other_modules_are_refused(torch):
    with pytest.raises(EmbedlayerError, match=r"takes a torch.nn.Embedding, not a EmbeddingBag"):
        Embedding.from_torch(torch.nn.EmbeddingBag(3, 2))
    with pytest.raises(EmbedlayerError, match=r"takes a torch.nn.EmbeddingBag, not a ndarray"):
        EmbeddingBag.from_torch(MATRIX)
    with pytest.raises(EmbedlayerError, match="norm_type is 1"):
        Embedding.from_torch(torch.nn.Embedding(3, 2, max_norm=1.0, norm_type=1.0))


def test_a_frozen_module_has_the_memory_of_the_vectors(torch, vectors):
    module = vectors.to_torch()
    assert isinstance(module, torch.nn.Embedding)
    assert np.shares_memory(module.weight.numpy(), vectors.matrix)
    assert not module.weight.requires_grad
    assert module(torch.tensor([2, 0])).tolist() == [[5, 6], [1, 2]]


def test_a_module_to_train_has_its_own(torch, vectors):
    module = vectors.to_torch(freeze=False)
    assert module.weight.requires_grad
    with torch.no_grad():
        module.weight += 1
    np.testing.assert_array_equal(vectors.matrix, MATRIX)


def test_the_padding_row_is_behind_the_words_and_stays_zero(torch, vectors):
    module = vectors.to_torch(freeze=False, padding=True)
    assert (module.padding_idx, [*module.weight.shape]) == (3, [4, 2])
    module(torch.tensor([3, 1])).sum().backward()
    assert module.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]
    assert module(torch.tensor([3, 1])).tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize(("mode", "wanted"), [("sum", [4, 6]), ("mean", [2, 3]), ("max", [3, 4])])
def test_a_bag_goes_to_torch(torch, vectors, mode, wanted):
    module = vectors.to_torch(bag=mode, padding=True)
    assert isinstance(module, torch.nn.EmbeddingBag)
    assert module(torch.tensor([[0, 1, 3]])).tolist() == [wanted]  # padding counts for nothing


def test_options_of_a_module_are_checked(vectors):
    with pytest.raises(EmbedlayerError, match="bag 'median': choose sum or mean or max"):
        vectors.to_torch(bag="median")
    with pytest.raises(EmbedlayerError, match="padding is 3: it must be True or False"):
        vectors.to_torch(padding=3)


def test_the_matrix_goes_out_by_dlpack(torch, vectors):
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("NumPy 2.0 exports no array that is read-only, as the matrix is")
    tensor = torch.from_dlpack(vectors.matrix)
    assert np.shares_memory(tensor.numpy(), vectors.matrix)


def test_a_frame_has_the_words_as_its_index(vectors):
    import_or_skip("pandas")
    frame = vectors.to_pandas()
    assert frame.loc["cup"].tolist() == [3, 4]
    assert (frame.index.name, [*frame.index], frame.shape) == ("word", WORDS, (3, 2))
    assert {str(dtype) for dtype in frame.dtypes} == {"float32"}
    frame.loc["cup", 0] = 9  # a copy
    np.testing.assert_array_equal(vectors.matrix, MATRIX)


@pytest.mark.parametrize("library", ["torch", "pandas"])
def test_a_library_that_is_missing_is_named_with_its_extra(vectors, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibraryError, match=rf"pip install 'embedlayer\[{library}\]'"):
        getattr(vectors, f"to_{library}")()
