"""R5: on a real device the kernels equal the reference: the checks of R3, where there is one."""

from typing import Any

import numpy as np
import pytest
from examples import MODE_NAMES, MODES

from embedlayer.kernels.arguments import Mode

from . import test_r3_emulator as emulated
from . import test_r3_scratch as scratch
from .cases import STEPS, TEXTS


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("name", STEPS)
def test_steps(name: str, mode: Mode, on_device: Any) -> None:
    emulated.test_one_window_in_flight_is_the_reference_window_by_window(name, mode, on_device)


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
def test_steps_side_by_side(mode: Mode, on_device: Any) -> None:
    emulated.test_windows_that_share_no_rows_may_run_in_any_order(0, 1, mode, on_device)


@pytest.mark.parametrize("mode", MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("D", [20, 33])
def test_steps_side_by_side_in_scratch(D: int, mode: Mode, on_device: Any) -> None:
    scratch.test_windows_in_flight_have_scratch_of_their_own(0, 1, D, mode, on_device)


@pytest.mark.parametrize("name", TEXTS)
def test_integers(name: str, on_device: Any) -> None:
    emulated.test_the_integer_kernels_are_the_reference_bit_by_bit(name, 0, 1, on_device)


@pytest.mark.parametrize("D", [1, 33, 100])
def test_bags_and_scatter(D: int, on_device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    emulated.test_bag_sum_is_the_reference((40, 1, 0), D, on_device)
    emulated.test_scatter_add_is_the_reference(D, np.int64, 200, on_device, monkeypatch)
