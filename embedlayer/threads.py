"""Work in threads: results in order, and work that is cut into parts."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in order; the pool works on at most ``ahead`` items to come."""
    begun: deque[Any] = deque()
    for item in items:
        begun.append((item, pool.submit(work, item)))
        if len(begun) > ahead:
            item, future = begun.popleft()
            yield item, future.result()
    for item, future in begun:
        yield item, future.result()


def in_parts(work: Callable[[int], None], parts: int) -> None:
    """Call ``work(0)`` … ``work(parts − 1)`` side by side, the last in the thread of the caller.

    The threads are few, and all share them. (numba has parallel loops, but some of their threading
    layers fail when two Python threads enter them at once.)
    """
    others = [_pool().submit(work, part) for part in range(parts - 1)]
    work(parts - 1)
    for other in others:
        other.result()


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="embedlayer-parts")


if hasattr(os, "register_at_fork"):  # a forked process does not have the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
