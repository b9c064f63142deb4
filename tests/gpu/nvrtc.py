"""``cuda.cu`` compiled as CuPy compiles it, by its NVRTC and with its options, without a GPU."""

import io
import re
from functools import cache
from typing import NamedTuple

from embedlayer.kernels import launch

from .double.surface import real_cupy

ARCHITECTURES = (75, 80, 90, 120)
BY_CUPY = ("-ftz=true", "--device-as-default-execution-space")  # what CuPy adds to our options
WARPS = 32  # at most, of one warp a block, on a multiprocessor of sm_80 and sm_90: half its 64
REGISTERS = 65536  # of a multiprocessor


class Usage(NamedTuple):
    """What one kernel needs, by the compiler's word."""

    registers: int
    stack: int  # bytes, as the spills
    spilled: int
    shared: int  # bytes that the kernel itself declares


@cache
def compiled(code: str, architecture: int, method: str) -> tuple[bytes, str]:
    """The code ('ptx' or 'cubin') and the compiler's log.

    Raises:
        RuntimeError: CuPy or NVRTC is missing; the message says how to install them.
    """
    real_cupy()
    from cupy.cuda import compiler

    log = io.StringIO()
    program = compiler._NVRTCProgram(code, "cuda.cu", name_expressions=None, method=method)
    options = (*launch.OPTIONS, *BY_CUPY, f"-arch=sm_{architecture}", "--ptxas-options=-v")
    return program.compile(options, log)[0], log.getvalue()


def ptx(code: str, architecture: int) -> str:
    """The code for NVIDIA's virtual machine."""
    return compiled(code, architecture, "ptx")[0].decode()


def usage(code: str, architecture: int) -> dict[str, Usage]:
    """Registers, stack, spills and shared memory of every kernel."""
    found = re.findall(
        r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores"
        r".*?Used (\d+) registers([^\n]*)",
        compiled(code, architecture, "cubin")[1],
        re.S,
    )
    return {
        name: Usage(int(registers), int(stack), int(spilled), _shared(rest))
        for name, stack, spilled, registers, rest in found
    }


def _shared(used: str) -> int:
    """Bytes, in what the compiler says a kernel used besides registers."""
    found = re.search(r"(\d+) bytes smem", used)
    return int(found[1]) if found else 0


def require_clean(code: str, architecture: int) -> dict[str, Usage]:
    """Raise AssertionError for spills, doubles, too many registers, slow or stale accesses."""
    text = ptx(code, architecture)
    for forbidden, why in (
        (r"\.f64", "double precision"),
        (r"\b(?:ld|st)\.local", "registers spilled to memory"),
        (r"ld\.global\.nc", "a load that does not see what the launch writes"),
        (r"\b(?:ld|st)\.(?:v\d\.)?[a-z]\d", "shared or global memory, found out at each access"),
    ):
        lines = re.findall(rf"^.*{forbidden}.*$", text, re.M)
        assert not lines, f"{why}: {lines[0].strip()}"
    kernels = usage(code, architecture)
    for name, used in kernels.items():
        assert used.spilled == used.stack == 0, f"{name} spills: {used}"
        if name.startswith("sgd_") and architecture in (80, 90):
            granted = -(-used.registers // 8) * 8  # registers are handed out by eights
            assert REGISTERS // (32 * granted) >= WARPS, f"{name} takes {granted} registers"
    return kernels
