"""A corpus in chunks, where it is trained on: in place, copied to the device, or streamed there."""

from typing import Any

import numpy as np

from embedlayer.text.corpus import Corpus


def cut(corpus: Corpus, chunk_tokens: int) -> np.ndarray:
    """int64, (chunks + 1,): each chunk's first sentence, then the number of sentences.

    A chunk is the sentences that begin in ``chunk_tokens`` tokens.
    """
    starts = np.arange(0, len(corpus.ids), chunk_tokens)
    first = np.searchsorted(corpus.offsets, starts, side="left")
    return np.unique(np.append(first, len(corpus)))


class Chunks:
    """The ids and offsets of each chunk, from arrays of the library ``xp`` that hold all of them.

    Attributes:
        starts: int64, (chunks + 1,): the position of each chunk's first token, then the corpus's
            end.
    """

    def __init__(self, corpus: Corpus, sentences: np.ndarray, xp: Any) -> None:
        self.sentences = sentences
        self.starts = np.asarray(corpus.offsets[sentences])
        self._ids, self._offsets = self._place(corpus, xp)

    def __len__(self) -> int:
        return len(self.sentences) - 1

    def __getitem__(self, chunk: int) -> tuple[Any, Any]:
        """int32, (N,), and int64, (S + 1,): the ids, and the offsets of the sentences in them."""
        start, end = (int(place) for place in self.starts[chunk : chunk + 2])
        first, last = self.sentences[chunk : chunk + 2]
        return self._ids[start:end], self._offsets[first : last + 1] - start

    def _place(self, corpus: Corpus, xp: Any) -> tuple[Any, Any]:
        return xp.asarray(corpus.ids), xp.asarray(corpus.offsets)


class StreamedChunks(Chunks):
    """Chunks that go to a device one by one, through page-locked memory.

    There are two buffers: one is filled while the device copies from the other. To fill a buffer
    again is to wait until the device has its last content, which keeps the host at most two chunks
    ahead.
    """

    def __init__(self, corpus: Corpus, sentences: np.ndarray, xp: Any) -> None:
        super().__init__(corpus, sentences, xp)
        tokens, offsets = np.diff(self.starts).max(), np.diff(sentences).max() + 1
        self._buffers = [_Buffer(xp, int(tokens), int(offsets)) for _ in range(2)]
        self._next = 0

    def __getitem__(self, chunk: int) -> tuple[Any, Any]:
        buffer = self._buffers[self._next]
        self._next = 1 - self._next
        return buffer.send(*super().__getitem__(chunk))

    def _place(self, corpus: Corpus, xp: Any) -> tuple[Any, Any]:
        return corpus.ids, corpus.offsets


class _Buffer:
    """Page-locked memory for one chunk, from which the device copies while the host goes on."""

    def __init__(self, xp: Any, tokens: int, offsets: int) -> None:
        self._xp = xp
        self._memory = xp.cuda.alloc_pinned_memory(8 * offsets + 4 * tokens)
        self._offsets = np.frombuffer(self._memory, np.int64, offsets)
        self._ids = np.frombuffer(self._memory, np.int32, tokens, offset=8 * offsets)
        self._copied = xp.cuda.Event()

    def send(self, ids: np.ndarray, offsets: np.ndarray) -> tuple[Any, Any]:
        """Both arrays on the device, once its work so far is done."""
        self._copied.synchronize()
        sent = self._copy(ids, self._ids), self._copy(offsets, self._offsets)
        self._copied.record()
        return sent

    def _copy(self, values: np.ndarray, buffer: np.ndarray) -> Any:
        buffer = buffer[: len(values)]
        buffer[...] = values
        device = self._xp.empty(len(values), values.dtype)
        device.set(buffer, stream=self._xp.cuda.get_current_stream())
        return device
