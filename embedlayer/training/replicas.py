"""A replica: tables of its own, trained on its own chunks, merged with those of the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from embedlayer.arrays import Table
from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective
from embedlayer.training.merge import MERGES
from embedlayer.training.steps import Step
from embedlayer.training.touches import Touches

LEAST_MERGES = 64  # of a run
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
        tokens: that a replica trains between two merges.
        head: the rows of each table that every merge takes.
        merges: of a round, a power of two.
    """

    rule: str = "damped"
    tokens: int = 10_000
    head: int = 1024
    merges: int = 32

    @classmethod
    def fitting(cls, replicas: int, tokens: int) -> "Merging":
        """How so many replicas are merged in a run over so many tokens, those of all epochs.

        What replicas learn about a frequent row is averaged, if they learn for long: two may, and
        meet seldom. More of them meet after 10,000 tokens each, and more than eight earlier.
        ``docs/scaling_out.md`` has the measurements.
        """
        seldom = cls(tokens=640_000, head=2048, merges=4)
        made = seldom if replicas <= 2 else cls(tokens=min(10_000, 80_000 // replicas))
        return replace(made, tokens=max(1, min(made.tokens, tokens // LEAST_MERGES // replicas)))

    def rows(self, merge: int) -> int | None:
        """How many rows the merge takes, from 1 to ``merges``; None: all."""
        lowest = merge & -merge
        return None if lowest >= self.merges else self.head * lowest

    @property
    def most_rows(self) -> int:
        """The most rows that a merge takes before the last of a round."""
        return self.head * self.merges // 2


class Replica:
    """One of the replicas of a run: a round is the same calls in all of them.

    Row r of both tables belongs to replica r mod N, which merges it: so any head of a table is
    shared out evenly, and only the owner needs to know what a row was after its last merge.

    Args:
        tables: its own, equal in all replicas.
        merged: its own rows of both tables as they were after their last merge, at the start equal
            to those of ``tables``. Between rounds, and when a round is void, they are whole.
        touches: what a replica's tokens between two merges touch, in both tables.
        rate: the learning rate of a chunk.
        merging: how to merge.
        chunks: that a replica trains between two merges.
        collective: the connection to the others.

    Attributes:
        whole: ``merged`` was not left in the middle of a merge of all rows.
    """

    def __init__(
        self,
        tables: Tables,
        merged: list[Table],
        touches: Sequence[Touches],
        rate: Callable[[int], float],
        merging: Merging,
        chunks: int,
        collective: Collective,
    ) -> None:
        self.tables, self.whole, self._rate = tables, True, rate
        self._merging, self._collective = merging, collective
        self._merge_chunks = chunks * collective.size  # of all replicas
        mine = slice(collective.rank, None, collective.size)
        self._merged = merged
        self._touches = [table.share(mine) for table in touches]
        self._merges = [0 * table.occasions for table in self._touches]  # since a row was merged

    @property
    def round_chunks(self) -> int:
        """The chunks of all replicas in a round."""
        return self._merging.merges * self._merge_chunks

    def run_round(self, chunks: range, train: Train, step: Step) -> None:
        """Train this replica's share of the chunks, every N-th, and merge; at the end all rows.

        Args:
            chunks: of all replicas.
            train, step: how a chunk is trained.

        Raises:
            LostReplica: the round is void.
        """
        rank, size = self._collective.rank, self._collective.size
        head = slice(-(-self._merging.most_rows // size))
        before = [merged[head].copy() for merged in self._merged]
        try:
            for merge, first in enumerate(chunks[:: self._merge_chunks], 1):
                end = first + self._merge_chunks
                for chunk in range(first + rank, min(end, chunks.stop), size):
                    train(self.tables, chunk, step)
                rows = self._merging.rows(merge) if end < chunks.stop else None
                self._merge(rows, self._rate(first))
        except BaseException:
            for merged, rows in zip(self._merged, before, strict=True):
                merged[head] = rows
            raise

    def _merge(self, rows: int | None, lr: float) -> None:
        """Merge the first rows of both tables; None: all."""
        size = self._collective.size
        parts = [[table[rank:rows:size] for table in self.tables] for rank in range(size)]
        given = self._collective.exchange(parts)
        self.whole = rows is not None
        merged = [self._merge_own(place, [part[place] for part in given], lr) for place in range(2)]
        self._collective.give_back(merged, parts)
        self.whole = True

    def _merge_own(self, place: int, parts: list[Table], lr: float) -> Table:
        """Merge the replica's own rows among those of a table, W_in's or W_out's; what they are."""
        mine, merges = slice(len(parts[0])), self._merges[place]
        merges += 1
        pull = lr * self._touches[place].where_any(mine, merges[mine])
        rows = self._merged[place][mine]
        MERGES[self._merging.rule](rows, parts, pull)
        merges[mine] = 0
        return rows
