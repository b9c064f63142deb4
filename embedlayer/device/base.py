"""What a backend brings along besides its kernels: an array library, and where its arrays live."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

MAPPED, RESIDENT, STREAMED = "mapped from disk", "on the device", "streamed to the device"

Send = Callable[..., tuple[Any, ...]]


class Device:
    """Where the arrays of one library live. A backend is one of these and one set of kernels.

    The defaults here suit a device of its own memory that one thread feeds.

    Attributes:
        name: of the backend, and of its array library: a module that is imported by this name, and
            whose ``ndarray`` is no NumPy array.
        kernels: the module of its fused kernels, by its full name; of a backend without its own
            that of the reference.
        searches: the module that searches vectors in its memory, by its full name.
        chunk_tokens: tokens of the corpus that are trained on at once.
        shared_windows: the most windows for which rows of n-grams are read once.
        piece_bytes: what a loop over a large array takes at once; None: all of it.
        search_scores: how many scores a search holds at once.
        corpus_places: where a corpus may lie, the best place first.
    """

    name: ClassVar[str]
    kernels: ClassVar[str]
    searches: ClassVar[str] = "embedlayer.vectors.by_scores"
    chunk_tokens: ClassVar[int] = 1_000_000
    shared_windows: ClassVar[int] = 2048
    piece_bytes: ClassVar[int | None] = None
    search_scores: ClassVar[int] = 2**24
    corpus_places: ClassVar[Sequence[str]] = (RESIDENT,)

    @property
    def xp(self) -> Any:
        """The array library."""
        return importlib.import_module(self.name)

    def problem(self) -> str | None:
        """Why it cannot work here, and the cure behind a semicolon; None when it can."""
        raise NotImplementedError

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy of an array in the host's memory."""
        raise NotImplementedError

    def workers(self, asked: int | None) -> int:
        """How many threads train, where so many were asked for, or None."""
        return 1

    def begin_thread(self, table: Any) -> None:
        """Called in each thread that trains, before it does."""

    def zeros(self, rows: int, columns: int) -> Any:
        """A table of zeros: float32, (rows, columns)."""
        return self.xp.zeros((rows, columns), np.float32)

    def take(self, table: Any, ids: Any) -> Any:
        """The rows of a table, (V, D), at ids that are inside it: (*ids.shape, D), a copy."""
        return table.take(ids, axis=0)  # twice as fast as table[ids]

    def room_bytes(self) -> int:
        """The most bytes that arrays may take here."""
        raise NotImplementedError

    def least_room_bytes(self, numbers: Sequence[int]) -> int:
        """The most bytes that arrays may take on each of several devices, by their numbers."""
        raise NotImplementedError

    def sender(self, *buffers: tuple[int, Any]) -> Send:
        """A function that copies NumPy arrays here, call by call, while earlier ones are used.

        Args:
            buffers: for each array of a call, the largest size that it can have and its dtype.
        """
        return lambda *arrays: tuple(map(self.xp.asarray, arrays))

    def top(self, scores: Any, k: int) -> Any:
        """int64, (n, k): the columns of each row's k highest scores, (n, V), the best first.

        Equal scores go by column.
        """
        if k == 1:
            return scores.argmax(axis=1)[:, None]
        return self.xp.argsort(-scores, axis=1, kind="stable")[:, :k]

    def describe(self) -> list[dict[str, Any]]:
        """The devices found, as JSON can hold them."""
        return []
