"""The surface of a layer that folds the plane covers all sheets, with few extra vertices."""

import itertools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import dense, small_model

import replaychart as rc

LIMITS = (-1.0, 1.5)
PIXELS = 400


@keras.saving.register_keras_serializable("tests")
def absolute(values: keras.KerasTensor) -> keras.KerasTensor:
    """Fold the plane along two lines, sharply."""
    return keras.ops.abs(values)


@keras.saving.register_keras_serializable("tests")
def squared(values: keras.KerasTensor) -> keras.KerasTensor:
    """Fold the plane along two lines, smoothly."""
    return keras.ops.square(values)


WEIGHTS = np.array([[1.3, 0.4], [-0.5, 1.1]], "float32")
BIAS = np.array([0.21, -0.33], "float32")
# The probability of class 1 rises along a line in the layer's plane.
OUTPUT = np.array([[4.0], [-2.5]], "float32"), np.array([-0.6], "float32")


def _run(path: Path, activation: Callable | None) -> rc.Run:
    model = small_model(dense(2, activation, "hidden"), dense(1, "sigmoid", "output"))
    model.get_layer("hidden").set_weights([WEIGHTS, BIAS])
    model.get_layer("output").set_weights(list(OUTPUT))
    rng = np.random.default_rng(0)
    X = rng.uniform(*LIMITS, (50, 2)).astype("float32")
    rc.Recorder(X, rng.integers(0, 2, 50), path, "a", model=model)
    return rc.open_run(path)


def _surface(run: rc.Run) -> pd.DataFrame:
    return run.surface("hidden", xlim=LIMITS, ylim=LIMITS)


def _painted(rings: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which pixels a nonzero fill paints, row by row, shape (len(y), len(x))."""
    winding = np.zeros((len(y), len(x)), int)
    for _, ring in rings.groupby("ring"):
        vertices = ring[["x", "y"]].to_numpy(float)
        for (x0, y0), (x1, y1) in itertools.pairwise(vertices):
            rows = np.flatnonzero((y >= min(y0, y1)) & (y < max(y0, y1)))
            if len(rows):
                at = x0 + (y[rows] - y0) / (y1 - y0) * (x1 - x0)
                winding[rows] += np.sign(y1 - y0).astype(int) * (x < at[:, None])
    return winding != 0


@pytest.mark.parametrize(
    ("activation", "unfold"), [(absolute, np.array), (squared, np.sqrt)], ids=["sharp", "smooth"]
)
def test_painted_is_the_union_of_all_sheets(
    activation: Callable, unfold: Callable, tmp_path: Path
) -> None:
    """A pixel can be the image of one point in the input plane for each pair of signs."""
    surface = _surface(_run(tmp_path / "a.h5", activation))
    high = surface[["x", "y"]].to_numpy().max(axis=0)
    x, y = ((np.arange(PIXELS) + 0.5) / PIXELS * limit for limit in high)
    place = np.stack(np.meshgrid(x, y), axis=-1)
    probability = 1 / (1 + np.exp(-(place @ OUTPUT[0] + OUTPUT[1])[..., 0]))
    reached = np.zeros((PIXELS, PIXELS), bool)
    for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1]):
        behind = (unfold(place) * signs - BIAS) @ np.linalg.inv(WEIGHTS.astype(float))
        reached |= ((behind >= LIMITS[0]) & (behind <= LIMITS[1])).all(axis=-1)
    for level, rings in surface.groupby("level"):
        expected = reached & (probability >= level)
        wrong = _painted(rings, x, y) != expected
        # The symmetric difference: an outline is about four sides of the picture long.
        assert wrong.sum() < 0.1 * 4 * PIXELS


@pytest.mark.parametrize(
    ("activation", "times"), [(absolute, 3), (squared, 6)], ids=["sharp", "smooth"]
)
def test_folded_frame_takes_about_as_many_vertices_as_an_unfolded_one(
    activation: Callable, times: int, tmp_path: Path
) -> None:
    """When rings followed the triangles of the lattice, there were 55 and 15 times as many.

    Unfolded rings are straight; the second layer bends them.
    """
    unfolded = len(_surface(_run(tmp_path / "a.h5", None)))
    assert len(_surface(_run(tmp_path / "b.h5", activation))) < times * unfolded
