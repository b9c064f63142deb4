"""A few launches of every kernel, with rows and blocks that meet, for tools that watch memory.

``python -m gpu.races`` launches the shipped ``cuda.cu`` on the CPU (under g++'s sanitizers),
``python -m gpu.races FILE.cu`` this source, whose bugs must not crash in scratch before they are
reported; ``python -m gpu.races device`` the shipped one on the device (compute-sanitizer).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from embedlayer.backend import array_library
from embedlayer.kernels import cuda, launch
from embedlayer.kernels.arguments import Mode

from . import double
from .cases import KEY, in_scratch, on_device, schedule, source, step, text


def launch_everything(cupy: Any) -> None:
    """Every kernel, several blocks at a time, in a random schedule."""
    launch_steps(cupy)
    with in_scratch():
        launch_steps(cupy)
    launch_others(cupy)


def launch_steps(cupy: Any) -> None:
    """The training step, with float4 and with float."""
    with schedule(seed=1, resident=4, in_flight=3):
        for D in (8, 7):
            case = step(D, V=9, sizes=(12, 2, 6, 1), R=3)
            for mean in (False, True):
                on_device(cupy, case, Mode(mean))


def launch_others(cupy: Any) -> None:
    """All kernels but the step's."""
    case = step(7, V=9, sizes=(12, 2, 6, 1), R=3)
    with schedule(seed=1, resident=4):
        table, rows = cupy.asarray(case.W_in), cupy.asarray(case.rows.reshape(-1))
        values = cupy.zeros((len(rows), 7), np.float32)
        cuda.scatter_add(table, rows, values)
        cuda.scatter_add_sorted(table, rows, values)
        cuda.bag_sum(table, cupy.asarray(case.contexts), cupy.asarray(case.offsets), True)
        bags = [cupy.asarray(array) for array in (case.contexts, case.offsets)]
        bags.append(cupy.asarray(np.array([0, 1, 2, 0], np.int32)))
        cuda.add_to_bags(table, *bags, cuda.bag_means(table, *bags))
        tokens = text((30, 0, 1, 230))
        ids, offsets, keep = (cupy.asarray(a) for a in (tokens.ids, tokens.offsets, tokens.keep))
        made = cuda.windows(*cuda.subsample(ids, offsets, 0, keep, KEY), 1, 5, 5, KEY)
        alias = cupy.zeros(len(keep), np.int32)
        cuda.draw(keep, alias, *made[2:], 5, KEY)


def on_the_device() -> None:
    """On a real one; each array is the driver's own, so that a step beyond its end is seen."""
    cupy = array_library("cupy")
    cupy.cuda.set_allocator(None)
    launch_everything(cupy)
    cupy.cuda.get_current_stream().synchronize()


def on_the_cpu(path: str | None = None) -> None:
    """This source, or else the shipped one."""
    with source(Path(path or launch.SOURCE)), double.installed() as cupy:
        if path:
            launch_steps(cupy)
            launch_others(cupy)
        else:
            launch_everything(cupy)
    print("END", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:] == ["device"]:
        on_the_device()
    else:
        on_the_cpu(*sys.argv[1:])
