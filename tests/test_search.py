"""Exact search on the host: as float64 has it, in every shape, equal to the bit in batches."""

import numpy as np
import pytest

from embedlayer.device import Host
from embedlayer.vectors import by_blocks
from embedlayer.vectors.search import nearest_rows, unit_rows

# Rows, dimensions, queries, k: one of each, fewer and more than a group, a block, a vector.
SHAPES = [
    (1, 4, 1, 1),
    (5, 4, 3, 9),
    (63, 7, 2, 1),
    (64, 16, 5, 10),
    (65, 17, 65, 64),
    (300, 33, 1, 300),
    (1000, 8, 31, 100),
    (4097, 50, 3, 7),
]
each_shape = pytest.mark.parametrize(("size", "dim", "queries", "k"), SHAPES)


@pytest.fixture
def small_blocks(monkeypatch):
    """Seven queries, and 96 scores, at a time."""
    monkeypatch.setattr(by_blocks, "QUERIES", 7)
    monkeypatch.setattr(Host, "search_scores", 96)


def exact_answer(unit, directions, excluded, k):
    """The definition, in float64: rows by falling score, then by number."""
    scores = directions.astype(np.float64) @ unit.T.astype(np.float64)
    for query, rows in enumerate(excluded):
        scores[query, [row for row in rows if row < len(unit)]] = -np.inf
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(scores, rows, axis=1)


def check_exact(unit, directions, excluded, k, atol=0.0):
    """Raise unless rows and scores are those of the definition."""
    rows, scores = nearest_rows(unit, directions, excluded, k)
    wanted_rows, wanted = exact_answer(unit, directions, excluded, k)
    assert (rows.dtype, scores.dtype) == (np.int64, np.float64)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=atol)
    there = wanted > -np.inf
    np.testing.assert_array_equal(rows[there], wanted_rows[there])


def of_halves(rng, size, dim):
    """Rows of length 1 made of 0 and ±½, or ±1: products are exact, and most have equals."""
    rows = np.zeros((size, dim), np.float32)
    for row in rows:
        row[rng.permutation(dim)[:4]] = rng.choice([-0.5, 0.5], 4)
    return rows


def some_rows(rng, queries, size):
    """Up to five rows for each query; some lie beyond the table, as those of other words do."""
    return [rng.integers(0, size + 3, rng.integers(0, 6)).tolist() for _ in range(queries)]


@each_shape
def test_ties_and_excluded_rows_as_the_definition_has_them(small_blocks, size, dim, queries, k):
    rng = np.random.default_rng(size)
    unit, directions = of_halves(rng, size, dim), of_halves(rng, queries, dim)
    check_exact(unit, directions, some_rows(rng, queries, size), k)


@each_shape
def test_any_numbers_as_the_definition_has_them(small_blocks, size, dim, queries, k):
    rng = np.random.default_rng(size)
    unit = unit_rows(rng.standard_normal((size, dim), np.float32))
    directions = unit_rows(rng.standard_normal((queries, dim), np.float32))
    check_exact(unit, directions, some_rows(rng, queries, size), k, atol=1e-14)


@pytest.mark.parametrize("k", [1, 10, 400])
def test_what_float32_cannot_tell_apart_is_told_apart(k):
    """Rows so close that the product's rounding would shuffle them; their sums are exact here."""
    rng = np.random.default_rng(3)
    centre = rng.integers(-(2**17), 2**17, 64)
    rows = (centre + rng.integers(-2, 3, (5000, 64))) * 2.0**-20
    unit = rows.astype(np.float32)
    check_exact(unit, unit[:3], [[0], [], [2]], k)


@each_shape
def test_one_query_and_many_give_the_same_bits(monkeypatch, size, dim, queries, k):
    rng = np.random.default_rng(size)
    unit = unit_rows(rng.standard_normal((size, dim), np.float32))
    directions = unit_rows(rng.standard_normal((queries, dim), np.float32))
    excluded = some_rows(rng, queries, size)
    many = nearest_rows(unit, directions, excluded, k)
    alone = [
        nearest_rows(unit, directions[i : i + 1], excluded[i : i + 1], k) for i in range(queries)
    ]
    monkeypatch.setattr(Host, "search_scores", 1)  # a row at a time
    in_small_blocks = nearest_rows(unit, directions, excluded, k)
    for i, part in enumerate(many):
        np.testing.assert_array_equal(part, np.concatenate([one[i] for one in alone]))
        np.testing.assert_array_equal(part, in_small_blocks[i])


def test_equal_rows_have_equal_scores_wherever_they_lie(small_blocks):
    rng = np.random.default_rng(5)
    distinct = unit_rows(rng.standard_normal((9, 37), np.float32))
    places = rng.integers(0, 9, 500)
    rows, scores = nearest_rows(distinct[places], distinct, [()] * 9, 500)
    for found, score in zip(rows, scores, strict=True):
        of_row = [np.unique(score[places[found] == i]) for i in range(9)]
        assert [len(values) for values in of_row] == [1] * 9
        for i in range(9):
            assert (np.diff(found[places[found] == i]) > 0).all()


def test_nothing_is_left_when_all_rows_are_excluded():
    unit = of_halves(np.random.default_rng(0), 3, 4)
    _, scores = nearest_rows(unit, unit[:2], [[0, 1, 2], [1]], 3)
    assert (scores > -np.inf).sum(axis=1).tolist() == [0, 2]


def test_the_bound_on_rounding_holds():
    """Against the largest errors that the matrix product makes here."""
    rng = np.random.default_rng(1)
    for dim in (1, 10, 300, 5000):
        unit = unit_rows(np.abs(rng.standard_normal((200, dim), np.float32)))
        exact = unit.astype(np.float64) @ unit.T.astype(np.float64)
        assert np.abs(unit @ unit.T - exact).max() < by_blocks.rounding(dim)
