"""How the changes that replicas made to the same rows become one change: the rules.

A rule is a function ``rule(rows, parts, pull)`` that merges rows in place::

    rows: float32, (R, D): as they were after their last merge, the same for all replicas
    parts: of each of N replicas, in the order of their ranks, float32, (R, D): the rows now
    pull: float32, (R,), above 0: how far a replica has pulled it since, learning rate × touches

Rows and parts become what they are merged to: of one replica, its part. Three of the rules are one
kernel, ``merge_rows``, whose correction has another size in each. What is known of them, and was
measured, is in ``docs/scaling_out.md``.
"""

import math
from collections.abc import Callable, Sequence

from embedlayer.arrays import Array, Table
from embedlayer.backend import array_module
from embedlayer.kernels import kernels_for

TOUCHES = 4  # that take the learning rate's share of a row's way to its fixed point

Rule = Callable[[Table, Sequence[Table], Array], None]


def total(rows: Table, parts: Sequence[Table], pull: Array) -> None:
    """The sum. Right for rare rows, whose small steps add; frequent ones overshoot and diverge.

    What threads on shared tables do (Hogwild: Recht et al., NIPS 2011).
    """
    _merge(rows, parts, array_module(pull).zeros_like(pull))


def mean(rows: Table, parts: Sequence[Table], pull: Array) -> None:
    """The mean. Right for frequent rows; a row that one of N replicas saw learns 1/N of it.

    Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016 (pWord2Vec).
    """
    _give(rows, parts, sum(part - rows for part in parts) / len(parts))


def contributors(rows: Table, parts: Sequence[Table], pull: Array) -> None:
    """The mean over the replicas that changed the row. Rows that few saw learn all of it.

    Ding et al., "Federated submodel optimization for hot and cold data features", NeurIPS 2022.
    """
    changes = [part - rows for part in parts]
    changed = sum(change.any(1).astype(rows.dtype) for change in changes).clip(1)
    _give(rows, parts, sum(changes) / changed[:, None])


def adasum(rows: Table, parts: Sequence[Table], pull: Array) -> None:
    """Adasum of each row: changes that are orthogonal add, parallel ones are averaged.

    Maleki et al., "Scaling distributed training with adaptive summation", MLSys 2021. Frequent
    rows do not overshoot; of rare ones, whose small parallel steps should add, learning is lost.
    """
    _merge(rows, parts, array_module(pull).ones_like(pull))


def damped(rows: Table, parts: Sequence[Table], pull: Array) -> None:
    """Adasum whose correction grows with the pull: a sum for rare rows, Adasum for frequent ones.

    Let a touch take a quarter of the learning rate, which is the slope of σ at 0, of what is left
    between a row and its fixed point. Then a replica leaves ρ = exp(−pull / 4) of it, N of them
    one after the other ρᴺ, and so together they should go (1 − ρᴺ) / (1 − ρ) times as far as one.
    Where N changes point the same way, the tree with the correction θ goes (2 − θ)^log₂N times as
    far.
    """
    xp, size = array_module(pull), len(parts)
    times = xp.expm1(-size * pull / TOUCHES) / xp.expm1(-pull / TOUCHES)
    _merge(rows, parts, 2 - times ** (1 / max(1, math.log2(size))))


MERGES: dict[str, Rule] = {
    "sum": total,
    "mean": mean,
    "contributors": contributors,
    "adasum": adasum,
    "damped": damped,
}


def _give(rows: Table, parts: Sequence[Table], change: Table) -> None:
    rows += change
    for part in parts:
        part[...] = rows


def _merge(rows: Table, parts: Sequence[Table], share: Array) -> None:
    if len(parts) == 1:
        rows[...] = parts[0]  # to the bit, which a change that is added is not
    else:
        kernels_for(rows).merge_rows(rows, parts, share)
