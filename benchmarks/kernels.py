"""How fast the kernels and the layers are, against their definition and other libraries.

    python benchmarks/kernels.py --json kernels.json

Every implementation's result is checked before it is timed. Rates count the bytes of the arrays
and table rows that the operation must read and write, each once, against the bandwidth of copying
measured here; a training step counts 6·D operations a (hidden, output) pair, a score and two
updates, against the rate of NumPy's float32 matrix product. Both sides see the same cores.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from bag_contests import bag_contests
from contest import hold, show_contests
from kernel_contests import kernel_contests
from layer_contests import layer_contests
from machine import copy_bandwidth, sgemm_rate, use_cores
from report import count, end, finish, mistake, parser, start
from sizes import QUICK, Sizes

TURN = 0.05  # seconds, at least, of one turn


def main() -> None:
    """Hold every contest, show the tables, write the JSON."""
    options = parser(__doc__, runs=9)
    cores = len(os.sched_getaffinity(0))
    options.add_argument("--threads", type=count, default=cores, help="threads, on all sides")
    chosen = options.parse_args()
    if chosen.threads > cores:
        mistake(f"--threads {chosen.threads}: this process may use {cores} cores")
    use_cores(chosen.threads)
    sizes = QUICK if chosen.quick else Sizes()
    runs, turn = (2, 0.0) if chosen.quick else (chosen.runs, TURN)
    report = start("kernels")
    limits = {
        "bytes": copy_bandwidth(chosen.threads, **({"size": 1 << 22} if chosen.quick else {})),
        "operations": sgemm_rate(**({"size": 256} if chosen.quick else {})),
    }
    report |= {"threads": chosen.threads, "sizes": sizes._asdict(), "limits": limits}
    print(
        f"\n{chosen.threads} threads; copying: {limits['bytes'] / 1e9:.1f} GB/s read and written; "
        f"sgemm: {limits['operations'] / 1e9:.0f} Gflop/s."
    )
    with ThreadPoolExecutor(chosen.threads) as pool:
        for title, contests in (
            ("Kernels", chain(kernel_contests(sizes, pool, chosen.threads), bag_contests(sizes))),
            ("Layers", layer_contests(sizes, chosen.threads)),
        ):
            report[title.lower()] = [hold(contest, runs, turn, limits) for contest in contests]
            show_contests(title, report[title.lower()])
    finish(report, chosen.json)


if __name__ == "__main__":
    end(main)
