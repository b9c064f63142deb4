"""How the changes that replicas made to the same rows become one change: rules, as arithmetic.

Every rule is a weighted sum of the replicas' changes with weights of its own for each row, and the
weights follow from the products of the changes with each other. So a rule is a small function::

    rule(products, pull) -> weights

where ``products``, float32, (N, N, R), has the product of changes i and j of each row, ``pull``,
float32, (R,), says how far the row's own steps have pulled it (learning rate × touches of a replica
since the last merge), and ``weights`` are float32, (N, R). Rows come last, as there are the most of
them. N replicas are merged in the order of their ranks: nothing depends on which is the first.

What is known of the rules, and was measured here, is in ``docs/scaling_out.md``.
"""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

from embedlayer.arrays import Array, Table, pieces
from embedlayer.backend import array_module

Rule = Callable[[Array, Array], Array]


def total(products: Array, pull: Array) -> Array:
    """The sum. Right for rare rows, whose small steps add; frequent ones overshoot and diverge.

    What threads on shared tables do (Hogwild: Recht et al., NIPS 2011).
    """
    return array_module(products).ones(products.shape[1:], products.dtype)


def mean(products: Array, pull: Array) -> Array:
    """The mean. Right for frequent rows; a row that one of N replicas saw learns 1/N of it.

    Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016 (pWord2Vec).
    """
    return total(products, pull) / len(products)


def contributors(products: Array, pull: Array) -> Array:
    """The mean over the replicas that changed the row. Rows that few saw learn all of it.

    Ding et al., "Federated submodel optimization for hot and cold data features", NeurIPS 2022.
    """
    place = array_module(products).arange(len(products))
    changed = (products[place, place] > 0).astype(products.dtype)
    return changed / changed.sum(0).clip(1)


def adasum(products: Array, pull: Array) -> Array:
    """Adasum of each row: changes that are orthogonal add, parallel ones are averaged.

    Maleki et al., "Scaling distributed training with adaptive summation", MLSys 2021. Frequent
    rows do not overshoot; of rare ones, whose small parallel steps should add, learning is lost.
    """
    return _pairwise(products, array_module(pull).ones_like(pull))


def damped(products: Array, pull: Array) -> Array:
    """Adasum whose correction grows with the pull: a sum for rare rows, Adasum for frequent ones.

    The correction is multiplied by 1 − exp(−pull): the share of the way to its fixed point that a
    row has gone, if each touch takes the learning rate's share of what is left. A fifth of the
    pull makes rare rows overshoot; with an infinite one it is Adasum.
    """
    return _pairwise(products, 1 - array_module(pull).exp(-pull))


MERGES: dict[str, Rule] = {
    "sum": total,
    "mean": mean,
    "contributors": contributors,
    "adasum": adasum,
    "damped": damped,
}


def merge_rows(rule: Rule, reference: Table, parts: Sequence[Table], pull: Array) -> Table:
    """What the rows of all replicas are after a merge.

    Args:
        rule: one of ``MERGES``.
        reference: float32, (R, D): the rows after their last merge, the same for all replicas.
        parts: of each replica, in the order of their ranks, float32, (R, D): the rows now.
        pull: float32, (R,): learning rate × touches of a replica since the last merge.

    Returns:
        float32, (R, D). Of one replica it is ``parts[0]``.
    """
    if len(parts) == 1:
        return parts[0]
    xp, size = array_module(reference), len(parts)
    merged = xp.empty_like(reference)
    for piece in pieces(len(reference), xp.empty((0, size, reference.shape[1]), reference.dtype)):
        before = reference[piece]
        changes = [part[piece] - before for part in parts]
        products = xp.empty((size, size, len(before)), before.dtype)
        for i, j in combinations_with_replacement(range(size), 2):
            products[i, j] = products[j, i] = xp.einsum("rd,rd->r", changes[i], changes[j])
        for weight, change in zip(rule(products, pull[piece]), changes, strict=True):
            change *= weight[:, None]
        merged[piece] = before + sum(changes[1:], changes[0])
    return merged


def _pairwise(products: Array, share: Array) -> Array:
    """The weights of Adasum over a binary tree of the ranks, its corrections times ``share``.

    Two changes a and b give (1 − θ a·b / 2|a|²) a + (1 − θ a·b / 2|b|²) b. The tree is filled up
    with changes of zero, each of which leaves its partner as it is.
    """
    xp, size = array_module(products), len(products)
    nodes = width = 1 << (size - 1).bit_length()
    products = xp.pad(products, ((0, width - size), (0, width - size), (0, 0)))
    weights = xp.ones(products.shape[1:], products.dtype)
    while nodes > 1:
        place = xp.arange(nodes)
        lengths = products[place, place]
        shared = products[place, place ^ 1] / (2 * xp.where(lengths > 0, lengths, 1))
        factors = 1 - share * shared
        weights *= factors.repeat(width // nodes, axis=0)
        products = products * factors[:, None] * factors
        nodes //= 2
        products = products.reshape(nodes, 2, nodes, 2, -1).sum((1, 3))
    return weights[:size]
