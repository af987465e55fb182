"""Two parabolas, and the recording that is shipped."""

import numpy as np
import pytest

import replaychart as rc


def test_parabola_data() -> None:
    X, y = rc.datasets.parabola()
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((2000, 2), np.float32, (2000,), np.int64)
    assert np.bincount(y).tolist() == [1000, 1000]
    np.testing.assert_allclose(X[:, 1], X[:, 0] ** 2 - 0.5 * y, atol=1e-6)
    x1 = np.sort(X[y == 0, 0])
    np.testing.assert_allclose(x1, np.linspace(-1, 1, 1000), atol=1e-6)
    np.testing.assert_array_equal(rc.datasets.parabola()[0], X)
    assert not np.array_equal(rc.datasets.parabola(seed=1)[0], X)
    assert len(np.unique(np.diff(y[:100]))) > 1, "shuffled"
    with pytest.raises(
        rc.ArgumentError, match="points must be a whole number of at least 1. Got 0"
    ):
        rc.datasets.parabola(0)


def test_shipped_recording_is_that_of_the_original_post(shipped: rc.Run) -> None:
    assert shipped.epochs.tolist() == list(range(151))
    assert shipped.layers == ["hidden", "output"]
    np.testing.assert_array_equal(shipped.inputs, rc.datasets.parabola()[0])
    assert (shipped.probabilities()[-1, :, 1] > 0.5).astype(
        int
    ).tolist() == shipped.targets.tolist()
