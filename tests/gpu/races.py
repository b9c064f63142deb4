"""A few launches of every kernel, with rows and blocks that meet, for tools that watch memory.

``python -m gpu.races FILE.cu ...`` launches these sources on the CPU (under g++'s sanitizers),
``python -m gpu.races device`` the shipped one on the device (under compute-sanitizer).
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import array_library
from embedlayer.kernels import cuda
from embedlayer.kernels.arguments import Mode

from . import double
from .cases import KEY, on_device, schedule, source, step, text


def launch_everything(cupy: Any) -> None:
    """Every kernel, several blocks at a time, in a random schedule."""
    with schedule(seed=1, resident=4, in_flight=3):
        for D in (8, 7):  # float4 and float
            case = step(D, V=9, sizes=(12, 2, 6, 1), R=3)
            for mean in (False, True):
                on_device(cupy, case, Mode(mean))
        table, rows = cupy.asarray(case.W_in), cupy.asarray(case.rows.reshape(-1))
        values = cupy.zeros((len(rows), D), np.float32)
        cuda.scatter_add(table, rows, values)
        cuda.scatter_add_sorted(table, rows, values)
        cuda.bag_mean(table, cupy.asarray(case.contexts), cupy.asarray(case.offsets))
        tokens = text((30, 0, 1, 230))
        ids, offsets, keep = (cupy.asarray(a) for a in (tokens.ids, tokens.offsets, tokens.keep))
        made = cuda.windows(*cuda.subsample(ids, offsets, 0, keep, KEY), 5, KEY)
        alias = cupy.zeros(len(keep), np.int32)
        cuda.draw(keep, alias, *made[2:], 5, KEY)


if __name__ == "__main__":
    if sys.argv[1:] == ["device"]:
        device = array_library("cupy")
        launch_everything(device)
        device.cuda.get_current_stream().synchronize()
        sys.exit()
    for path in sys.argv[1:] or [str(cuda.SOURCE)]:
        begin = time.perf_counter()
        with source(Path(path)), double.installed() as cupy:
            launch_everything(cupy)
        print(f"END {path} {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
