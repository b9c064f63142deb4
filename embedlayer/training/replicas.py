"""A replica: tables of its own, trained on its own chunks, merged with those of the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embedlayer.arrays import Array, Ids
from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective
from embedlayer.training.merge import MERGES, merge_rows
from embedlayer.training.steps import Step

Train = Callable[[Tables, int, Step], None]  # a chunk, with a worker's step


@dataclass(frozen=True)
class Merging:
    """How often which rows are merged, and by which rule.

    Words are numbered by falling count, so the first rows of a table are the frequent ones; where
    it has rows of n-grams, an order says which are. Merge n of a round takes the first ``head`` ·
    2^z rows, z the trailing zero bits of n (the tiers of pWord2Vec's MPI version: Ji et al., 2016);
    the last merge of a round takes all.

    Args:
        rule: a name in ``MERGES``.
        tokens: that a replica trains between two merges: of a chunk.
        head: the rows of each table that every merge takes.
        merges: of a round, a power of two.
    """

    rule: str = "damped"
    tokens: int = 10_000
    head: int = 1024
    merges: int = 32

    def rows(self, merge: int) -> int | None:
        """How many rows the merge takes, from 1 to ``merges``; None: all."""
        lowest = merge & -merge
        return None if lowest >= self.merges else self.head * lowest


class Replica:
    """One of the replicas of a run: a round is the same calls in all of them.

    Row r of an order belongs to replica r mod N, which merges it: so any head of a table is
    shared out evenly, and only the owner remembers what a row was after its last merge.

    Args:
        tables: its own, equal in all replicas.
        touches: float32, a number for each row of both tables: how often a chunk touches it.
        orders: of both tables, the rows that are touched most often first; None: as they are.
        rate: the learning rate of a chunk.
        merging: how to merge.
        collective: the connection to the others.
    """

    def __init__(
        self,
        tables: Tables,
        touches: tuple[Array, Array],
        orders: tuple[Ids | None, Ids | None],
        rate: Callable[[int], float],
        merging: Merging,
        collective: Collective,
    ) -> None:
        self.tables, self._rate = tables, rate
        self._merging, self._collective = merging, collective
        self._orders = orders
        mine = [self._share(order, collective.rank) for order in orders]
        self._merged = [table[rows].copy() for table, rows in zip(tables, mine, strict=True)]
        self._touches = [rates[rows] for rates, rows in zip(touches, mine, strict=True)]
        self._chunks = [0 * rates for rates in self._touches]  # since a row's last merge

    @property
    def round_chunks(self) -> int:
        """The chunks of all replicas in a round."""
        return self._merging.merges * self._collective.size

    def run_round(self, chunks: range, train: Train, step: Step) -> None:
        """Train this replica's share of the chunks, every N-th, merging after each; then all rows.

        Args:
            chunks: of all replicas.
            train, step: how a chunk is trained.

        Raises:
            LostReplica: the round is void.
        """
        rank, size = self._collective.rank, self._collective.size
        for merge, first in enumerate(chunks[::size], 1):
            if first + rank in chunks:
                train(self.tables, first + rank, step)
            last = first + size >= chunks.stop
            self._merge(None if last else self._merging.rows(merge), self._rate(first))

    def _merge(self, rows: int | None, lr: float) -> None:
        """Merge the first rows of both tables; None: all."""
        size = self._collective.size
        for table, order, merged, touches, chunks in zip(
            self.tables, self._orders, self._merged, self._touches, self._chunks, strict=True
        ):
            chunks += 1
            shares = [self._share(order, rank, rows) for rank in range(size)]
            parts = self._collective.exchange([table[share] for share in shares])
            mine = slice(0, len(parts[0]))
            pull = lr * touches[mine] * chunks[mine]
            merged[mine] = merge_rows(MERGES[self._merging.rule], merged[mine], parts, pull)
            chunks[mine] = 0
            for share, part in zip(shares, self._collective.gather(merged[mine]), strict=True):
                table[share] = part

    def _share(self, order: Ids | None, rank: int, rows: int | None = None) -> Any:
        """The rows of a table, of the first so many, that belong to a replica."""
        share = slice(rank, rows, self._collective.size)
        return share if order is None else order[share]
