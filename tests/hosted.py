"""Kernels on any array library, called with NumPy arrays and answering with NumPy arrays."""

from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from gpu.cases import filled, filled_windows

from embedlayer.backend import to_numpy
from embedlayer.kernels import CONTRACT, cuda

# Of what a device returns, the part that is filled.
FILLED = {"subsample": filled, "windows": filled_windows}


def hosted(kernel: Callable[..., Any], xp: Any, name: str = "") -> Callable[..., Any]:
    """The kernel with its arguments moved to ``xp``, what it changes and returns moved back."""
    if xp is np:
        return kernel

    def call(*arguments: Any) -> Any:
        moved = [xp.asarray(a) if isinstance(a, np.ndarray) else a for a in arguments]
        made = kernel(*moved)
        for host, device in zip(arguments, moved, strict=True):
            if host is not device:
                host[...] = to_numpy(device)
        if name in FILLED:
            return FILLED[name](*made)
        if isinstance(made, tuple):
            return tuple(to_numpy(part) for part in made)
        return None if made is None else to_numpy(made)

    return call


def hosted_kernels(implementation: ModuleType, xp: Any) -> SimpleNamespace:
    """All kernels of an implementation, :func:`hosted`; CUDA's trains one window at a time."""
    kernels = {name: getattr(implementation, name) for name in CONTRACT}
    if implementation is cuda:
        kernels["sgd_step"] = partial(cuda.sgd_step, in_flight=1)
    return SimpleNamespace(**{name: hosted(k, xp, name) for name, k in kernels.items()})
