"""The memory plan: what it says is what is allocated, and too little is told before it is taken."""

import json
import re
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from command import mistake, run
from planted import planted_sentences

from embedlayer.backend import get_device, to_numpy
from embedlayer.device import DEVICES, MAPPED, RESIDENT, STREAMED, Cuda, Host
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import load_kernels
from embedlayer.models.options import CBOW, SkipGram
from embedlayer.models.outputs import LOSSES
from embedlayer.models.tables import start_tables
from embedlayer.text.corpus import Corpus
from embedlayer.training.chunks import reach_of
from embedlayer.training.examples import Examples
from embedlayer.training.plan import TextSizes, plan_memory
from embedlayer.training.run import Training
from embedlayer.training.train import train

MODELS = [SkipGram(sample=0.0), CBOW(sample=0.0, negative=20, window=10)]


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_sentences(planted_sentences(3000), min_count=1)


def plan_of(corpus, model, **options):
    reach = reach_of(model.window, corpus)
    sizes = TextSizes(len(corpus.vocabulary), len(corpus.ids), len(corpus), reach)
    return plan_memory(model, sizes, **{"chunk_tokens": len(corpus.ids), **options})


@pytest.mark.parametrize("loss", LOSSES)
def test_tables_and_corpus_are_what_the_plan_says(corpus, xp, loss):
    model = SkipGram(dim=20, loss=loss)
    plan = plan_of(corpus, model)
    W_in, W_out = map(to_numpy, start_tables(model, len(corpus.vocabulary), 1, get_device()))
    assert (plan.W_in, plan.W_out) == (W_in.nbytes, W_out.nbytes)
    assert plan.corpus == corpus.ids.nbytes + corpus.offsets.nbytes
    options = {"chunk_tokens": 10**9, "measure": 16}
    examples = Examples(
        corpus, model, 1, load_kernels(xp.__name__, "fused"), get_device(), **options
    )
    own = vars(examples.outputs).values()
    held = sum(array.nbytes for array in own if hasattr(array, "nbytes")) + examples.keep.nbytes
    assert held <= plan.sampling + 100
    assert plan.sampling < 4 * held  # the deepest tree is a guess from above


@pytest.mark.parametrize("where", ["numpy", "double", "double, streamed"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_chunk_takes_no_more_than_the_plan_says(corpus, model, where, request):
    """NumPy tells tracemalloc of its memory, the double's included."""
    if where != "numpy":
        request.getfixturevalue("on_double")
    device = DEVICES["numpy" if where == "numpy" else "cupy"]
    kernels, place = load_kernels(device.name, "fused"), STREAMED if "streamed" in where else ""
    options = {"chunk_tokens": 10**9, "measure": 16, "place": place}
    examples = Examples(corpus, model, 1, kernels, device, **options)
    examples.batch(0, 0)  # compiles
    tracemalloc.start()
    try:
        examples.batch(0, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.75 < peak / plan_of(corpus, model).workspace <= 1


@pytest.mark.parametrize("how", [{"kernels": "reference"}, {"step": "layered"}])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", [SkipGram, CBOW])
def test_readable_steps_take_no_more_than_the_plan_says(corpus, model, loss, how):
    options = {"epochs": 1, "workers": 1, "backend": "numpy", "batch": 500, **how}
    training = Training(corpus, model(dim=64, loss=loss, sample=0.0), lr=1e-3, **options)
    tracemalloc.start()
    try:
        training.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.02 < peak / (training.plan.workspace + training.plan.sampling + 4_000_000) <= 1


def test_the_corpus_is_resident_if_it_fits_and_else_streamed(corpus, monkeypatch):
    plan = plan_of(corpus, SkipGram(), chunk_tokens=100)
    assert plan.corpus_is == MAPPED
    needed = plan.allocated
    for free, place, taken in (
        (needed + plan.corpus, RESIDENT, needed + plan.corpus),
        (needed + plan.corpus - 1, STREAMED, needed),
        (needed, STREAMED, needed),
    ):
        monkeypatch.setattr(Cuda, "room_bytes", lambda self, free=free: free)
        placed = plan.placed(DEVICES["cupy"])
        assert (placed.corpus_is, placed.allocated) == (place, taken)
    monkeypatch.setattr(Cuda, "room_bytes", lambda self: needed - 1)
    with pytest.raises(EmbedlayerError, match=r"training needs 0\.1 MB of memory, and cupy has 0"):
        plan.placed(DEVICES["cupy"])


def test_chunks_under_way_and_scratch_are_counted(corpus):
    one, two = (plan_of(corpus, SkipGram(), chunks=chunks).workspace for chunks in (1, 2))
    assert two == 2 * one
    assert plan_of(corpus, SkipGram(), scratch=1000).workspace == one + 1000


def test_too_little_memory_is_told_with_the_numbers_before_any_is_taken(
    corpus, on_double, monkeypatch
):
    monkeypatch.setattr(on_double.cuda.runtime, "memGetInfo", lambda: (2_000_000, 9_000_000))
    for name in ("zeros", "empty", "asarray"):
        monkeypatch.setattr(on_double, name, None)
    with pytest.raises(EmbedlayerError) as caught:
        Training(corpus, SkipGram(dim=10_000), backend="cupy")
    assert str(caught.value) == (
        "training needs 4.7 MB of memory, and cupy has 2.0 MB (W_in 1.9 MB, W_out 1.9 MB, "
        "sampling 0.0 MB, corpus 0.2 MB streamed to the device, workspace 0.8 MB): lower dim, "
        "window or negative, or the words of the vocabulary (min_count, max_size)"
    )


@pytest.mark.usefixtures("on_double")
def test_what_the_pool_keeps_for_reuse_is_free(corpus, on_double, monkeypatch):
    monkeypatch.setattr(on_double.cuda.runtime, "memGetInfo", lambda: (1000, 9_000_000))
    pool = on_double.get_default_memory_pool()
    pool.free_bytes = lambda: 10**9
    monkeypatch.setattr(on_double, "get_default_memory_pool", lambda: pool)
    assert Training(corpus, SkipGram(dim=10), backend="cupy").plan.corpus_is == RESIDENT


def test_the_command_line_tells_the_plan(tmp_path, xp, monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_BACKEND", xp.__name__)
    (tmp_path / "text.txt").write_text("\n".join(map(" ".join, planted_sentences(50))))
    small = ("--dim", 16, "--min-count", 1, "--epochs", 1)
    result = run("train", tmp_path / "text.txt", "-o", tmp_path / "out.vec", *small)
    place = MAPPED if xp is np else RESIDENT
    (line,) = [line for line in result.stderr.splitlines() if "memory: " in line]
    assert line == (
        "48 words; memory: W_in 0.0 MB, W_out 0.0 MB, sampling 0.0 MB, "
        f"corpus 0.0 MB {place}, workspace 0.0 MB"
    )
    shown = dict(line.split(maxsplit=1) for line in run("doctor").stdout.splitlines())
    tables = "of 100,000 words and 100,000,000 tokens: W_in 44.8 MB, W_out 44.8 MB, sampling 1.2 MB"
    assert shown["memory"].startswith(f"{tables}, corpus 432.0 MB {place}, workspace ")
    assert "; there is room for " in shown["memory"]
    found = json.loads(run("doctor", "--json").stdout)
    assert found["memory"]["words"] == 100_000
    assert len(found["devices"]) == (xp is not np)


@pytest.mark.usefixtures("on_double")
def test_the_command_line_ends_with_2_when_a_device_is_too_small(tmp_path, on_double, monkeypatch):
    (tmp_path / "text.txt").write_text("a b c\n" * 100)
    command = ("train", tmp_path / "text.txt", "-o", tmp_path / "out.vec", "--backend", "cupy")
    monkeypatch.setattr(on_double.cuda.runtime, "memGetInfo", lambda: (60_000, 9_000_000))
    line = mistake(*command, "--dim", 100_000, "--quiet")
    numbers = "training needs 8.8 MB of memory, and cupy has 0.1 MB (W_in 1.2 MB, W_out 1.2"
    assert line.startswith(numbers)


def test_a_window_larger_than_any_sentence_costs_nothing(corpus):
    """Baskets of items are trained with a window that takes them whole."""
    longest = int(np.diff(corpus.offsets).max())
    plans = [
        Training(corpus, SkipGram(window=window), workers=1).plan for window in (longest - 1, 2**20)
    ]
    assert plans[0] == plans[1]
    made = [
        Examples(corpus, SkipGram(window=window, sample=0.0), 1, load_kernels("numpy", "fused"),
                 DEVICES["numpy"], chunk_tokens=10**9, measure=1).batch(0, 0)[0]
        for window in (longest, 2**20)
    ]  # fmt: skip
    assert len(made[1].contexts) > len(made[0].contexts)  # nearly all sentences whole
    whole = int(sum(n * (n - 1) for n in np.diff(corpus.offsets).tolist()))
    assert 0.999 * whole < len(made[1].contexts) <= whole


def test_an_optimizers_arrays_are_planned(corpus):
    options = {"workers": 1, "step": "layered", "lr": 0.01}
    plans = [
        Training(corpus, SkipGram(dim=16), optimizer=one, **options).plan for one in ("sgd", "adam")
    ]
    tables = plans[0].W_in + plans[0].W_out
    assert [plan.optimizer for plan in plans] == [0, 2 * tables]
    assert [plan.state for plan in plans] == [tables, 3 * tables]
    assert plans[1].allocated - plans[0].allocated == 2 * tables
    assert str(plans[1]).endswith(f", optimizer {2 * tables / 1e6:,.1f} MB")


def test_a_disk_without_room_for_three_states_is_told_before_training(
    corpus, tmp_path, monkeypatch
):
    """Two are kept while the next is written; of those that are there already none is asked for."""
    model, options = SkipGram(dim=16), {"workers": 1, "epochs": 2, "checkpoint": tmp_path}
    size = Training(corpus, model, workers=1).plan.state
    free = 3 * size - 1
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(
        EmbedlayerError, match=r"take 0\.0 MB more .* its disk has 0\.0 MB free: free"
    ):
        Training(corpus, model, **options)
    free = 3 * size
    Training(corpus, model, **options).run(until=1)
    free = 2 * size
    Training.resume(tmp_path, corpus)
    free = size
    with pytest.raises(EmbedlayerError, match="name a folder on another disk, or lower dim"):
        Training.resume(tmp_path, corpus)


def test_the_largest_vocabulary_is_held_against_memory_before_the_text_is_read(
    tmp_path, monkeypatch
):
    (tmp_path / "text.txt").write_text("a b c\n" * 100)
    monkeypatch.setattr(Host, "room_bytes", lambda self: 64_000_000)
    options = {"min_count": 1, "max_size": 1_000_000}
    told = (
        "the tables of 1,000,000 words need 128.0 MB of memory, and numpy has 64.0 MB: lower "
        "max_size (--max-vocab) to 500,000 words, or dim"
    )
    with monkeypatch.context() as unread:
        unread.setattr(Corpus, "from_files", None)
        with pytest.raises(EmbedlayerError, match=re.escape(told)):
            train(tmp_path / "text.txt", SkipGram(dim=16), **options)
        command = ("train", tmp_path / "text.txt", "-o", tmp_path / "v.vec", "--max-vocab", 10**6)
        unread.setattr("embedlayer.cli.run.warm_up", lambda *_, **__: 0.0)
        assert mistake(*command, "--dim", 16, "--backend", "numpy", "--quiet") == told
    train(tmp_path / "text.txt", SkipGram(dim=16), **options | {"max_size": 500_000})


@pytest.mark.parametrize(
    ("limit", "room"), [("max\n", 300), ("200\n", 200), ("999", 300), (None, 300)]
)
def test_there_is_no_more_room_than_is_free_and_a_container_may_have(
    tmp_path, monkeypatch, limit, room
):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=200))
    monkeypatch.setattr("psutil.swap_memory", lambda: SimpleNamespace(free=100))
    monkeypatch.setattr(
        "embedlayer.device.host.GROUP_LIMITS", (tmp_path / "absent", tmp_path / "max")
    )
    if limit is not None:
        (tmp_path / "max").write_text(limit)
    assert Host().room_bytes() == room


def test_a_cache_without_room_is_told_before_the_text_is_read(tmp_path, monkeypatch, caplog):
    (tmp_path / "text.txt").write_text("a b c\n" * 1000)
    for free, told in ((8_399, 1), (8_400, 0)):
        monkeypatch.setattr("shutil.disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        monkeypatch.setenv("EMBEDLAYER_CACHE", str(tmp_path / str(free)))
        caplog.clear()
        Corpus.from_files(tmp_path / "text.txt", min_count=1)
        found = [record.message.partition(", and")[0] for record in caplog.records]
        assert found == told * ["a text of 0.0 MB takes about 0.0 MB while it is encoded"]
