"""The path of a grand tour: planes that turn smoothly, evenly, and back to where they began."""

import numpy as np
import pytest

from replaychart.planes.grand_tour import grand_tour


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("dimensions", [3, 6, 10])
def test_planes_turn_evenly_and_come_back(dimensions: int, seed: int) -> None:
    frames = grand_tour(dimensions, 200, seed)
    assert frames.shape == (200, 2, dimensions)
    products = frames @ frames.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(2), products.shape), atol=1e-12)
    following = np.roll(frames, -1, axis=0)
    steps = np.linalg.norm(following - frames, axis=(1, 2))
    assert steps.max() < 1.5 * np.median(steps)
    # What remains of a turn within the plane is what it takes to close the path, spread evenly.
    overlaps = following @ frames.transpose(0, 2, 1)
    turns = np.arctan2(overlaps[:, 1, 0] - overlaps[:, 0, 1], overlaps[:, [0, 1], [0, 1]].sum(1))
    assert np.abs(turns).max() < 1.5 * np.pi / 200
    # Every direction is seen nearly whole at some time.
    assert np.linalg.norm(frames, axis=1).max(axis=0).min() > 0.6


def test_the_seed_chooses_the_path() -> None:
    assert np.array_equal(grand_tour(4, 10, 1), grand_tour(4, 10, 1))
    assert not np.allclose(grand_tour(4, 10, 1), grand_tour(4, 10, 2))
