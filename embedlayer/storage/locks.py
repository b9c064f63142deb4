"""Locks that processes hold on files, on every system; one is free when its holder ends or dies."""

import errno
from contextlib import ExitStack
from pathlib import Path


def locked(path: Path, *, wait: bool = True) -> ExitStack:
    """Hold the lock on a file, which is made where it is missing, until the stack is closed.

    Raises:
        BlockingIOError: another holds it, and ``wait`` is False.
        OSError: the file cannot be made, or its file system has no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=-1 if wait else 0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(f"{path} is locked by another process") from None
    except NotImplementedError as error:  # as some versions of filelock say it
        raise OSError(errno.ENOLCK, "no locks on this file system", str(path)) from error
    stack = ExitStack()
    stack.callback(lock.release)
    return stack
