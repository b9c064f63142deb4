"""R1: a launch beyond a device's limits is refused, by the double as by the real driver."""

from typing import Any

import pytest

from . import nvrtc
from .cases import device
from .emulator.limits import SHARED, CUDADriverError, LimitedKernel
from .test_r3_ptx import PtxKernel

CODE = """
extern "C" __global__ void __launch_bounds__(64) narrow(float* out) { out[threadIdx.x] = 1.0f; }
extern "C" __global__ void __launch_bounds__(1024) broad(float* out) { out[threadIdx.x] = 1.0f; }
extern "C" __global__ void unbound(float* out) { out[threadIdx.x] = 1.0f; }
"""
STATIC = """
extern "C" __global__ void reversed(float* out) {
    __shared__ float values[1024];
    values[threadIdx.x] = out[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}
"""
KIB = 1 << 10


def launch(
    library: Any, name: str, *, blocks: int = 1, threads: int = 32, shared: int = 0, ask: int = 0
) -> Any:
    """Launch one of the kernels, after asking for shared memory; its output."""
    kernel = library.RawModule(code=CODE).get_function(name)
    if ask:
        kernel.max_dynamic_shared_size_bytes = ask
    out = library.zeros(1024, "f4")
    kernel((blocks,), (threads,), (out,), shared_mem=shared)
    return out


def most_shared(library: Any) -> int:
    return library.cuda.Device().attributes["MaxSharedMemoryPerBlockOptin"]


REFUSED: dict[str, dict[str, Any]] = {
    "1,025 threads per block": {"name": "broad", "threads": 1025},
    "more threads than the kernel's bounds": {"name": "narrow", "threads": 96},
    "over 48 KiB of shared memory without asking": {"name": "narrow", "shared": 48 * KIB + 4},
    "more shared memory than was asked for": {
        "name": "narrow", "shared": 60 * KIB, "ask": 59 * KIB,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, library: Any) -> None:
    with pytest.raises(library.cuda.driver.CUDADriverError):
        launch(library, **REFUSED[name])


def test_more_shared_memory_than_the_device_has_cannot_be_asked_for(library: Any) -> None:
    most = most_shared(library)
    with pytest.raises(library.cuda.driver.CUDADriverError):
        launch(library, "narrow", shared=most + 4, ask=most + 4)


def test_the_limits_themselves_are_allowed(library: Any) -> None:
    assert launch(library, "broad", threads=1024).sum().item() == 1024
    assert launch(library, "narrow", threads=64, shared=48 * KIB).sum().item() == 64
    most = most_shared(library)
    assert launch(library, "narrow", shared=most, ask=most).sum().item() == 32


@pytest.mark.parametrize(("capability", "kib"), [(75, 64), (80, 163), (89, 99), (90, 227)])
def test_the_limits_are_the_devices(capability: int, kib: int, cupy: Any) -> None:
    with device(capability):
        assert most_shared(cupy) == SHARED[capability] == kib * KIB
        launch(cupy, "narrow", shared=kib * KIB, ask=kib * KIB)
        with pytest.raises(CUDADriverError, match=rf"at most {kib * KIB:,}\)"):
            launch(cupy, "narrow", ask=kib * KIB + 1)


def test_too_many_blocks_are_refused(cupy: Any) -> None:
    with pytest.raises(CUDADriverError, match=r"INVALID_VALUE.*2,147,483,648 blocks"):
        launch(cupy, "narrow", blocks=2**31)


@pytest.mark.parametrize("none", ["blocks", "threads"])
def test_nothing_is_not_launched(none: str, cupy: Any) -> None:
    with pytest.raises(ValueError, match="CuPy would launch one"):
        launch(cupy, "narrow", **{none: 0})


def test_without_bounds_a_thread_may_take_255_registers(cupy: Any) -> None:
    assert launch(cupy, "unbound", threads=256).sum().item() == 256
    with pytest.raises(CUDADriverError, match=r"OUT_OF_RESOURCES.*73,728 registers per block"):
        launch(cupy, "unbound", threads=288)


def test_registers_that_the_compiler_counted_are_held_against_the_block() -> None:
    LimitedKernel("k", 90, bound=0, registers=64).check(1, 1024, 0)
    with pytest.raises(CUDADriverError, match="73,728 registers per block, at most 65,536"):
        LimitedKernel("k", 90, bound=0, registers=65).check(1, 1024, 0)


def test_compiled_kernels_tell_bounds_registers_and_their_own_shared_memory() -> None:
    broad = PtxKernel(CODE, "broad", 90)
    assert broad.most_threads == 1024
    assert broad.registers == nvrtc.usage(CODE, 90)["broad"].registers < 64
    kernel = PtxKernel(STATIC, "reversed", 90)
    assert kernel.max_dynamic_shared_size_bytes == 44 * KIB  # of 48, beside its own 4
    kernel.check(1, 1024, 44 * KIB)
    with pytest.raises(CUDADriverError, match="49,152 bytes of shared memory, at most 45,056"):
        kernel.check(1, 1024, 48 * KIB)
    with pytest.raises(CUDADriverError, match="232,449 bytes of shared memory asked for"):
        kernel.max_dynamic_shared_size_bytes = 223 * KIB + 1
