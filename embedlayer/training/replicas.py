"""A replica: tables of its own, trained on its own chunks, merged with those of the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from embedlayer.arrays import Table
from embedlayer.kernels.arguments import Tables
from embedlayer.training.collective import Collective, Rows
from embedlayer.training.merge import MERGES
from embedlayer.training.steps import Step
from embedlayer.training.touches import Touches

LEAST_MERGES = 60  # of a run: three rounds of four in each of five epochs
Tiers = Sequence[Sequence[Table]]  # rows of each table, tier by tier
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
        tokens: that a replica trains between two merges, to the nearest whole chunk.
        head: the rows of each table that every merge takes.
        merges: of a round, a power of two.
    """

    rule: str = "damped"
    tokens: int = 10_000
    head: int = 1024
    merges: int = 32

    @classmethod
    def fitting(cls, replicas: int, epochs: int, tokens: int) -> "Merging":
        """How so many replicas are merged in a run of so many epochs over so many tokens.

        What replicas learn about a frequent row is averaged, if they learn for long: two may, and
        meet seldom. More of them meet after 10,000 tokens each, and more than eight earlier.
        ``docs/scaling_out.md`` has the measurements.

        As the end of an epoch is a merge of all rows, too, rounds of two fill it evenly.
        """
        most = epochs * tokens // LEAST_MERGES // replicas
        if replicas > 2:
            return cls(tokens=max(1, min(10_000, 80_000 // replicas, most)))
        seldom = cls(tokens=640_000, head=4096, merges=4)
        a_round = replicas * seldom.merges * max(1, min(seldom.tokens, most))
        rounds = max(1, round(tokens / a_round))
        return replace(seldom, tokens=-(-tokens // (replicas * seldom.merges * rounds)))

    @property
    def tiers(self) -> int:
        """How many there are: the head, as many rows as it has, twice as many, …; the rest."""
        return self.merges.bit_length()

    def tiers_of(self, merge: int) -> int:
        """How many tiers the merge takes, from 1 to ``merges``."""
        return (merge & -merge).bit_length()

    def owned(self, rows: int, rank: int, size: int) -> list[slice]:
        """Those of a table's rows that a replica merges, tier by tier."""
        ends = [min(self.head << tier, rows) for tier in range(self.tiers - 1)]
        tiers = pairwise([0, *ends, rows])
        return [even_share(range(*tier), rank, size) for tier in tiers]


def even_share(rows: range, rank: int, size: int) -> slice:
    """The part of consecutive rows that is one replica's, where each has as many."""
    first, last = (rows.start + len(rows) * share // size for share in (rank, rank + 1))
    return slice(first, last)


def owned_rows(tables: Tables, merging: Merging, rank: int, size: int) -> Tiers:
    """Of each table the rows that a replica merges, tier by tier."""
    return [[table[rows] for rows in merging.owned(len(table), rank, size)] for table in tables]


@dataclass
class Tier:
    """The rows of one tier of a table that a replica merges.

    Attributes:
        rows: as they were after their last merge.
        touches: of each by what a replica trains between two merges.
        merges: since they were merged, of which there were so many.
    """

    rows: Table
    touches: Touches
    merges: int = 0


class Replica:
    """One of the replicas of a run: a round is the same calls in all of them.

    Each replica merges an even share of each tier, rows that follow each other, as memory is read
    fastest; only who merges a row needs to know what it was after its last merge.

    Args:
        tables: its own, equal in all replicas.
        merged: of both tables the rows that it merges (:func:`owned_rows`), as they were after
            their last merge, at the start equal to those of ``tables``. Between rounds, and when a
            round is void, they are whole.
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
        merged: Tiers,
        touches: Sequence[Touches],
        rate: Callable[[int], float],
        merging: Merging,
        chunks: int,
        collective: Collective,
    ) -> None:
        self.tables, self.whole, self._rate = tables, True, rate
        self._merging, self._collective = merging, collective
        rank, size = collective.rank, collective.size
        self._merge_chunks = chunks * size  # of all replicas
        self._owned = [owned_rows(tables, merging, one, size) for one in range(size)]
        self._tiers = [
            [
                Tier(rows, of_table.share(mine))
                for rows, mine in zip(tiers, merging.owned(len(table), rank, size), strict=True)
            ]
            for tiers, of_table, table in zip(merged, touches, tables, strict=True)
        ]

    @property
    def round_chunks(self) -> int:
        """The chunks of all replicas in a round."""
        return self._merging.merges * self._merge_chunks

    def parts(self, tiers: int | None = None) -> list[Rows]:
        """For each replica its rows here, of the first so many tiers of both tables; None: all."""
        return [[rows for table in owned for rows in table[:tiers]] for owned in self._owned]

    def run_round(self, chunks: range, train: Train, step: Step) -> None:
        """Train this replica's share of the chunks, every N-th, and merge; at the end all rows.

        Args:
            chunks: of all replicas.
            train, step: how a chunk is trained.

        Raises:
            LostReplica: the round is void.
        """
        rank, size = self._collective.rank, self._collective.size
        early = [tier for tiers in self._tiers for tier in tiers[:-1]]  # merged before its end
        before = [tier.rows.copy() for tier in early]
        try:
            for merge, first in enumerate(chunks[:: self._merge_chunks], 1):
                end = first + self._merge_chunks
                for chunk in range(first + rank, min(end, chunks.stop), size):
                    train(self.tables, chunk, step)
                last = end >= chunks.stop
                tiers = self._merging.tiers if last else self._merging.tiers_of(merge)
                self._merge(tiers, self._rate(first))
        except BaseException:
            for tier, rows in zip(early, before, strict=True):
                tier.rows[...] = rows
            raise

    def _merge(self, tiers: int, lr: float) -> None:
        """Merge the first so many tiers of both tables."""
        for table in self._tiers:
            for tier in table:
                tier.merges += 1
        parts = self.parts(tiers)
        given = self._collective.exchange(parts)
        self.whole = tiers < self._merging.tiers
        mine = [tier for table in self._tiers for tier in table[:tiers]]
        for tier, *rows in zip(mine, *given, strict=True):
            self._merge_tier(tier, rows, lr)
        self._collective.give_back([tier.rows for tier in mine], parts)
        self.whole = True

    def _merge_tier(self, tier: Tier, parts: list[Table], lr: float) -> None:
        if len(tier.rows):
            pull = lr * tier.touches.where_any(tier.merges)
            MERGES[self._merging.rule](tier.rows, parts, pull)
        tier.merges = 0
