"""The limits of planes fit the values, however small or unequal they are."""

import numpy as np
import pytest

from replaychart.planes.extents import padded_limits


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1.0, 1e9])
def test_limits_follow_the_scale_of_the_values(scale: float) -> None:
    values = np.random.default_rng(0).normal(size=(3, 50, 2))
    expected = np.array(padded_limits(values)) * scale
    np.testing.assert_allclose(padded_limits(values * scale), expected)


def test_unequal_ranges_get_separate_scales_and_comparable_ones_share_theirs() -> None:
    square = np.random.default_rng(0).uniform(size=(100, 2))
    (x_low, x_high), (y_low, y_high) = padded_limits(square * [1, 1000])
    assert x_high - x_low == pytest.approx(1.1, abs=0.05)
    assert y_high - y_low == pytest.approx(1100, abs=50)
    xlim, ylim = padded_limits(square * [1, 2])
    assert np.ptp(xlim) == pytest.approx(np.ptp(ylim))


def test_collapsed_values_have_limits_around_them() -> None:
    for limits in padded_limits(np.zeros((5, 2))):
        assert limits == pytest.approx((-0.055, 0.055))
    line = np.stack([np.linspace(0, 2, 20), np.full(20, 3.0)], axis=1)
    (_, _), (y_low, y_high) = padded_limits(line)
    assert (y_low, y_high) == pytest.approx((1.9, 4.1))
    # Rounding errors around a constant are not spread over the plane.
    line[:, 1] += 1e-8 * np.arange(20)
    (_, _), (y_low, y_high) = padded_limits(line)
    assert y_high - y_low == pytest.approx(2.2)
    noise = np.stack([np.linspace(0, 2, 20), 1e-9 * np.arange(20)], axis=1)
    (_, _), (y_low, y_high) = padded_limits(noise)
    assert y_high - y_low == pytest.approx(2.2)
