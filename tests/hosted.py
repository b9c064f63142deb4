"""Kernels on any array library, called with NumPy arrays and answering with NumPy arrays."""

from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from gpu.cases import filled, filled_windows

from embedlayer.backend import to_numpy
from embedlayer.kernels import CONTRACT, cuda
from embedlayer.kernels.arguments import Batch, Tables

# Of what a device returns, the part that is filled.
FILLED = {"subsample": filled, "windows": filled_windows}


def hosted(kernel: Callable[..., Any], xp: Any, name: str = "") -> Callable[..., Any]:
    """The kernel with its arguments moved to ``xp``, what it changes and returns moved back."""
    if xp is np:
        return kernel

    def call(*arguments: Any) -> Any:
        moved: list[tuple[np.ndarray, Any]] = []
        made = kernel(*(_move(argument, xp, moved) for argument in arguments))
        for host, device in moved:
            host[...] = to_numpy(device)
        if name in FILLED:
            return FILLED[name](*made)
        if isinstance(made, tuple):
            return tuple(to_numpy(part) for part in made)
        return None if made is None else to_numpy(made)

    return call


def _move(argument: Any, xp: Any, moved: list[tuple[np.ndarray, Any]]) -> Any:
    """The argument with its arrays moved to ``xp``, each noted beside what it was."""
    if isinstance(argument, np.ndarray):
        moved.append((argument, xp.asarray(argument)))
        return moved[-1][1]
    if isinstance(argument, Tables | Batch):
        return type(argument)(*(_move(array, xp, moved) for array in argument))
    return argument


def hosted_kernels(implementation: ModuleType, xp: Any) -> SimpleNamespace:
    """All kernels of an implementation, :func:`hosted`; CUDA's trains one window at a time."""
    kernels = {name: getattr(implementation, name) for name in CONTRACT}
    if implementation is cuda:
        kernels["sgd_step"] = partial(cuda.sgd_step, in_flight=1)
    return SimpleNamespace(**{name: hosted(k, xp, name) for name, k in kernels.items()})
