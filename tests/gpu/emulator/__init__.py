"""The shipped ``cuda.cu`` executed on the CPU: a stand-in for ``cupy.RawModule`` and its kernels.

The source is compiled by g++ as it is, but for one rewriting: ``extern __shared__ T name[];``.
"""

import ctypes
import hashlib
import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from .limits import LimitedKernel

HERE = Path(__file__).parent
CACHE = Path(tempfile.gettempdir()) / f"embedlayer-emulator-{os.getuid()}"
SANITIZERS = {
    "": (),
    "address": ("-fsanitize=address", "-DEMU_ASAN"),
    "thread": ("-fsanitize=thread", "-DEMU_TSAN"),
    "undefined": ("-fsanitize=undefined", "-fno-sanitize-recover=undefined"),
}
SHARED = re.compile(r"extern __shared__ (\w+) (\w+)\[\];")
KERNEL = re.compile(r'extern "C"\s+void\s+(?:__launch_bounds__\(([^,)]*)[^)]*\)\s+)?(\w+)\s*\(')
ONE_DEVICE = threading.Lock()  # the scheduler of threads is one
RUNTIME = (HERE / "fibers.cpp").read_text() + (HERE / "cuda_on_cpu.h").read_text()
CPP = ("g++", "-std=gnu++20", "-fPIC", "-g1", f"-I{HERE}")


class KernelError(RuntimeError):
    """The kernel did what CUDA leaves undefined; names the line, the block and the thread."""


class Options(ctypes.Structure):
    """``Options`` of ``cuda_on_cpu.h``."""

    _fields_ = (
        ("seed", ctypes.c_uint),
        ("resident", ctypes.c_int),
        ("flush_denormals", ctypes.c_int),
        ("loaded", ctypes.c_uint64),
        ("added", ctypes.c_uint64),
    )


class RawModule:
    """As ``cupy.RawModule``; the class attributes say how its kernels run.

    ``seed`` 0 runs threads in order, another in a random schedule; ``resident`` blocks run side by
    side. ``loaded`` and ``added`` count the bytes of ``__ldcg`` and ``atomicAdd``. ``device`` is
    the one whose limits hold, by ten times its compute capability; by default the newest with
    little shared memory. ``level`` is g++'s of optimizing.
    """

    seed = 0
    resident = 1
    loaded = 0
    added = 0
    device = 120
    level = "-O1"
    sanitizer = os.environ.get("EMU_SANITIZE", "")

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        self.library = ctypes.CDLL(str(_compiled(code, self.device, self.level, self.sanitizer)))

    def get_function(self, name: str) -> "Kernel":
        return Kernel(self.library, name, self.device)


class Kernel(LimitedKernel):
    """As the ``cupy.RawKernel`` of one function."""

    def __init__(self, library: ctypes.CDLL, name: str, device: int) -> None:
        super().__init__(name, device, bound=getattr(library, f"emu_bound_{name}")())
        self.run = getattr(library, f"emu_run_{name}")
        signature = getattr(library, f"emu_signature_{name}")
        signature.restype = ctypes.c_char_p
        self.types = signature().decode().split(";")[:-1]

    def __call__(
        self, grid: tuple[int], block: tuple[int], args: tuple[Any, ...], *, shared_mem: int = 0
    ) -> None:
        if len(args) != len(self.types):
            raise TypeError(f"{self.name}: {len(args)} arguments for {len(self.types)} parameters")
        (blocks,), (threads,) = grid, block
        self.check(blocks, threads, shared_mem)
        values = [self._value(*pair) for pair in zip(self.types, args, strict=True)]
        pointers = (ctypes.c_void_p * len(values))(*[value.ctypes.data for value in values])
        options = Options(RawModule.seed, RawModule.resident, 1)
        error = ctypes.create_string_buffer(500)
        size = ctypes.c_size_t
        with ONE_DEVICE:
            code = self.run(
                pointers, blocks, threads, size(shared_mem), ctypes.byref(options), error, size(500)
            )
        RawModule.loaded += options.loaded
        RawModule.added += options.added
        if code:
            raise KernelError(f"{self.name}: {error.value.decode()}")

    def _value(self, ctype: str, argument: Any) -> np.ndarray:
        """The bytes that CuPy would hand to the kernel for this argument."""
        dtype = np.dtype("?" if "b1" in ctype else ctype.removeprefix("const ").removesuffix("*"))
        host = argument._here() if hasattr(argument, "_here") else argument  # the double's array
        if isinstance(host, (bool, int, float)):  # as CuPy: Python's numbers take 8 bytes
            host = np.asarray(host)
        if ctype.endswith("*") and isinstance(host, np.ndarray) and host.ndim:
            if host.dtype != dtype or not host.flags.c_contiguous:
                raise TypeError(
                    f"{self.name}: {ctype} got {host.dtype}, {host.flags.c_contiguous=}"
                )
            return np.asarray(host.ctypes.data, np.uint64)
        wanted = np.dtype(np.uint64) if ctype.endswith("*") else dtype
        if np.asarray(host).dtype != wanted:
            raise TypeError(f"{self.name}: {ctype} got {type(argument).__name__}, not {wanted}")
        return np.asarray(host)


def _compiled(code: str, device: int, level: str, sanitizer: str) -> Path:
    """The shared library of this source, compiled once."""
    flags = SANITIZERS[sanitizer]
    key = hashlib.sha256(repr((code, device, level, flags, RUNTIME)).encode()).hexdigest()[:24]
    library = CACHE / f"{key}.so"
    if library.exists():
        return library
    CACHE.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        arch = f"-D__CUDA_ARCH__={10 * device}"
        source = Path(folder, "cuda.cpp")
        source.write_text(_translated(code))
        plain = _gcc(*CPP, arch, "-DEMU_KEEP_BOUNDS", "-E", "-P", source).stdout
        with source.open("a") as file:
            file.writelines(
                f"EMU_EXPORT({name}, {bound or 0})\n" for bound, name in KERNEL.findall(plain)
            )
        built = Path(folder, "cuda.so")
        kernel = ("-Wno-unknown-pragmas", "-shared", source, _scheduler(flags), "-o", built)
        _gcc(*CPP, level, arch, *flags, *kernel)
        built.replace(library)
    return library


def _scheduler(flags: tuple[str, ...]) -> Path:
    """The object file of ``fibers.cpp``: never instrumented, but told of the sanitizer."""
    defines = [flag for flag in flags if flag.startswith("-D")]
    built = CACHE / f"{hashlib.sha256(repr((RUNTIME, defines)).encode()).hexdigest()[:24]}.o"
    if not built.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = Path(folder, "fibers.o")
            _gcc(*CPP, "-O2", *defines, "-c", HERE / "fibers.cpp", "-o", made)
            made.replace(built)
    return built


def _translated(code: str) -> str:
    code = SHARED.sub(r"\1* \2 = (\1*)emu_shared_memory(EMU_USE);", code)
    if "__shared__" in code:
        raise ValueError("the emulator knows no shared memory but extern __shared__ T name[];")
    return f'#include "cuda_on_cpu.h"\n#line 1 "cuda.cu"\n{code}\n'


def _gcc(*command: Any) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("the emulator needs g++: apt-get install g++") from None
    if done.returncode:
        raise RuntimeError(f"g++ refuses cuda.cu:\n{done.stderr[:4000]}")
    return done
