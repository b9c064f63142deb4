"""The kernels for NumPy arrays, compiled by numba: the mirror of ``reference/``.

They release the GIL, so that threads run them side by side; compiled code is cached on disk.
"""

from embedlayer.kernels.cpu.bags import add_to_bags, bag_means, distinct
from embedlayer.kernels.cpu.examples import draw, subsample, take_windows, windows
from embedlayer.kernels.cpu.local import LocalRows
from embedlayer.kernels.cpu.merge import merge_rows
from embedlayer.kernels.cpu.rows import add_products, bag_sum, scatter_add
from embedlayer.kernels.cpu.step import batch_loss, sgd_step, worker_bytes, worker_step
from embedlayer.kernels.cpu.sums import sum_by_row
from embedlayer.kernels.cpu.updates import update_rows

TAKES_BAGS = True

__all__ = [
    "TAKES_BAGS",
    "LocalRows",
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
    "update_rows",
    "windows",
    "worker_bytes",
    "worker_step",
]
