"""The definition of every kernel, in readable ``xp`` code for NumPy or CuPy arrays of any float.

Batch semantics: ``sgd_step`` reads both tables as they were before the call, for all its windows.
The implementations that go window by window equal it on a batch of one window.
"""

from embedlayer.kernels.reference.examples import draw, subsample, take_windows, windows
from embedlayer.kernels.reference.rows import (
    add_products,
    add_to_bags,
    bag_means,
    bag_sum,
    distinct,
    merge_rows,
    scatter_add,
    sum_by_row,
)
from embedlayer.kernels.reference.step import batch_loss, sgd_step

__all__ = [
    "add_products",
    "add_to_bags",
    "bag_means",
    "bag_sum",
    "batch_loss",
    "distinct",
    "draw",
    "merge_rows",
    "scatter_add",
    "sgd_step",
    "subsample",
    "sum_by_row",
    "take_windows",
    "windows",
]
