"""From D dimensions to two: against a singular value decomposition, and by what stays together."""

import os
import sys
import warnings

import numpy as np
import pytest
from conftest import import_or_skip

from embedlayer.errors import EmbedlayerError, MissingLibraryError
from embedlayer.pictures.projection import PROJECTIONS, check_method, principal, projected
from embedlayer.vectors.search import unit_rows

CLUSTERS, EACH, DIM = 4, 12, 10


@pytest.fixture(scope="module")
def unit():
    """Clusters of directions, far apart."""
    rng = np.random.default_rng(0)
    centres = np.eye(CLUSTERS, DIM, dtype=np.float32)
    noise = 0.15 * rng.standard_normal((CLUSTERS * EACH, DIM))
    return unit_rows((centres.repeat(EACH, axis=0) + noise).astype(np.float32))


def test_principal_components_are_those_of_the_singular_value_decomposition(unit):
    points = principal(unit)
    centred = unit.astype(np.float64) - unit.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(left[:, :2] * values[:2]), atol=1e-9)


def test_the_largest_entry_of_a_direction_is_positive():
    """So that the picture of the same vectors is the same on each machine."""
    line = np.array([[0, 3, 1], [0, 0, 0], [0, -3, -1]], np.float32)
    np.testing.assert_allclose(principal(line)[:, 0], np.array([1, 0, -1]) * 10**0.5, atol=1e-9)
    np.testing.assert_allclose(principal(-line)[:, 0], np.array([-1, 0, 1]) * 10**0.5, atol=1e-9)


def test_points_lie_around_the_middle_and_reach_one(unit):
    points = projected(unit)
    assert points.dtype == np.float32
    assert np.abs(points).max() == 1
    np.testing.assert_allclose(points.min(axis=0), -points.max(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    "rows",
    [np.ones((1, 3)), np.ones((5, 3)) / 3**0.5, np.zeros((2, 4)), np.ones((3, 1))],
    ids=["one word", "all the same", "zeros", "one number"],
)
def test_vectors_that_do_not_differ_lie_in_one_place(rows):
    assert projected(rows.astype(np.float32)).tolist() == [[0, 0]] * len(rows)


def test_two_words_and_vectors_of_one_number_lie_on_a_line():
    assert projected(np.eye(2, dtype=np.float32)).tolist() == [[1, 0], [-1, 0]]
    points = projected(np.array([[1], [-1], [1]], np.float32))
    assert points.tolist() == [[1, 0], [-1, 0], [1, 0]]


@pytest.mark.parametrize("method", PROJECTIONS)
def test_what_belongs_together_stays_together_each_time_alike(method, unit):
    if method == "umap" and "umap" not in os.environ.get("EMBEDLAYER_REQUIRE", ""):
        pytest.skip("UMAP compiles itself for half a minute: EMBEDLAYER_REQUIRE=umap has it run")
    library = PROJECTIONS[method].library
    if library is not None:
        with warnings.catch_warnings(action="ignore", category=ImportWarning):
            import_or_skip(library)
    points = projected(unit, method)
    far = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(far, np.inf)
    cluster = np.arange(len(unit)) // EACH
    share = (cluster[far.argmin(axis=1)] == cluster).mean()
    assert share > (0.75 if method == "pca" else 0.95)  # two of the clusters fall together in PCA
    if method != "umap":  # which takes seconds
        np.testing.assert_array_equal(projected(unit, method), points)


def test_too_few_words_and_a_library_that_is_missing_are_told(unit, monkeypatch):
    with pytest.raises(EmbedlayerError, match="t-SNE needs 10 words, not 9: choose more, or pca"):
        projected(unit[:9], "tsne")
    with pytest.raises(EmbedlayerError, match="method 'mds': choose pca or tsne or umap"):
        check_method("mds")
    for method, library in (("tsne", "openTSNE"), ("umap", "umap")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(MissingLibraryError, match=rf"{library} .*embedlayer\[plot\]"):
            check_method(method)
    check_method("pca")
