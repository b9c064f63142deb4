"""R2: the real CuPy's compiler takes cuda.cu for every architecture; registers and spills."""

import pytest

from embedlayer.kernels import cuda, launch

from . import nvrtc
from .test_r3_ptx import PtxKernel

CODE = launch.SOURCE.read_text()


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_no_spills_no_doubles_no_stale_loads_and_half_the_warps_fit(
    architecture: int, capsys: pytest.CaptureFixture[str]
) -> None:
    kernels = nvrtc.require_clean(CODE, architecture)
    assert set(kernels) == set(launch._parameters())
    for name in kernels:
        threads = cuda.LANES if name.startswith("sgd_") else launch.BLOCK
        PtxKernel(CODE, name, architecture).check(launch.MAX_BLOCKS, threads, 0)
    with capsys.disabled():
        registers = ", ".join(f"{name} {used.registers}" for name, used in kernels.items())
        print(f"\n  sm_{architecture} registers: {registers}; no spills")


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_vector_atomics_from_hopper_on(architecture: int) -> None:
    code = nvrtc.ptx(CODE, architecture)
    assert ("add.v4.f32" in code) == (architecture >= 90)
    assert "ld.global.cg.v4.f32" in code
