"""Regions between contours."""

import numpy as np

from replaychart.planes.contours import Contours


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def test_a_plateau_at_the_lowest_level_is_filled() -> None:
    """A saturated network's probability is exactly 0 over whole regions."""
    x = y = np.linspace(0, 1, 11)
    z = np.where(x < 0.55, 0.0, 1.0) * np.ones((11, 1))
    surface = Contours(x, y, z)
    areas = {level: sum(_area(ring) for ring in surface.filled(level)) for level in (0.0, 0.5)}
    np.testing.assert_allclose([areas[0.0], areas[0.5]], [1.0, 0.45], atol=1e-9)
