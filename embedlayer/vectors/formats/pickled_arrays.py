"""Arrays of NumPy inside a pickle, from what the pickle says of them: NumPy unpickles nothing."""

from typing import Any, TypeGuard

import numpy as np

from embedlayer.errors import EmbedlayerError
from embedlayer.storage.npy import array_of
from embedlayer.storage.pickle_machine import Global, Made

CORE = ("numpy.core", "numpy._core")  # before NumPy 2, and since
MAKERS = {
    Global(f"{core}.{module}", name)
    for core in CORE
    for module, name in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    )
}
ENCODE = Global("_codecs", "encode")  # how protocol 2 spells bytes
DTYPE = Global("numpy", "dtype")
NAMES = MAKERS | {ENCODE, DTYPE, Global("numpy", "ndarray")}


def is_array(value: Any) -> TypeGuard[Made]:
    """Whether a value of a pickle stands for an array, or for a number of NumPy's."""
    return isinstance(value, Made) and value.of in MAKERS


def array_in(value: Made) -> np.ndarray:
    """The array, read-only, a view of the pickle where that has it as bytes.

    Raises:
        EmbedlayerError: an array of objects, or a damaged one.
    """
    try:
        if value.of.name == "_reconstruct":
            _, shape, dtype, fortran, data = value.state
        elif value.of.name == "scalar":
            (dtype, data), shape, fortran = value.args, (), False
        else:
            data, dtype, shape, order = value.args
            fortran = order == "F"
        return array_of(_bytes(data), _dtype(dtype), shape, fortran is True)
    except (TypeError, ValueError, IndexError, AttributeError):
        raise EmbedlayerError("an array in the pickle is damaged, or is of no numbers") from None


def _dtype(value: Made) -> str:
    """As NumPy writes it: the order of the bytes, and the kind."""
    if value.of != DTYPE:
        raise TypeError
    order = value.state[1] if value.state else "|"
    return order + value.args[0]


def _bytes(value: Any) -> Any:
    if isinstance(value, Made) and value.of == ENCODE:
        value = value.args[0]
    return value.encode("latin-1") if isinstance(value, str) else memoryview(value)
