"""The hot operations, written three times with the same names, arguments and meaning.

V vocabulary rows, D dimensions, B windows, R output rows a window (1 + K negatives, or the length
of a Huffman path), N ids. Tables are float32, (V, D); ids are int32; offsets are int64, one more
than there are groups; all arrays are C-contiguous. Arguments are checked once at the edge and
trusted inside.

===============  ================================================================  ============
kernel           does                                                              exactness
===============  ================================================================  ============
``subsample``    (ids, offsets, start, keep, key) → ids, offsets, positions        bit-equal
``windows``      (ids, offsets, positions, least, window, reach, key)
                 → contexts, offsets, targets, positions                           bit-equal
``draw``         (prob, alias, targets, positions, negative, key) → rows           bit-equal
``take_windows`` (batch, positions, chosen) → batch; those windows lose their rows bit-equal
``bag_sum``      (W, ids, offsets, mean) → sums or means                           close
``scatter_add``  (W, rows, values): W[rows[i]] += values[i]                        close
``add_products`` (W, rows, factors, values): W[rows[n, r]] += factors[n, r]
                 · values[n]                                                       close
``distinct``     (ids, size) → ids that occur, places                              any order
``bag_means``    (W, ids, offsets, bags) → means                                   close
``add_to_bags``  (W, ids, offsets, bags, values): values[i] to all of a bag's rows close
``sum_by_row``   (rows, values, size) → rows, sums                                 close
``merge_rows``   (W, parts, share): W += changes of N parts, damped; parts = W     close
``sgd_step``     (tables, batch, lr, mode) → loss, pairs                           close
``batch_loss``   (tables, batch, mode) → loss, pairs; nothing is learnt            close
===============  ================================================================  ============

``reference/`` is the definition, in plain ``xp`` code; its docstrings say what each argument is,
and ``arguments.py`` what the step takes.
``cpu/`` mirrors it in numba, ``cuda.py`` with ``cuda.cu`` on the GPU.

Beside these an implementation may have ``worker_step(tables, share)``, a context manager that gives
a worker of a training run its ``sgd_step`` for an epoch, and ``worker_bytes(shapes, width,
share)``, the bytes that all workers take beside the tables; ``share`` is an ``arguments.Share``.
And ``update_rows(name, rows, grad, arrays, numbers)``, optimizers' formulas on some rows of tables.
If it has ``TAKES_BAGS``, its ``sgd_step`` takes ``bags=``, an ``arguments.Bags``.

An implementation on a device may return more slots than are filled, as to ask how many would be to
wait for it. ``offsets[-1]`` says how much is; ids, targets and positions are −1 beyond it, and a
window without contexts contributes nothing.
"""

import importlib
import inspect
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from embedlayer.device import DEVICES, device_of
from embedlayer.errors import EmbedlayerError

CONTRACT = (
    *("subsample", "windows", "draw", "take_windows", "bag_sum", "scatter_add", "sum_by_row"),
    *("add_products", "distinct", "bag_means", "add_to_bags", "merge_rows", "sgd_step"),
    "batch_loss",
)
KINDS = ("fused", "reference")
REFERENCE = f"{__name__}.reference"


def kernel_kind(kind: str | None = None) -> str:
    """'fused' or 'reference': the argument, else ``EMBEDLAYER_KERNELS``, else 'fused'.

    Raises:
        EmbedlayerError: any other name.
    """
    chosen = kind or os.environ.get("EMBEDLAYER_KERNELS") or "fused"
    if chosen not in KINDS:
        source = "argument" if kind else "EMBEDLAYER_KERNELS"
        raise EmbedlayerError(f"unknown kernels {chosen!r} ({source}): choose {' or '.join(KINDS)}")
    return chosen


def load_kernels(backend: str, kind: str | None = None) -> ModuleType:
    """The module that implements the contract for a backend; imported when first needed.

    Raises:
        EmbedlayerError: an unknown kind.
    """
    fused = kernel_kind(kind) == "fused"
    return importlib.import_module(DEVICES[backend].kernels if fused else REFERENCE)


def kernels_for(*arrays: Any) -> ModuleType:
    """The implementation that works on these arrays, of the kind in force."""
    return load_kernels(device_of(*arrays).name)


def check_contract(implementation: ModuleType, definition: ModuleType) -> None:
    """Raise TypeError unless every kernel of the contract has the definition's arguments.

    It may have options of its own: arguments by keyword alone, with a default.
    """
    for name in CONTRACT:
        kernel = getattr(implementation, name, None)
        if kernel is None:
            raise TypeError(f"{implementation.__name__} lacks the kernel {name}")
        wanted, found = _arguments(getattr(definition, name)), _arguments(kernel)
        if found != wanted:
            raise TypeError(f"{implementation.__name__}.{name}{found} is not {name}{wanted}")


def _arguments(kernel: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(kernel).parameters.values()
    own = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty]
    return [parameter.name for parameter in parameters if parameter not in own]
