"""After the warm-up nothing is left to compile, and nothing is left behind."""

import subprocess
import sys
import tempfile
from itertools import cycle

import pytest
from planted import planted_sentences

from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import CBOW, MODELS, SkipGram
from embedlayer.models.outputs import LOSSES
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training
from embedlayer.training.warmup import warm_up, when_compiling


@pytest.fixture(autouse=True)
def on_numpy(monkeypatch):
    monkeypatch.setenv("EMBEDLAYER_BACKEND", "numpy")


def test_a_listener_hears_of_compiling_once():
    from numba import njit

    heard = []
    with when_compiling(lambda: heard.append("compiling")):
        njit(lambda x: x + 1)(1)
        njit(lambda x: x + 2)(1)
    njit(lambda x: x + 3)(1)
    assert heard == ["compiling"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS.values())
def test_all_that_training_calls_is_compiled_before(tmp_path, model, loss):
    assert warm_up(model(loss=loss), lambda: None) > 0
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(200))))
    late = []
    with when_compiling(lambda: late.append("compiling")):
        for again in range(2):
            corpus = Corpus.from_files(path)
            assert corpus.from_cache == bool(again)
            Training(corpus, model(loss=loss), epochs=1).run()
        few = Corpus.from_sentences([["a", "b"]] * 9)
        Training(few, model(loss=loss, sample=0), epochs=1).run()
    assert late == []


LATE = """
import sys
from numba.core.dispatcher import Dispatcher
from embedlayer.models.options import MODELS
from embedlayer.models.outputs import LOSSES
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training
from embedlayer.training.warmup import warm_up

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("embedlayer")]
    found = [value for module in modules for value in vars(module).values()]
    return {(f.__qualname__, s) for f in found if isinstance(f, Dispatcher) for s in f.overloads}

path, model, loss = sys.argv[1:]
model = MODELS[model](loss=loss)
warm_up(model, lambda: None, watch=True, held_out=0.01)
before = compiled()
options = {"epochs": 1, "workers": 2, "held_out": 0.2, "watch": 3}
Training(Corpus.from_files(path), model, **options).run()
print(len(before), *sorted(name for name, signature in compiled() - before))
"""


@pytest.mark.parametrize(("model", "loss"), list(zip(cycle(MODELS), LOSSES)))
def test_nothing_is_compiled_or_loaded_after_it(tmp_path, model, loss):
    """In a process of its own: in this one, other tests have compiled what it might forget."""
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, planted_sentences(200))))
    command = [sys.executable, "-P", "-c", LATE, str(path), model, loss]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    known, *late = ran.stdout.split()
    assert int(known) > 5
    assert late == []


def test_it_trains_whatever_is_subsampled(monkeypatch):
    steps = []

    def step(tables, batch, lr, mode, **local):
        steps.append(batch.windows)
        tables.W_out[:] = 1  # something is learnt
        return 0.0, 0

    monkeypatch.setattr("embedlayer.kernels.cpu.step.sgd_step", step)
    warm_up(CBOW(sample=1e-9), lambda: None)
    assert sum(steps) > 0


def test_it_finds_a_mistake_in_the_options_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    warm_up(SkipGram(), lambda: None, epochs=10**6, workers=4096, step="layered")
    with pytest.raises(EmbedlayerError, match="lr 0"):
        warm_up(SkipGram(), lambda: None, lr=0.0)
    assert list(tmp_path.iterdir()) == []
