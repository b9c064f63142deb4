"""The memory plan: what a training run will take, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from embedlayer.device import MAPPED, RESIDENT, Device
from embedlayer.errors import EmbedlayerError
from embedlayer.models.inputs.protocol import Reader
from embedlayer.models.options import Word2Vec
from embedlayer.models.tables import table_shapes
from embedlayer.text.corpus import Corpus
from embedlayer.training.chunks import largest_chunk, reach_of
from embedlayer.training.steps import Steps

# Of a chunk, per token: 33 at the peak, its contexts and output rows aside, and 12 if it is
# streamed and every token were a sentence. A test holds this against what is allocated.
BYTES_PER_TOKEN = 48


class TextSizes(NamedTuple):
    """How large a corpus is; ``reach`` is the most words on one side of a window."""

    words: int
    tokens: int
    sentences: int
    reach: int


@dataclass(frozen=True)
class MemoryPlan:
    """The bytes that a training run will take, by parts.

    Attributes:
        W_in, W_out: the tables.
        sampling: what subsampling and the loss draw or walk from, and which n-grams a word has.
        corpus: ids and offsets; ``corpus_is`` says where they are.
        workspace: at most, for the chunks under way and their examples.
        optimizer: what an optimizer keeps for the tables.
        replicas: the tables that workers have of their own, and what a merge over several GPUs
            takes besides.
        devices: how many take so much each, less the tables of the run, which are on the first.
    """

    W_in: int
    W_out: int
    sampling: int
    corpus: int
    workspace: int
    optimizer: int = 0
    replicas: int = 0
    corpus_is: str = MAPPED
    devices: int = 1

    @property
    def state(self) -> int:
        """What a checkpoint holds."""
        return self.W_in + self.W_out + self.optimizer

    @property
    def allocated(self) -> int:
        """All together; the corpus only where it is resident on the device."""
        held = self.corpus if self.corpus_is == RESIDENT else 0
        return self.state + self.replicas + self.sampling + self.workspace + held

    def placed(self, device: Device, of_each: Sequence[int] = ()) -> "MemoryPlan":
        """The same on a device, the corpus at the best place for which there is room.

        Args:
            device: whose memory counts.
            of_each: the numbers of several devices, all of which it has to fit.

        Raises:
            EmbedlayerError: there is too little even so.
        """
        room = device.least_room_bytes(of_each) if of_each else device.room_bytes()
        for place in device.corpus_places:
            plan = replace(self, corpus_is=place, devices=len(of_each) or 1)
            if plan.allocated <= room:
                return plan
        raise EmbedlayerError(
            f"training needs {megabytes(plan.allocated)} of memory, and {device.name} has "
            f"{megabytes(room)} ({plan}): lower dim, window or negative, or the words of the "
            "vocabulary (min_count, max_size)"
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON holds it."""
        return {
            "table_bytes": self.W_in + self.W_out,
            "sampling_bytes": self.sampling,
            "corpus_bytes": self.corpus,
            "corpus_is": self.corpus_is,
            "workspace_bytes": self.workspace,
            "optimizer_bytes": self.optimizer,
            "replica_bytes": self.replicas,
        }

    def __str__(self) -> str:
        optimizer = f", optimizer {megabytes(self.optimizer)}" if self.optimizer else ""
        replicas = f", replicas {megabytes(self.replicas)}" if self.replicas else ""
        each = f", on each of {self.devices} devices" if self.devices > 1 else ""
        return (
            f"W_in {megabytes(self.W_in)}, W_out {megabytes(self.W_out)}, "
            f"sampling {megabytes(self.sampling)}, corpus {megabytes(self.corpus)} "
            f"{self.corpus_is}, workspace {megabytes(self.workspace)}{optimizer}{replicas}{each}"
        )


def plan_run(
    corpus: Corpus,
    model: Word2Vec,
    steps: Steps,
    inputs: Reader,
    *,
    chunk_tokens: int,
    shared_windows: int,
    workers: int,
    replicas: int = 0,
) -> MemoryPlan:
    """The plan of a run over a corpus, with so many replicas; the others as below."""
    words, tokens = len(corpus.vocabulary), len(corpus.ids)
    reach = reach_of(model.window, corpus)
    shapes = table_shapes(model, words)
    width, hidden = model.output_sizes(words, tokens).width, min(model.most_hidden, 2 * reach)
    scratch = steps.bytes(shapes, width, hidden)
    if inputs.shared:  # rows of small tables, and as many from before the step
        scratch += workers * 2 * 4 * min(words, 2 * reach * shared_windows) * shapes[0][1]
    return plan_memory(
        model,
        TextSizes(words, tokens, len(corpus), reach),
        chunk_tokens=largest_chunk(corpus, chunk_tokens),
        chunks=workers,
        scratch=scratch,
        kept=steps.kept,
        bags=inputs.nbytes,
        replicas=replicas,
    )


def plan_memory(
    model: Word2Vec,
    text: TextSizes,
    *,
    chunk_tokens: int,
    chunks: int = 1,
    scratch: int = 0,
    kept: int = 0,
    bags: int = 0,
    replicas: int = 0,
) -> MemoryPlan:
    """The plan of a run; :meth:`MemoryPlan.placed` says how it is on a device.

    Args:
        model: the options.
        text: how large the corpus is.
        chunk_tokens: tokens of the largest chunk.
        chunks: under way at once.
        scratch: bytes that the steps of all workers ask for besides.
        kept: the arrays that an optimizer keeps for each table.
        bags: bytes that the inputs keep.
        replicas: that have tables of their own.
    """
    outputs = model.output_sizes(text.words, text.tokens)
    (rows_in, columns), (rows_out, _) = table_shapes(model, text.words)
    a_token = BYTES_PER_TOKEN + 4 * 2 * text.reach + outputs.window_bytes
    tables = 4 * rows_in * columns, 4 * rows_out * columns
    return MemoryPlan(
        *tables,
        optimizer=kept * sum(tables),
        replicas=replicas * sum(tables),
        sampling=4 * text.words + outputs.bytes + bags,
        corpus=4 * text.tokens + 8 * (text.sentences + 1),
        workspace=chunks * a_token * chunk_tokens + scratch,
    )


def check_largest(model: Word2Vec, words: int | None, device: Device) -> None:
    """Raise EmbedlayerError if the tables of the most words that are allowed have no room.

    Before a text is read nothing else is known of its vocabulary; a bound that fits costs nothing.
    """
    if words is None:
        return
    (rows_in, columns), (rows_out, _) = table_shapes(model, words)
    needed, room = 4 * (rows_in + rows_out) * columns, device.room_bytes()
    if needed > room and 4 * (rows_in - words) * columns > room:
        raise EmbedlayerError(
            f"the rows of {rows_in - words:,} buckets need "
            f"{megabytes(4 * (rows_in - words) * columns)} of memory, and {device.name} has "
            f"{megabytes(room)}: lower the buckets, or dim"
        )
    if needed > room:
        raise EmbedlayerError(
            f"the tables of {words:,} words need {megabytes(needed)} of memory, and {device.name} "
            f"has {megabytes(room)}: lower max_size (--max-vocab) to {words * room // needed:,} "
            "words, or dim"
        )


def megabytes(size: float) -> str:
    """A size for people: ``63.9 MB``."""
    return f"{size / 1e6:,.1f} MB"
