"""Where three classes tie: regions end in one point, and narrow regions are complete."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import shapely
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc

LIMITS = {"xlim": (-1.0, 1.0), "ylim": (-1.0, 1.0)}
PIXELS = 300


def _run(path: Path, weights: np.ndarray, bias: np.ndarray) -> rc.Run:
    """A run whose classes are separated by straight lines."""
    classes = len(bias)
    output = dense(classes, "softmax", "output")
    model = small_model(output, loss="sparse_categorical_crossentropy")
    output.set_weights([weights, bias])
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (40, 2)).astype("float32")
    rc.Recorder(X, np.arange(40) % classes, path, "a", model=model)
    return rc.open_run(path)


def _region(surface: pd.DataFrame, of_class: int, level: float) -> shapely.Geometry:
    own = surface[(surface["class"] == of_class) & np.isclose(surface["level"], level)]
    rings = [ring[["x", "y"]].to_numpy(float) for _, ring in own.groupby("ring")]
    # A ring within another is a hole.
    region = shapely.Polygon()
    for ring in rings:
        region = region.symmetric_difference(shapely.Polygon(ring).buffer(0))
    return region


@pytest.fixture
def star(tmp_path: Path) -> tuple[rc.Run, np.ndarray]:
    """Three classes, and the point where they tie, which is not on the lattice."""
    weights = np.array([[3.0, -2.0, -1.0], [0.5, 4.0, -3.5]], "float32")
    bias = np.array([0.3, -0.4, 0.1], "float32")
    differences = (weights[:, 1:] - weights[:, :1]).T
    return _run(tmp_path / "a.h5", weights, bias), np.linalg.solve(differences, bias[0] - bias[1:])


def test_regions_end_in_the_point_where_three_classes_tie(
    star: tuple[rc.Run, np.ndarray],
) -> None:
    run, meeting = star
    surface = run.surface(**LIMITS)
    regions = [_region(surface, of_class, 0.0) for of_class in range(3)]
    for region in regions:
        corners = shapely.get_coordinates(region)
        assert np.linalg.norm(corners - meeting, axis=1).min() < 2e-3
    assert sum(region.area for region in regions) == pytest.approx(4, abs=2e-3)
    assert shapely.union_all(regions).area == pytest.approx(4, abs=2e-3)


def test_lines_of_the_boundary_end_there_and_are_drawn_once(
    star: tuple[rc.Run, np.ndarray],
) -> None:
    run, meeting = star
    boundary = run.boundary(**LIMITS)
    lines = [line[["x", "y"]].to_numpy() for _, line in boundary.groupby("line")]
    assert len(lines) == 3
    for line in lines:
        ends = np.linalg.norm(line[[0, -1]] - meeting, axis=1)
        assert ends.min() < 2e-3
        assert np.abs(line[ends.argmax() * -1]).max() == pytest.approx(1, abs=1e-3)


def test_region_narrower_than_a_lattice_cell_is_complete(tmp_path: Path) -> None:
    """A class may win on a strip between two others that contains no lattice point."""
    slope, width = 0.37, 0.008
    # Nothing changes along (slope, 1). Across, class 1 wins where |distance| < width.
    across = np.array([1.0, -slope]) * 40
    weights = np.stack([-across, 0 * across, across], axis=1).astype("float32")
    bias = np.array([-40 * width, 0, -40 * width], "float32")
    run = _run(tmp_path / "a.h5", weights, bias)
    region = _region(run.surface(**LIMITS, resolution=60), 1, 0.0)
    (part,) = shapely.get_parts(region)
    assert part.area == pytest.approx(2 * width * 2, rel=0.1)


def test_regions_are_those_of_the_winners_pixel_by_pixel(three: Training) -> None:
    run, model = three.open(), three.at(EPOCHS)
    (left, right), (low, high) = run.planes.input_limits()
    shares = (np.arange(PIXELS) + 0.5) / PIXELS
    x, y = left + shares * (right - left), low + shares * (high - low)
    pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    outputs = keras.ops.softmax(model.predict(pixels.astype("float32"), verbose=0))
    probabilities = keras.ops.convert_to_numpy(outputs)
    surface = run.surface(epochs=EPOCHS)
    for of_class in range(3):
        others = np.delete(probabilities, of_class, axis=1).max(axis=1)
        margin = probabilities[:, of_class] - others
        for level in (0.0, 0.2, 0.4):
            region = _region(surface, of_class, level)
            inside = shapely.contains_xy(region, pixels)
            wrong = (inside != (margin >= level)).sum() / PIXELS**2
            # At most half a pixel along an outline as long as a side of the picture.
            assert wrong < 0.5 / PIXELS


def test_regions_do_not_leave_gaps_in_a_bent_plane(three: Training) -> None:
    """In the layer's plane, the contours of each class are mapped separately."""
    surface = three.open().surface("bend", epochs=EPOCHS)
    regions = [_region(surface, of_class, 0.0) for of_class in range(3)]
    whole = shapely.union_all(regions)
    extent = np.ptp(shapely.get_coordinates(whole), axis=0).max()
    overlap = sum(region.area for region in regions) - whole.area
    holes = sum(
        shapely.Polygon(hole).area for part in shapely.get_parts(whole) for hole in part.interiors
    )
    assert overlap < extent**2 / 2000
    assert holes < extent**2 / 2000
