"""Whether a run still learns: its loss and its tables, looked at while it goes on."""

import math
from typing import Any

from embedlayer.arrays import Array, pieces
from embedlayer.backend import array_module
from embedlayer.errors import EmbedlayerError, NothingToLearnError
from embedlayer.kernels.arguments import Tables
from embedlayer.training.state import done_so_far

CHANCE = math.log(2)  # the loss per pair where each label is as likely as not
MOST_LOSS = 2 * CHANCE  # that a run may have for a moment and still recover
RECENT = 32  # chunks, whose loss is the present one
FEWEST_PAIRS = 1000  # a loss of fewer tells nothing


class Diverged(EmbedlayerError):
    """A run whose steps were too large for it to learn anything more."""


def check_loss(sums: Array, chunk: int, epoch: int, lr: float) -> None:
    """Raise Diverged if the loss of the last chunks is no number, or far above that of chance.

    Args:
        sums: ``State.sums``.
        chunk: the chunks that are taken.
        epoch, lr: of the last chunk.
    """
    recent = done_so_far(sums[max(0, chunk - RECENT) : chunk])
    if recent.pairs and not math.isfinite(recent.loss):
        raise _diverged(f"the loss is {recent.loss}", epoch, lr)
    if recent.pairs >= FEWEST_PAIRS and recent.loss > MOST_LOSS:
        raise _diverged(f"the loss is {recent.loss:.3g}, that of chance {CHANCE:.3f}", epoch, lr)


def check_tables(tables: Tables, epoch: int, lr: float) -> None:
    """Raise Diverged if a table holds a NaN or an infinity."""
    finite: Any = True
    for table in tables:
        for part in pieces(len(table), table):
            finite = finite & array_module(table).isfinite(table[part]).all()
    if not bool(finite):  # to read it is to wait for a device: once
        raise _diverged("the vectors hold a NaN or an infinity", epoch, lr)


def check_learnt(tables: Tables) -> None:
    """Raise NothingToLearnError if a run has changed no output row: no window had a context."""
    if not bool(tables.W_out.any()):
        raise NothingToLearnError(
            "nothing was learnt: subsampling left no sentence with two words; raise sample "
            "(--sample), 0 keeps all, or give longer sentences"
        )


def _diverged(what: str, epoch: int, lr: float) -> Diverged:
    return Diverged(
        f"training diverged: {what}, in epoch {epoch + 1} at the learning rate {lr:.4g}; give a "
        "lower lr (--lr), a third, say, or leave it to its default; no output was written"
    )
