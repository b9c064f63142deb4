"""Where a training run stands: all that a run needs to go on to the result it would have had."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from embedlayer.arrays import Array, Table
from embedlayer.backend import to_numpy
from embedlayer.device import DEVICES, Device
from embedlayer.errors import EmbedlayerError
from embedlayer.kernels.arguments import Tables
from embedlayer.models.tables import Shapes

SUMS = 6  # numbers of a chunk


class Done(NamedTuple):
    """What the chunks of an epoch have come to, so far: sums over chunks, in nats and numbers."""

    losses: float = 0.0
    pairs: int = 0
    tokens: int = 0
    tokens_kept: int = 0
    held_out_losses: float = 0.0
    held_out_pairs: int = 0

    @property
    def loss(self) -> float:
        """The mean per pair; NaN where none was measured."""
        return self.losses / self.pairs if self.pairs else math.nan

    @property
    def held_out_loss(self) -> float:
        """The same, of windows that are held out."""
        return self.held_out_losses / self.held_out_pairs if self.held_out_pairs else math.nan


def done_so_far(sums: Array) -> Done:
    """Add up ``State.sums`` in the order of the chunks, so that the total is repeatable."""
    losses, pairs, tokens, kept, held_out, held_out_pairs = to_numpy(sums).T.tolist()
    return Done(
        losses=math.fsum(losses),
        pairs=int(sum(pairs)),
        tokens=int(sum(tokens)),
        tokens_kept=int(sum(kept)),
        held_out_losses=math.fsum(held_out),
        held_out_pairs=int(sum(held_out_pairs)),
    )


@dataclass
class State:
    """The state of a run between two chunks.

    Examples are a pure function of seed, corpus, options and position, so tables and a position
    are all that the past leaves behind; the sums make the report whole.

    Attributes:
        tables: as learnt so far, all that threads kept to themselves given back.
        chunk_tokens: a chunk is the sentences that begin in so many tokens; 0: the run chooses.
        epoch: the epoch under way, from 0; the number of epochs when all are done.
        chunk: the chunks of this epoch that are done: the first so many.
        sums: float64, (chunks, 6): of each chunk of this epoch that is done its summed loss, the
            pairs of that sum, its tokens and how many of these were kept; and the summed loss of
            windows held out, and its pairs. Where the tables are.
        loss, held_out_loss: of each epoch that is done, the mean loss per pair.
        history: how the run went so far, a :class:`~embedlayer.training.history.Point` each.
        neighbours: of the words that the run watches, so far.
        tokens_trained: tokens kept, in the epochs that are done.
        seconds: of training so far.
        rates: float32, (rows of W_in,): how much of its change each row takes, 0 to 1; None: all.
        optimizer: the state of the layered step's optimizer, by name; empty for other steps.
    """

    tables: Tables
    chunk_tokens: int = 0
    epoch: int = 0
    chunk: int = 0
    sums: Array = None
    loss: list[float] = field(default_factory=list)
    held_out_loss: list[float] = field(default_factory=list)
    history: list[list[float]] = field(default_factory=list)
    neighbours: list[dict[str, Any]] = field(default_factory=list)
    tokens_trained: int = 0
    seconds: float = 0.0
    rates: Array = None
    optimizer: dict[str, Any] = field(default_factory=dict)

    def tokens_done(self, tokens: int) -> int:
        """Raw tokens, over all epochs, of a corpus of so many."""
        under_way = 0 if self.sums is None else done_so_far(self.sums).tokens
        return self.epoch * tokens + under_way

    def tokens_kept(self) -> int:
        """Tokens that subsampling kept so far, over all epochs."""
        under_way = 0 if self.sums is None else done_so_far(self.sums).tokens_kept
        return self.tokens_trained + under_way

    def end_epoch(self) -> None:
        """All chunks of the epoch are done: note its sums, and stand at the next one's start."""
        done = done_so_far(self.sums)
        self.loss.append(done.loss)
        self.held_out_loss.append(done.held_out_loss)
        self.tokens_trained += done.tokens_kept
        self.epoch, self.chunk, self.sums = self.epoch + 1, 0, None

    def checked(self, shapes: Shapes) -> "State":
        """The state itself; EmbedlayerError unless its tables have the shapes of a run's."""
        found = tuple(table.shape for table in self.tables)
        if found != shapes:
            raise EmbedlayerError(
                f"the state has tables of the shapes {found}, but this corpus and model need "
                f"{shapes}: give those that it was taken from"
            )
        return self

    def copy(self, device: Device = DEVICES["numpy"]) -> "State":
        """A copy on a device, default in the host's memory, which no run changes."""
        return replace(
            self,
            tables=Tables(*(copied_table(table, device) for table in self.tables)),
            sums=None if self.sums is None else device.xp.array(to_numpy(self.sums)),
            rates=None if self.rates is None else device.xp.array(to_numpy(self.rates)),
            loss=list(self.loss),
            held_out_loss=list(self.held_out_loss),
            history=list(self.history),
            neighbours=list(self.neighbours),
            optimizer={name: _copied(value, device) for name, value in self.optimizer.items()},
        )


def copied_table(table: Table, device: Device) -> Table:
    """A copy of a table on a device."""
    copy = device.zeros(*table.shape)
    copy[...] = device.xp.asarray(to_numpy(table))
    return copy


def _copied(value: Any, device: Device) -> Any:
    if isinstance(value, list):
        return [_copied(one, device) for one in value]
    return value if isinstance(value, int) else device.xp.array(to_numpy(value))
