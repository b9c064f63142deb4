"""The alias table and the Huffman tree, by known answers and by what defines them."""

import numpy as np
import pytest

from embedlayer.errors import EmbedlayerError
from embedlayer.models.outputs.alias import alias_table
from embedlayer.models.outputs.huffman import _paths, huffman_tree
from embedlayer.models.outputs.pairing import join_rarest
from embedlayer.rng import thresholds

FULL = 2**32


def test_thresholds_by_hand():
    found = thresholds(np.array([0.0, 0.25, 0.5, 1.0]))
    assert found.dtype == np.uint32
    assert found.tolist() == [0, FULL // 4 - 1, FULL // 2 - 1, FULL - 1]


def test_alias_table_by_hand():
    """Weights 1 and 3: slot 0 is half word 0, half word 1; slot 1 is all word 1."""
    prob, alias = alias_table(np.array([1.0, 3.0]))
    assert (prob.dtype, alias.dtype) == (np.uint32, np.int32)
    assert prob.tolist() == [FULL // 2 - 1, FULL - 1]
    assert alias.tolist() == [1, 1]


@pytest.mark.parametrize("size", [1, 2, 17, 5000])
def test_alias_table_gives_the_distribution_back(size):
    weights = (1e6 / np.arange(1, size + 1)) ** 0.75
    prob, alias = alias_table(weights)
    stay = (prob + 1.0) / FULL
    given = stay.copy()
    np.add.at(given, alias, 1 - stay)
    np.testing.assert_allclose(given / size, weights / weights.sum(), atol=1e-9)


@pytest.mark.parametrize("weights", [[1, -1, 2.0], [0, 0], [np.nan, 1], [np.inf, 1], [[1.0]], []])
def test_weights_that_are_no_probabilities_are_refused(weights):
    with pytest.raises(EmbedlayerError, match="weights"):
        alias_table(np.array(weights))


def test_huffman_tree_by_hand():
    """Counts 10 5 3 2 1: 1+2=3 (node 3), 3+3=6 (2), 5+6=11 (1), 10+11=21 (0, the root)."""
    tree = huffman_tree(np.array([10, 5, 3, 2, 1]))
    assert tree.rows.tolist() == [
        [0, -1, -1, -1],
        [0, 1, -1, -1],
        [0, 1, 2, -1],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
    ]
    assert tree.labels.tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
    ]
    assert tree.lengths.tolist() == [1, 2, 3, 4, 4]
    assert (tree.rows.dtype, tree.labels.dtype) == (np.int32, np.float32)


def test_huffman_codes_are_complete_and_shortest():
    counts = np.random.default_rng(1).zipf(1.5, 3000)
    tree = huffman_tree(counts)
    assert sum(2.0**-tree.lengths) == 1.0  # Kraft: every code is used, none is a prefix
    assert (
        len(
            {
                tuple(zip(*paths, strict=True))
                for paths in (
                    (row[row >= 0], label[row >= 0])
                    for row, label in zip(tree.rows, tree.labels, strict=True)
                )
            }
        )
        == 3000
    )
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= (share * tree.lengths).sum() < entropy + 1


def test_words_of_one_count_are_joined_in_their_order():
    """Else the tree, and the vectors, would depend on how NumPy sorts."""
    counts = np.sort(np.random.default_rng(0).integers(1, 4, 1000))[::-1].copy()
    rising = np.array(sorted(range(1000), key=counts.tolist().__getitem__))
    wanted = _paths(*join_rarest(counts, rising), 1000)
    np.testing.assert_array_equal(huffman_tree(counts).rows, wanted.rows)
    np.testing.assert_array_equal(huffman_tree(counts).labels, wanted.labels)


def test_one_word_has_an_empty_code():
    tree = huffman_tree(np.array([4]))
    assert tree.rows.tolist() == [[-1]]
