"""Memory: what a training run will take, part by part, and what this process has used."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from embedlayer.errors import EmbedlayerError
from embedlayer.models import Word2Vec

# Of a chunk, a token: 33 at the peak, its contexts and output rows aside, and 12 if it is streamed
# and every token were a sentence. A test holds this against what is allocated.
BYTES_A_TOKEN = 48
MAPPED, RESIDENT, STREAMED = "mapped from disk", "on the device", "streamed to the device"
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPlan:
    """The bytes that a training run will take, by parts.

    Attributes:
        W_in, W_out: the tables.
        sampling: what subsampling and the loss draw or walk from.
        corpus: ids and offsets; ``corpus_is`` says where they are.
        workspace: at most, for the chunks under way and their examples.
    """

    W_in: int
    W_out: int
    sampling: int
    corpus: int
    workspace: int
    corpus_is: str = MAPPED

    @property
    def allocated(self) -> int:
        """All together; the corpus only where it is resident on the device."""
        held = self.corpus if self.corpus_is == RESIDENT else 0
        return self.W_in + self.W_out + self.sampling + self.workspace + held

    def on_device(self, free: int) -> "MemoryPlan":
        """The same on a device with so many bytes free; the corpus is streamed if need be.

        Raises:
            EmbedlayerError: it does not fit even so.
        """
        for place in (RESIDENT, STREAMED):
            plan = replace(self, corpus_is=place)
            if plan.allocated <= free:
                return plan
        raise EmbedlayerError(
            f"training needs {megabytes(plan.allocated)} on the device, which has "
            f"{megabytes(free)} free ({plan}): lower dim or the words of the vocabulary "
            "(min_count, max_size), or choose the backend numpy"
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON holds it."""
        return {
            "table_bytes": self.W_in + self.W_out,
            "sampling_bytes": self.sampling,
            "corpus_bytes": self.corpus,
            "corpus_is": self.corpus_is,
            "workspace_bytes": self.workspace,
        }

    def __str__(self) -> str:
        return (
            f"W_in {megabytes(self.W_in)}, W_out {megabytes(self.W_out)}, "
            f"sampling {megabytes(self.sampling)}, corpus {megabytes(self.corpus)} "
            f"{self.corpus_is}, workspace {megabytes(self.workspace)}"
        )


def plan_memory(
    model: Word2Vec,
    *,
    words: int,
    tokens: int,
    sentences: int,
    chunk_tokens: int,
    chunks: int = 1,
    scratch: int = 0,
) -> MemoryPlan:
    """The plan of a run on the CPU; :meth:`MemoryPlan.on_device` says how it is on a device.

    Args:
        model: the options.
        words, tokens, sentences: of the vocabulary and the corpus.
        chunk_tokens: tokens of the largest chunk.
        chunks: under way at once.
        scratch: bytes that the step asks for besides.
    """
    loss = model.loss_sizes(words, tokens)
    (_, columns), _ = model.table_shapes(words)
    a_token = BYTES_A_TOKEN + 4 * 2 * model.window + loss.window_bytes
    return MemoryPlan(
        W_in=4 * words * columns,
        W_out=4 * loss.output_rows * columns,
        sampling=4 * words + loss.own_bytes,
        corpus=4 * tokens + 8 * (sentences + 1),
        workspace=chunks * a_token * chunk_tokens + scratch,
    )


def free_bytes(xp: Any) -> int:
    """What CuPy's device can still give: never used, or given back and kept by CuPy's pool."""
    return xp.cuda.runtime.memGetInfo()[0] + xp.get_default_memory_pool().free_bytes()


def megabytes(size: float) -> str:
    """A size for people: ``63.9 MB``."""
    return f"{size / 1e6:,.1f} MB"


class MemoryWatch:
    """Keeps the largest anonymous memory seen: each time :meth:`look` is called, on Linux.

    Anonymous memory is what the process allocated; the pages of mapped files, which the system
    drops whenever it needs the room, are not counted.
    """

    def __init__(self) -> None:
        self._anonymous: int | None = None

    def __enter__(self) -> "MemoryWatch":
        self.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.look()

    def look(self) -> None:
        """Read the anonymous memory now, and keep it if it is the largest."""
        if STATUS.exists():
            self._anonymous = max(self._anonymous or 0, _status_bytes("RssAnon"))

    def peak(self) -> tuple[int, int | None]:
        """Bytes: the largest resident memory, and the largest anonymous memory that was seen."""
        import resource  # not on Windows

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, self._anonymous


def _status_bytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0
