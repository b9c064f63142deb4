"""The rules by which replicas' changes become one: what each does with rare and frequent rows."""

import numpy as np
import pytest

from embedlayer.backend import to_numpy
from embedlayer.kernels import cpu
from embedlayer.kernels import reference as definition
from embedlayer.training.merge import MERGES

ROWS, COLUMNS = 600, 48
RARE, FREQUENT = np.full(ROWS, 1e-6, np.float32), np.full(ROWS, 1e6, np.float32)  # their pull
SUMMING = [name for name in MERGES if name != "mean"]


@pytest.fixture
def reference():
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


def merge_rows(rule, reference, parts, pull):
    """What a rule makes of rows: it changes them, and the parts, in place."""
    rows, parts = reference.copy(), [part.copy() for part in parts]
    rule(rows, parts, pull)
    for part in parts:
        np.testing.assert_array_equal(to_numpy(part), to_numpy(rows))
    return rows


def changed(reference, size, scale=0.01, seed=1):
    """Replicas that changed every row, each in a direction of its own."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(size, *reference.shape)) * scale
    return [reference + one.astype(np.float32) for one in noise]


@pytest.mark.parametrize("rule", MERGES.values(), ids=MERGES)
def test_one_replica_changes_nothing(rule, reference):
    (part,) = changed(reference, 1)
    np.testing.assert_array_equal(merge_rows(rule, reference, [part], FREQUENT), part)


@pytest.mark.parametrize("rule", MERGES.values(), ids=MERGES)
def test_rows_that_none_changed_stay_to_the_bit(rule, reference):
    merged = merge_rows(rule, reference, [reference.copy() for _ in range(3)], FREQUENT)
    np.testing.assert_array_equal(merged, reference)


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("name", SUMMING)
@pytest.mark.parametrize("pull", [RARE, FREQUENT], ids=["rare", "frequent"])
def test_disjoint_rows_add(name, size, pull, reference):
    parts = [reference.copy() for _ in range(size)]
    wanted = changed(reference, 1)[0]
    for rank, part in enumerate(parts):
        part[rank::size] = wanted[rank::size]
    merged = merge_rows(MERGES[name], reference, parts, pull)
    np.testing.assert_allclose(merged, wanted, atol=1e-6)


def test_the_mean_dilutes_what_one_replica_learnt(reference):
    (wanted,) = changed(reference, 1)
    merged = merge_rows(MERGES["mean"], reference, [wanted, *[reference] * 3], RARE)
    np.testing.assert_allclose(merged - reference, (wanted - reference) / 4, atol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_orthogonal_changes_add(size, reference):
    parts = [reference.copy() for _ in range(size)]
    for rank, part in enumerate(parts):
        part[:, rank] += 0.1
    for name in ("sum", "adasum", "damped"):
        merged = merge_rows(MERGES[name], reference, parts, FREQUENT)
        np.testing.assert_allclose((merged - reference)[:, :size], 0.1, atol=1e-6)


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("name", ["mean", "contributors", "adasum", "damped"])
def test_equal_changes_of_a_converged_row_do_not_overshoot(name, size, reference):
    (wanted,) = changed(reference, 1)
    merged = merge_rows(MERGES[name], reference, [wanted] * size, FREQUENT)
    np.testing.assert_allclose(merged, wanted, atol=1e-6)


def test_equal_changes_of_a_rare_row_add_where_adasum_loses_them(reference):
    (wanted,) = changed(reference, 1)
    change = wanted - reference
    for name, times in (("sum", 8), ("damped", 8), ("adasum", 1)):
        merged = merge_rows(MERGES[name], reference, [wanted] * 8, RARE)
        np.testing.assert_allclose(merged, reference + times * change, atol=1e-5)


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_damped_is_the_formula_over_a_tree_of_the_ranks(size, reference):
    parts = changed(reference, size)
    pull = np.random.default_rng(2).uniform(0.01, 40, ROWS).astype(np.float32)
    left = np.exp(-pull.astype(np.float64) / 4)
    share = (2 - ((1 - left**size) / (1 - left)) ** (1 / np.log2(size)))[:, None]
    nodes = [part.astype(np.float64) - reference for part in parts]
    while len(nodes) > 1:
        pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
        nodes = [pair[0] if len(pair) == 1 else combined(*pair, share) for pair in pairs]
    merged = merge_rows(MERGES["damped"], reference, parts, pull)
    np.testing.assert_allclose(merged - reference, nodes[0], atol=1e-6)


def combined(a, b, share):
    product = (a * b).sum(1, keepdims=True)
    shorter = share * product / (2 * (a * a).sum(1, keepdims=True))
    return (1 - shorter) * a + (1 - share * product / (2 * (b * b).sum(1, keepdims=True))) * b


@pytest.mark.parametrize("rule", MERGES.values(), ids=MERGES)
def test_a_row_has_the_same_bits_whatever_rows_are_merged_beside_it(rule, reference):
    parts = changed(reference, 3)
    whole = merge_rows(rule, reference, parts, FREQUENT)
    piece = slice(1, ROWS, 7)
    alone = merge_rows(rule, reference[piece], [part[piece] for part in parts], FREQUENT[piece])
    np.testing.assert_array_equal(alone, whole[piece])


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("rule", MERGES.values(), ids=MERGES)
def test_a_device_merges_as_the_host_does(rule, reference):
    import cupy

    parts, pull = changed(reference, 3), np.linspace(1e-3, 40, ROWS, dtype=np.float32)
    wanted = merge_rows(rule, reference, parts, pull)
    there = [cupy.array(part) for part in parts]
    found = merge_rows(rule, cupy.array(reference), there, cupy.asarray(pull))
    np.testing.assert_allclose(cupy.asnumpy(found), wanted, atol=1e-6)


@pytest.mark.parametrize("dim", [5, 16, 33])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 8, 13])
def test_the_compiled_merge_is_the_definition(size, dim):
    random = np.random.default_rng(3)
    rows = random.normal(size=(40, dim)).astype(np.float32)
    parts = [table[::2] for table in changed(np.repeat(rows, 2, 0), size, 0.3)]  # strided rows
    parts[0][5:7] = rows[5:7]  # one that did not change
    parts[1][6] = rows[6]
    share = random.uniform(0, 1, 40).astype(np.float32)
    share[:2] = 0, 1
    wanted, found = rows.copy(), rows.copy()
    definition.merge_rows(wanted, [part.copy() for part in parts], share)
    cpu.merge_rows(found, parts, share)
    for part in parts:
        np.testing.assert_array_equal(part, found)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(wanted - rows).max() > 0.1
