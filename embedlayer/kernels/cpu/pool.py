"""A small pool of threads, which all kernels share, for work that is cut into parts.

numba has parallel loops, but some of their threading layers fail when two Python threads enter
them at once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from embedlayer.threads import available_cores


def in_parts(work: Callable[[int], None], parts: int) -> None:
    """Call ``work(0)`` … ``work(parts − 1)`` side by side, the last in the thread of the caller."""
    others = [_pool().submit(work, part) for part in range(parts - 1)]
    work(parts - 1)
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="embedlayer-kernel")


if hasattr(os, "register_at_fork"):  # a forked process does not have the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
