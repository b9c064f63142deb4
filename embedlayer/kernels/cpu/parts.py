"""One piece of work in several threads: a small pool that all kernels share.

numba's own parallel loops are not used: some of their threading layers fail when two threads of
Python enter them at once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from embedlayer.threads import available_cores


def in_parts(work: Callable[[int], None], parts: int) -> None:
    """``work(0)`` … ``work(parts − 1)`` side by side; the caller's own thread does the last."""
    others = [_pool().submit(work, part) for part in range(parts - 1)]
    work(parts - 1)
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="embedlayer-kernel")


if hasattr(os, "register_at_fork"):  # the threads of a pool do not live on in a forked process
    os.register_at_fork(after_in_child=_pool.cache_clear)
