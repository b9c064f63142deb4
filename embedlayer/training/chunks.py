"""A corpus in chunks, where it is trained on: in place, copied to the device, or streamed there."""

import numpy as np

from embedlayer.arrays import Array, Ids
from embedlayer.device import STREAMED, Device
from embedlayer.text.corpus import Corpus

PIECE = 1 << 20  # sentences looked at together
LEAST_CHUNKS = 100  # in all epochs: so often, at least, the learning rate falls


def chunk_tokens(corpus: Corpus, epochs: int, device: Device) -> int:
    """The tokens of a chunk."""
    return min(device.chunk_tokens, max(1, len(corpus.ids) * epochs // LEAST_CHUNKS))


def cut(corpus: Corpus, tokens: int) -> np.ndarray:
    """int64, (chunks + 1,): each chunk's first sentence, then the number of sentences.

    A chunk is the sentences that begin in so many tokens.
    """
    starts = np.arange(0, len(corpus.ids), tokens)
    first = np.searchsorted(corpus.offsets, starts, side="left")
    return np.unique(np.append(first, len(corpus)))


def largest_chunk(corpus: Corpus, tokens: int) -> int:
    """The tokens of the largest chunk: sentences end where they do."""
    return int(np.diff(corpus.offsets[cut(corpus, tokens)]).max())


def reach_of(window: int, corpus: Corpus) -> int:
    """The most words on one side of a window: no sentence has more."""
    pieces = (corpus.offsets[i : i + PIECE + 1] for i in range(0, len(corpus), PIECE))
    longest = max(int(np.diff(piece).max()) for piece in pieces)
    return max(1, min(window, longest - 1))


class Chunks:
    """The ids and offsets of each chunk, on the device.

    Args:
        corpus: the text.
        sentences: as :func:`cut` returns them.
        device: where the chunks are used.
        place: where the corpus lies, one of ``device.corpus_places``.

    Attributes:
        starts: int64, (chunks + 1,): the position of each chunk's first token, then the corpus's
            end.
    """

    def __init__(self, corpus: Corpus, sentences: np.ndarray, device: Device, place: str) -> None:
        self.sentences = sentences
        self.starts = np.asarray(corpus.offsets[sentences])
        self._ids, self._offsets, self._send = corpus.ids, corpus.offsets, None
        if place == STREAMED:
            tokens, offsets = np.diff(self.starts).max(), np.diff(sentences).max() + 1
            self._send = device.sender((int(tokens), np.int32), (int(offsets), np.int64))
        else:
            self._ids, self._offsets = map(device.xp.asarray, (corpus.ids, corpus.offsets))

    def __len__(self) -> int:
        return len(self.sentences) - 1

    def __getitem__(self, chunk: int) -> tuple[Ids, Array]:
        """int32, (N,), and int64, (S + 1,): the ids, and the offsets of the sentences in them."""
        start, end = (int(place) for place in self.starts[chunk : chunk + 2])
        first, last = self.sentences[chunk : chunk + 2]
        ids, offsets = self._ids[start:end], self._offsets[first : last + 1] - start
        return self._send(ids, offsets) if self._send else (ids, offsets)
