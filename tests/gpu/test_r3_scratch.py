"""R3: windows that shared memory cannot hold lie in scratch: the same results, counted bytes."""

from typing import Any

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, SKIPGRAM, Step

from embedlayer.errors import EmbedlayerError
from embedlayer.kernels import cuda
from embedlayer.kernels.arguments import Mode, Share
from embedlayer.models.options import SkipGram
from embedlayer.text.corpus import Corpus
from embedlayer.training.run import Training

from .cases import (
    device,
    in_scratch,
    on_device,
    one_by_one,
    require_equal_steps,
    schedule,
    step,
)
from .double.library import MEMORY
from .emulator.limits import SHARED
from .test_r3_emulator import SCHEDULES

ROWS = 8001  # of shared memory they would take 32 bytes each: 250 KiB, more than any device has


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Of each launch of a step: its kernel, and the scratch it was given."""
    found: list[tuple[str, Any]] = []
    launch = cuda.launch

    def note(name: str, threads: int, *arguments: Any, **options: Any) -> None:
        if name.startswith("sgd"):
            found.append((name, arguments[12]))
        launch(name, threads, *arguments, **options)

    monkeypatch.setattr(cuda, "launch", note)
    return found


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("D", [20, 33])
@pytest.mark.parametrize(("seed", "resident"), SCHEDULES[::2])
def test_windows_in_flight_have_scratch_of_their_own(
    seed: int, resident: int, D: int, mode: Mode, cupy: Any
) -> None:
    case = step(D, sizes=(5, 2, 9, 1, 40, 3, 4), apart=True)
    wanted = one_by_one(case, mode)
    with in_scratch(), schedule(seed=seed, resident=resident, in_flight=5):
        found = on_device(cupy, case, mode)
    require_equal_steps(found, wanted)


@pytest.mark.parametrize("capability", SHARED)
def test_scratch_begins_where_a_devices_shared_memory_ends(
    capability: int, cupy: Any, launched: list[tuple[str, Any]]
) -> None:
    D = 1056
    most = (SHARED[capability] // 4 - 8 - cuda.TILE * D) // (8 + 2 * D)
    with device(capability), schedule():
        for R in (most, most + 1):
            case = step(D, sizes=(2, 6), R=R)
            require_equal_steps(on_device(cupy, case, SKIPGRAM), one_by_one(case, SKIPGRAM))
    assert [name for name, _ in launched] == ["sgd_skipgram_wide", "sgd_skipgram_wide_scratch"]


@pytest.mark.parametrize("in_flight", [None, 3])
def test_the_plan_counts_the_scratch_that_is_allocated(
    in_flight: int | None, cupy: Any, launched: list[tuple[str, Any]]
) -> None:
    case = step(33, V=400, sizes=(1,) * 20, R=ROWS)
    moved = Step(*map(cupy.asarray, case))
    planned = cuda.worker_bytes((case.W_in.shape,) * 2, ROWS, Share(1, in_flight=in_flight))
    cuda.sgd_step(moved.tables, moved.batch, 0.1, SKIPGRAM, in_flight=in_flight)
    ((_, scratch),) = launched
    assert len(scratch) == (in_flight or 400 // 32)
    assert planned == scratch.size * scratch.itemsize
    assert cuda.worker_bytes(((400, 32),) * 2, 6, Share(1)) == 0


def test_scratch_takes_an_eighth_of_the_device_by_default(cupy: Any) -> None:
    words, window = 70_000, 4 * (8 * ROWS + 8 + (2 * ROWS + 4) * 112)  # 7.4 MB, from 128
    planned = cuda.worker_bytes(((words, 112),) * 2, ROWS, Share(1))
    assert planned // window == 18 < cuda.default_in_flight(words)
    assert 0.9 < planned / (MEMORY / 8) <= 1


@pytest.mark.parametrize(
    ("R", "in_flight", "message"),
    [
        (ROWS, 200, "8,001 output rows and 112 columns takes 7.4 MB .* 200 in flight take 1,485"),
        (2_000_000, None, "1 in flight take 1,856.0 MB; .* the device has 1,073.7 MB: lower neg"),
        (10_000_000, None, "takes 9,280.0 MB .* a window may take 8,589.9 MB"),
    ],
)
def test_what_the_device_cannot_hold_is_refused_with_the_numbers(
    R: int, in_flight: int | None, message: str, cupy: Any
) -> None:
    with pytest.raises(EmbedlayerError, match=message):
        cuda.worker_bytes(((70_000, 112),) * 2, R, Share(1, in_flight=in_flight))


def test_eight_thousand_negatives_train(cupy: Any, launched: list[tuple[str, Any]]) -> None:
    corpus = Corpus.from_sentences([["a", "b", "c", "d", "a", "c"]], min_count=1)
    model = SkipGram(dim=8, window=2, sample=0.0, negative=8000)
    options: dict[str, Any] = {"epochs": 2, "lr": 1e-4, "measure": 1, "workers": 1}
    losses = []
    for backend in ("numpy", "cupy"):
        training = Training(corpus, model, backend=backend, **options)
        training.run()
        losses.append(training.report.loss)
    assert {name for name, _ in launched} == {"sgd_skipgram_wide_scratch"}
    np.testing.assert_allclose(*losses, rtol=1e-5)
