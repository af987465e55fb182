"""Uniform balls, measured against the theory, and every vertex of a cube."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import replaychart as rc

POINTS = 20_000


@pytest.mark.parametrize("dimensions", [1, 2, 3, 10])
def test_ball_is_uniform(dimensions: int) -> None:
    X, _ = rc.datasets.ball(POINTS, dimensions=dimensions, radius=2.0)
    assert (X.shape, X.dtype) == ((POINTS, dimensions), np.float32)
    distances = np.linalg.norm(X.astype(np.float64), axis=1)
    # The share of the volume within a distance is uniform from 0 to 1.
    assert stats.kstest((distances / 2.0) ** dimensions, "uniform").pvalue > 0.01
    # The share of a coordinate's square in the whole length is that of a uniform direction.
    if dimensions > 1:
        share = stats.beta(0.5, (dimensions - 1) / 2).cdf
        for feature in range(dimensions):
            assert stats.kstest(X[:, feature] ** 2 / distances**2, share).pvalue > 0.001
            assert stats.binomtest(int((X[:, feature] > 0).sum()), POINTS).pvalue > 0.001


@pytest.mark.parametrize("shell", [False, True])
@pytest.mark.parametrize("dimensions", [1, 2, 10, 50])
def test_ball_has_features_of_variance_one(dimensions: int, shell: bool) -> None:
    X, _ = rc.datasets.ball(POINTS, dimensions=dimensions, shell=shell)
    covariance = np.cov(X, rowvar=False, ddof=0).reshape(dimensions, dimensions)
    np.testing.assert_allclose(covariance, np.eye(dimensions), atol=0.06)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=0.04)


def test_shell_has_one_distance() -> None:
    X, y = rc.datasets.ball(500, dimensions=4, shell=True, radius=3.0)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 3.0, rtol=1e-6)
    assert y.min() == 1
    assert rc.datasets.ball(500, dimensions=4, shell=True, fraction=1)[1].max() == 0


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9, 1.0])
def test_points_beyond_the_fraction_are_positive(fraction: float) -> None:
    X, y = rc.datasets.ball(POINTS, dimensions=3, fraction=fraction, radius=5.0)
    distances = np.linalg.norm(X.astype(np.float64), axis=1)
    clear = np.abs(distances - 5.0 * fraction) > 1e-5
    np.testing.assert_array_equal(y[clear], distances[clear] > 5.0 * fraction)
    assert y.dtype == np.int64
    assert y.mean() == pytest.approx(1 - fraction**3, abs=0.02)


@pytest.mark.parametrize("dimensions", [1, 2, 10, 100])
def test_classes_of_the_ball_are_balanced(dimensions: int) -> None:
    _, y = rc.datasets.ball(POINTS, dimensions=dimensions)
    assert stats.binomtest(int(y.sum()), POINTS).pvalue > 0.01


def test_seeds_tell_the_points() -> None:
    for data_set in (rc.datasets.ball, rc.datasets.hypercube):
        first, again, other = data_set(), data_set(), data_set(seed=14)
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("dimensions", [1, 2, 5, 10])
def test_hypercube_has_every_vertex_once(dimensions: int) -> None:
    X, y = rc.datasets.hypercube(dimensions)
    assert (X.shape, X.dtype, y.dtype) == ((2**dimensions, dimensions), np.float32, np.int64)
    assert len(np.unique(X, axis=0)) == 2**dimensions
    assert set(np.unique(X)) == {-1.0, 1.0}
    np.testing.assert_array_equal(y, (X > 0).sum(axis=1) >= dimensions / 2)


def test_hypercube_takes_other_vertices() -> None:
    X, y = rc.datasets.hypercube(4, vertices=(0, 3))
    assert set(np.unique(X)) == {0.0, 3.0}
    np.testing.assert_array_equal(y, (X == 3).sum(axis=1) >= 2)
    assert len(np.unique(np.diff(y))) > 1, "shuffled"


@pytest.mark.parametrize(
    ("data_set", "arguments", "message"),
    [
        ("ball", {"points": 0}, "points must be a whole number of at least 1. Got 0."),
        ("ball", {"dimensions": 2.5}, "dimensions must be a whole number of at least 1. Got 2.5."),
        ("ball", {"fraction": 1.5}, "fraction must be between 0 and 1. Got 1.5."),
        ("ball", {"fraction": np.nan}, "fraction must be between 0 and 1. Got nan."),
        ("ball", {"radius": 0}, "radius must be finite and greater than 0. Got 0."),
        ("ball", {"seed": -1}, "seed must be a whole number of at least 0. Got -1."),
        ("hypercube", {"dimensions": 0}, "dimensions must be a whole number of at least 1. Got 0."),
        ("hypercube", {"dimensions": 21}, "dimensions must be at most 20: .* Got 21."),
        ("hypercube", {"vertices": (1, -1)}, r"vertices must be two .* Got \(1, -1\)."),
        ("hypercube", {"vertices": 3}, "vertices must be two finite numbers.* Got 3."),
        ("hypercube", {"seed": None}, "seed must be a whole number of at least 0. Got None."),
    ],
)
def test_arguments_are_checked(data_set: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        getattr(rc.datasets, data_set)(**arguments)
