"""Memory that processes of one host share: rows change hands there without being sent.

An outbox is a file without a name, which the kernel drops with the last process that has it open:
a kill leaves nothing behind. Others find it through /proc, so this is for Linux; elsewhere, and
between containers that cannot see each other, rows are sent.
"""

import mmap
import os
import secrets
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from embedlayer.arrays import Table
from embedlayer.training.collective import Rows

LINE = 64  # bytes, at whose multiples arrays begin
NAME = "embedlayer-outbox-"


class Outbox:
    """What a replica gives away, where the replicas of other processes can read and write it.

    Attributes:
        handle: int64, (3,): the process, its number of the file and a secret, by which others open
            it; zeros where there is none.
        note: a small array besides the rows.
    """

    def __init__(self, memory: Any, handle: np.ndarray, note: np.ndarray) -> None:
        self._memory, self.handle, self._first = memory, handle, _room(note)
        if memory is not None:
            self.note = np.frombuffer(memory, note.dtype, note.size).reshape(note.shape)

    @classmethod
    def made(cls, parts: Sequence[Rows], note: np.ndarray) -> Self:
        """An outbox of this process that has room for such parts, and for any fewer rows; and for
        such a note."""
        secret, rows = secrets.randbits(62), [one for rows in parts for one in rows]
        if not hasattr(os, "memfd_create"):
            return cls(None, np.zeros(3, np.int64), note)
        file, size = os.memfd_create(f"{NAME}{secret}"), sum(map(_room, [note, *rows]))
        os.ftruncate(file, size)
        return cls(mmap.mmap(file, size), np.array([os.getpid(), file, secret]), note)

    @classmethod
    def opened(cls, handle: np.ndarray, note: np.ndarray) -> Self | None:
        """The outbox of another process, with such a note; None if it is not to be had here."""
        process, file, secret = handle.tolist()
        path = f"/proc/{process}/fd/{file}"
        try:
            # On another host the path may be anything, such as a pipe, which blocks who opens it.
            if not os.readlink(path).startswith(f"/memfd:{NAME}{secret} "):
                return None
            with open(path, "r+b", buffering=0) as opened:
                return cls(mmap.mmap(opened.fileno(), 0), handle, note)
        except OSError:
            return None

    def close(self) -> None:
        """No other process can open it any more; its memory stays."""
        if self._memory is not None:
            os.close(int(self.handle[1]))

    def laid(self, parts: Sequence[Rows]) -> list[list[Table]]:
        """Arrays of the outbox, shaped as these parts, at the same places in every process."""
        found, place = [], self._first
        for rows in parts:
            arrays = []
            for one in rows:
                flat = np.frombuffer(self._memory, np.float32, one.size, place)
                arrays.append(flat.reshape(one.shape))
                place += _room(one)
            found.append(arrays)
        return found


def _room(array: Table) -> int:
    return -(-array.nbytes // LINE) * LINE
