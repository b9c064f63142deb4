"""R4: every engine rejects its planted bugs, or it would not be a check."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedlayer.kernels import cuda, launch, reference

from . import double, nvrtc, sanitizers, test_r3_emulator
from .cases import STEPS, source
from .emulator import KernelError, RawModule
from .mutants import ADDRESS, LINT, THREAD, UNDEFINED, VALUES, Mutant

MODES = test_r3_emulator.MODES

# Kernels of lanes that do not meet as a warp, and what the emulator says of them.
APART = {
    "if (lane < 3) __syncwarp(); else __shfl_xor_sync(~0u, lane, 1);": "in different operations",
    "if (lane < 3) return; __syncwarp();": "a lane of the warp has ended",
    "if (lane >= 3) return; __syncwarp();": "the thread ended while its warp waits for it",
    "__syncwarp(); if (lane == 0) return; __syncwarp();": "the thread ended while",
    "__shfl_xor_sync(0xffffu, lane, 1);": "the mask must name every lane",
}


def check_values(cupy: Any) -> None:
    """A selection of R3's checks; raises what they raise."""
    for seed, resident in test_r3_emulator.SCHEDULES[::2]:
        for name in ("far into a corpus", "empty among full", "long"):
            test_r3_emulator.test_the_integer_kernels_are_the_reference_bit_by_bit(
                name, seed, resident, cupy
            )
    test_r3_emulator.test_bags_that_are_chosen_are_the_reference((1, 0, 2), 33, cupy)
    for mode in MODES:
        for name in ("empty windows", "D = 33", "repeated ids", "many contexts"):
            test_r3_emulator.test_one_window_in_flight_is_the_reference_window_by_window(
                name, mode, cupy
            )
        for schedule in test_r3_emulator.SCHEDULES:
            test_r3_emulator.test_windows_that_share_no_rows_may_run_in_any_order(
                *schedule, mode, cupy
            )


def written(folder: Path, number: int, mutant: Mutant) -> Path:
    path = folder / f"mutant{number}.cu"
    path.write_text(mutant.code())
    return path


def test_the_shipped_source_passes_what_mutants_must_not(cupy: Any) -> None:
    with source(launch.SOURCE):  # compiled as they are
        check_values(cupy)


@pytest.mark.parametrize("name", VALUES)
def test_wrong_values_are_rejected(name: str, cupy: Any, tmp_path: Path) -> None:
    with source(written(tmp_path, 0, VALUES[name])), pytest.raises((AssertionError, KernelError)):
        check_values(cupy)


@pytest.fixture(scope="module")
def apart() -> RawModule:
    head = 'extern "C" __global__ void apart%d(int* counts) { int lane = threadIdx.x; %s }\n'
    return RawModule(code="".join(head % kernel for kernel in enumerate(APART)))


@pytest.mark.parametrize("number", range(len(APART)))
def test_lanes_that_do_not_meet_are_told(number: int, apart: RawModule) -> None:
    told = [*APART.values()][number]
    with pytest.raises(KernelError, match=rf"cuda\.cu line .*{told}"):
        apart.get_function(f"apart{number}")((2,), (64,), (np.zeros(1, np.int32),))


def test_a_warp_that_is_not_full_is_told(apart: RawModule) -> None:
    with pytest.raises(KernelError, match=r"cuda\.cu line .* the warp is not full"):
        apart.get_function("apart0")((1,), (16,), (np.zeros(1, np.int32),))


@pytest.mark.parametrize("name", THREAD)
def test_data_races_are_rejected(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, 0, THREAD[name])
    done = sanitizers.run("thread", "-m", "gpu.races", str(path), lines=False)
    assert sanitizers.REPORTS["thread"] in done.stderr


@pytest.mark.parametrize(
    ("sanitizer", "name"),
    [("address", name) for name in ADDRESS] + [("undefined", name) for name in UNDEFINED],
)
def test_bad_accesses_are_rejected(sanitizer: str, name: str, tmp_path: Path) -> None:
    mutant = (ADDRESS | UNDEFINED)[name]
    done = sanitizers.run(sanitizer, "-m", "gpu.races", str(written(tmp_path, 0, mutant)))
    assert sanitizers.REPORTS[sanitizer] in done.stderr
    assert done.returncode


@pytest.mark.parametrize("name", LINT)
def test_bad_code_is_rejected(name: str) -> None:
    with pytest.raises(AssertionError):
        nvrtc.require_clean(LINT[name].code(), 80)


def test_a_scalar_of_another_type_is_rejected(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_checked", lambda where, ctype, argument: argument)
    table = cupy.zeros((4, 4), np.float32)
    rows, values = cupy.zeros(2, np.int32), cupy.zeros((2, 4), np.float32)
    with pytest.raises(TypeError, match="scatter_add: i4 got int"):
        cuda.scatter_add(table, rows, values)


def test_a_hidden_synchronisation_is_rejected(cupy: Any) -> None:
    case = STEPS["D = 3"]
    rows, values = cupy.asarray(case.contexts), cupy.zeros((len(case.contexts), 3), np.float32)
    with double.no_sync(), pytest.raises(double.ForbiddenSync):
        reference.scatter_add(cupy.asarray(case.W_in), rows, values)
