"""Compiled: the loops that pair the poor with the rich, and the rarest with the next rarest."""

import numpy as np

from embedlayer.storage.compiled import compiled


@compiled
def pair_slots(share: np.ndarray, alias: np.ndarray) -> None:
    """Fill every slot below one from a slot above, as ``alias.alias_table`` says.

    Args:
        share: float64, (V,), of mean one: becomes how much of its slot each word keeps.
        alias: int32, (V,): receives the word that has the rest.
    """
    size = len(share)
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    smalls = larges = 0
    for i in range(size):
        if share[i] < 1.0:
            small[smalls] = i
            smalls += 1
        else:
            large[larges] = i
            larges += 1
    while smalls and larges:
        smalls -= 1
        poor, rich = small[smalls], large[larges - 1]
        alias[poor] = rich
        share[rich] -= 1.0 - share[poor]
        if share[rich] < 1.0:
            larges -= 1
            small[smalls] = rich
            smalls += 1
    share[small[:smalls]] = 1.0  # only rounding kept these from exactly one
    share[large[:larges]] = 1.0


@compiled
def join_rarest(counts: np.ndarray, rising: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join the two rarest nodes into one until one is left.

    Joined nodes come in the order of their counts, so that the rarest is always the first of the
    leaves or the first of the joined ones that are left (van Leeuwen, "On the construction of
    Huffman trees", ICALP 1976); of equal ones the leaf.

    Args:
        counts: int64, (V,): of the leaves.
        rising: int64, (V,): the leaves in the order of their counts.

    Returns:
        parent: int32, and bit: int8, (2V − 1,): of the leaves 0 … V − 1 and the joined nodes after
        them, the root last.
    """
    size = len(counts)
    total = np.zeros(2 * size - 1, np.int64)
    total[:size] = counts
    parent, bit = np.zeros(2 * size - 1, np.int32), np.zeros(2 * size - 1, np.int8)
    leaf, joined = 0, size
    for node in range(size, 2 * size - 1):
        for side in range(2):
            if leaf < size and (joined == node or total[rising[leaf]] <= total[joined]):
                child = rising[leaf]
                leaf += 1
            else:
                child = np.int64(joined)
                joined += 1
            parent[child], bit[child] = node, side
            total[node] += total[child]
    return parent, bit
