"""Launches the kernels of ``cuda.cu``, their arguments checked against its source."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import array_module

SOURCE = Path(__file__).with_name("cuda.cu")
OPTIONS = ("-std=c++17",)
TYPES = {
    "float": np.float32,
    "int": np.int32,
    "unsigned": np.uint32,
    "i64": np.int64,
    "u64": np.uint64,
    "bool": np.bool_,
}
BLOCK = 256  # threads of a block, but for sgd_step: there a block is one warp
MAX_BLOCKS = 1 << 16  # further work is done by the same threads, in strides
SHARED_BY_DEFAULT = 48 << 10  # bytes of shared memory a block may have without asking


def launch(name: str, threads: int, *arguments: Any, block: int = BLOCK, shared: int = 0) -> None:
    """Run one kernel on the current stream, its arguments checked against the source.

    Raises:
        TypeError: an array that is not CuPy's or not of the declared dtype.
        ValueError: an array that is not C-contiguous.
    """
    if threads == 0:
        return
    checked = []
    for (ctype, parameter), argument in zip(_parameters()[name], arguments, strict=True):
        where = f"{name}({parameter})"
        checked.append(_checked(where, ctype, argument))
    blocks = min(-(-threads // block), MAX_BLOCKS)
    kernel = _kernel(array_module(*arguments), name)
    if shared > SHARED_BY_DEFAULT:
        kernel.max_dynamic_shared_size_bytes = shared
    kernel((blocks,), (block,), tuple(checked), shared_mem=shared)


def _checked(where: str, ctype: str, argument: Any) -> Any:
    """The argument as the kernel declares it: CuPy would pass any array, and any int as int64."""
    dtype = TYPES[ctype.removesuffix("*")]
    if not ctype.endswith("*"):
        return dtype(argument)
    if argument is None:
        return np.uint64(0)  # the null pointer
    if array_module(argument) is np:
        raise TypeError(f"{where}: a CuPy array is needed, not {type(argument).__name__}")
    if argument.dtype != dtype:
        raise TypeError(f"{where}: dtype {np.dtype(dtype)} is needed, not {argument.dtype}")
    if not argument.flags.c_contiguous:
        raise ValueError(f"{where}: the array must be C-contiguous")
    return argument


@cache
def _parameters() -> dict[str, list[tuple[str, str]]]:
    """(type, name) of every parameter of every kernel, read from the source."""
    source = SOURCE.read_text(encoding="utf-8").replace("\\\n", "\n")
    kernel = r"__global__ void(?:\s+__launch_bounds__\(.*?\))?\s+(\w+)\((.*?)\)\s*{"
    found = re.findall(kernel, source, re.S)
    kernels = {name: _declared(parameters) for name, parameters in found}
    step = kernels.pop("NAME")
    return kernels | dict.fromkeys(re.findall(r"^SGD_STEP\((\w+)", source, re.M), step)


def _declared(parameters: str) -> list[tuple[str, str]]:
    return [
        (ctype.removeprefix("const "), name)
        for ctype, name in re.findall(r"\s*([\w ]+?\*?) (\w+)(?:,|$)", parameters)
    ]


@cache
def _kernel(cupy: Any, name: str) -> Any:
    return _module(cupy).get_function(name)


@cache
def _module(cupy: Any) -> Any:
    """The compiled source; CuPy compiles when a kernel is first needed and keeps it on disk."""
    return cupy.RawModule(code=SOURCE.read_text(encoding="utf-8"), options=OPTIONS)
