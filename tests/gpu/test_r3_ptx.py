"""R3: the PTX that NVRTC makes of cuda.cu, executed by another engine, equals the reference."""

from typing import Any, ClassVar

import numpy as np
import pytest
from examples import MODE_NAMES, MODES, SKIPGRAM

from embedlayer.kernels import launch
from embedlayer.kernels.arguments import Mode

from . import nvrtc, test_r3_emulator
from .cases import STEPS, TEXTS, device, in_scratch, on_device, schedule, step
from .emulator import RawModule
from .emulator.limits import LimitedKernel
from .ptx import Launch
from .ptx_program import Program

CODE = launch.SOURCE.read_text()


class PtxModule:
    """As ``cupy.RawModule``, with kernels that are interpreted."""

    launches: ClassVar[list[Launch]] = []

    def __init__(self, *, code: str, options: tuple[str, ...]) -> None:
        self.code = code

    def get_function(self, name: str) -> "PtxKernel":
        return PtxKernel(self.code, name, RawModule.device)


class PtxKernel(LimitedKernel):
    """As ``cupy.RawKernel``; its limits are those of what the compiler made."""

    def __init__(self, code: str, name: str, device: int) -> None:
        used = nvrtc.usage(code, device)[name]
        self.program = Program(nvrtc.ptx(code, device), name)
        bound, registers, static = self.program.bound, used.registers, used.shared
        super().__init__(name, device, bound=bound, registers=registers, static=static)

    def __call__(
        self, grid: tuple[int], block: tuple[int], args: Any, *, shared_mem: int = 0
    ) -> None:
        self.check(grid[0], block[0], shared_mem)
        host = tuple(getattr(argument, "_device_buffer", argument) for argument in args)
        launched = Launch(self.program, host)
        launched(grid[0], block[0], shared_mem)
        PtxModule.launches.append(launched)


@pytest.fixture(params=[80, 90])
def capability(request: pytest.FixtureRequest) -> int:
    nvrtc.ptx(CODE, request.param)  # by the real CuPy, before the double takes its name
    nvrtc.usage(CODE, request.param)
    return request.param


@pytest.fixture
def interpreted(capability: int, cupy: Any, monkeypatch: Any) -> Any:
    """The double, whose kernels are interpreted PTX of one architecture."""
    monkeypatch.setattr(cupy, "RawModule", PtxModule)
    monkeypatch.setattr(PtxModule, "launches", [])
    with device(capability):
        yield cupy


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize(
    "name", ["one context", "empty windows", "repeated ids", "D = 3", "D = 33", "D = 100"]
)
def test_steps(name: str, mode: Mode, interpreted: Any) -> None:
    assert name in STEPS
    test_r3_emulator.test_one_window_in_flight_is_the_reference_window_by_window(
        name, mode, interpreted
    )


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("name", ["repeated ids", "D = 33"])
def test_steps_in_scratch(name: str, mode: Mode, interpreted: Any) -> None:
    with in_scratch():
        test_steps(name, mode, interpreted)
    assert all(run.program.name.endswith("_scratch") for run in PtxModule.launches)


@pytest.mark.parametrize("name", ["empty among full", "window 1", "far into a corpus"])
def test_integers(name: str, interpreted: Any) -> None:
    assert name in TEXTS
    test_r3_emulator.test_the_integer_kernels_are_the_reference_bit_by_bit(name, 0, 1, interpreted)


def test_bags_and_scatter(interpreted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    test_r3_emulator.test_bag_sum_is_the_reference((1, 0, 5), 33, interpreted)
    test_r3_emulator.test_bags_that_are_chosen_are_the_reference((1, 0, 1), 33, interpreted)
    test_r3_emulator.test_scatter_add_is_the_reference(33, np.int64, 9, interpreted, monkeypatch)


def test_each_row_moves_once_each_way(interpreted: Any) -> None:
    case = step(100, V=60, sizes=(10, 7))
    rows = {"0": 0, "1": 0}  # by the number of the table's parameter
    for b, outputs in enumerate(case.rows):
        contexts = case.contexts[case.offsets[b] : case.offsets[b + 1]]
        rows["0"] += len(np.unique(contexts))
        rows["1"] += len(np.unique(outputs[outputs >= 0]))
    with schedule():
        on_device(interpreted, case, SKIPGRAM)
    (launch,) = PtxModule.launches
    for number, count in rows.items():
        table = f"sgd_skipgram_wide_param_{number}"
        assert launch.loaded[table] == launch.added[table] == count * 100 * 4
