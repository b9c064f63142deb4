"""A backend is one Device, one set of kernels and one row: a made-up one trains and answers."""

import os
import platform
import subprocess
import sys
import textwrap
from types import ModuleType

import numpy as np
import pytest
from gpu.double.library import make_cupy
from planted import check_neighbours, planted_sentences

import embedlayer
from embedlayer import backend
from embedlayer.device import DEVICES, Device, Host
from embedlayer.device.host import HUGE_BYTES, HUGE_PAGE
from embedlayer.errors import BackendError
from embedlayer.kernels import check_contract, reference
from embedlayer.layers import Embedding
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.optim import SGD
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training


class Abacus(Device):
    """What a new backend brings: its names, whether it works, and three ways to move things."""

    name = "abacus"
    kernels = "abacus_kernels"

    def problem(self):
        return None if "abacus" in sys.modules else "there is no abacus on the table"

    def to_numpy(self, array):
        return array.get()

    def room_bytes(self):
        return 10**9


def abacus_kernels():
    """The kernels of the contract, and how a worker takes the step."""
    module = ModuleType("abacus_kernels")
    vars(module).update({name: getattr(reference, name) for name in reference.__dict__})
    module.__name__ = "abacus_kernels"

    class worker_step:  # a context manager by its methods
        def __init__(self, tables, share):
            assert share.workers == 1

        def __enter__(self):
            return lambda tables, batch, lr, mode: _by_window(tables, batch, lr, mode)

        def __exit__(self, *error):
            pass

    module.worker_step = worker_step
    module.worker_bytes = lambda shapes, width, share: 123
    return module


def _by_window(tables, batch, lr, mode):
    outcomes = [reference.sgd_step(tables, part, lr, mode) for part in batch.split(4)]
    return sum(loss for loss, _ in outcomes), sum(pairs for _, pairs in outcomes)


@pytest.fixture
def abacus(monkeypatch):
    library = make_cupy()
    monkeypatch.setitem(DEVICES, "abacus", Abacus())
    monkeypatch.setitem(sys.modules, "abacus", library)
    monkeypatch.setitem(sys.modules, "abacus_kernels", abacus_kernels())
    return library


@pytest.mark.parametrize("model", [SkipGram, CBOW])
def test_a_made_up_backend_trains_and_answers(abacus, model):
    check_contract(sys.modules["abacus_kernels"], reference)
    corpus = Corpus.from_sentences(planted_sentences(300), min_count=1)
    options = {"epochs": 3, "lr": 0.1, "workers": 3}
    training = Training(corpus, model(dim=16, window=3, sample=0.0), backend="abacus", **options)
    assert training.workers == 1
    assert training.plan.corpus_is == "on the device"
    assert isinstance(training.state.tables.W_in, abacus.ndarray)
    vectors = training.run()
    check_neighbours(vectors)
    assert vectors.metadata["backend"] == "abacus"
    with embedlayer.use_backend("abacus"):
        word = vectors.words[0]
        found = vectors.nearest(word, 3)
    with embedlayer.use_backend("numpy"):
        assert [w for w, _ in vectors.nearest(word, 3)] == [w for w, _ in found]


def test_layers_follow_its_arrays(abacus):
    W = abacus.asarray(np.arange(6.0).reshape(3, 2))
    layer = Embedding(W)
    out = layer.forward(abacus.asarray([1, 1]))
    layer.backward(abacus.ones_like(out))
    SGD(1.0).update(layer.params, layer.grads)
    assert backend.to_numpy(layer.params[0]).tolist() == [[0, 1], [0, 1], [4, 5]]
    with pytest.raises(TypeError, match="numpy and abacus arrays in one call"):
        backend.array_module(W, np.zeros(1))


def test_it_is_refused_with_its_own_reason(abacus, monkeypatch):
    monkeypatch.delitem(sys.modules, "abacus")
    with pytest.raises(BackendError, match="cannot work here: there is no abacus"):
        backend.get_backend("abacus")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (9_000,), (30, 700)])
def test_the_host_takes_rows_as_numpy_does_from_a_large_page_on(dtype, shape):
    random = np.random.default_rng(4)
    table = random.standard_normal((50, 131)).astype(dtype)
    ids = random.integers(0, 50, shape)
    found = Host().take(table, ids)
    np.testing.assert_array_equal(found, table[ids])
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert not np.shares_memory(found, table)
    if found.nbytes >= HUGE_BYTES:
        assert found.ctypes.data % HUGE_PAGE == 0
    transposed = Host().take(np.asfortranarray(table), ids)
    np.testing.assert_array_equal(transposed, found)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the thresholds are those of glibc")
def test_the_host_keeps_a_chunk_s_memory_for_the_next():
    count = """
        import resource
        import numpy as np
        from embedlayer.device import Host

        def faults(rounds):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(rounds):
                chunk = [np.zeros(400_000, np.float32) + 1 for _ in range(4)]
                del chunk
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

        faults(3)
        given_back = faults(20)
        Host().begin_thread(np.zeros((2, 2), np.float32))
        faults(3)
        print(given_back, faults(20))
    """
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}  # as in a worker of Dask
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(count)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    given_back, kept = map(int, done.stdout.split())
    assert given_back > 5_000  # or the test tells nothing
    assert kept < given_back / 20
