"""Components from accumulated moments are those of scikit-learn, which holds all rows at once."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, IncrementalPCA

from replaychart.planes.moments import Components, Moments

SIZES = np.array([5.0, 3.0, 2.0, 1.0, 0.5, 0.1])


def _groups(scale: float = 1.0, drift: float = 1.0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    means = drift * rng.normal(size=(8, 6))
    return [
        (scale * (rng.normal(size=(rows, 6)) * SIZES @ turn + mean)).astype(np.float32)
        for rows, mean in zip([300, 1, 250, 400, 20, 333, 2, 90], means, strict=True)
    ]


def _added(groups: list[np.ndarray]) -> Moments:
    moments = Moments(6)
    for rows in groups:
        moments.add(rows)
    return moments


def _check(found: Components, expected: PCA) -> None:
    np.testing.assert_allclose(found.directions, expected.components_[:3], atol=1e-9)
    np.testing.assert_allclose(found.shares, expected.explained_variance_ratio_[:3], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
def test_all_rows_together(scale: float) -> None:
    groups = _groups(scale)
    found = _added(groups).pooled_components(3)
    rows = np.concatenate(groups).astype(np.float64)
    _check(found, PCA(svd_solver="full").fit(rows / scale))
    np.testing.assert_allclose(found.mean / scale, rows.mean(axis=0) / scale, rtol=1e-9)


@pytest.mark.parametrize("drift", [0.0, 1.0, 1e4])
def test_deviations_from_the_mean_of_the_group(drift: float) -> None:
    groups = [rows.astype(np.float64) for rows in _groups(drift=drift)]
    found = _added(groups).components_within_groups(3)
    rows = np.concatenate([rows - rows.mean(axis=0) for rows in groups])
    _check(found, PCA(svd_solver="full").fit(rows))
    np.testing.assert_allclose(found.mean, np.concatenate(groups).mean(axis=0), atol=1e-9)


def test_incremental_pca_with_all_components_finds_the_same() -> None:
    groups = [rows for rows in _groups() if len(rows) > 6]
    found = _added(groups).pooled_components(2)
    incremental = IncrementalPCA()
    for rows in groups:
        incremental.partial_fit(rows)
    np.testing.assert_allclose(found.directions, incremental.components_[:2], atol=1e-5)


def test_groups_whose_rows_are_equal_differ_only_by_rounding() -> None:
    same = [np.full((7, 6), value, np.float32) for value in (0.1, 1e4)]
    assert not _added(same).differs_within_groups()
    assert _added([*same, np.eye(6, dtype=np.float32)]).differs_within_groups()
