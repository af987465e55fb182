"""Regions are united by the winding number of their rings."""

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from support.winding import covered

from replaychart.planes.regions import outlines, united


def _ring(rng: np.random.Generator) -> np.ndarray:
    """A ring that may cross itself or overlap its own edges."""
    count = int(rng.integers(3, 30))
    if rng.random() < 0.5:
        line = np.cumsum(rng.normal(size=(count, 2)), axis=0)
    else:
        line = rng.integers(0, 12, (count, 2)).astype(float)
    return np.concatenate([line, line[:1]])


def _frame(rings: list[np.ndarray]) -> pd.DataFrame:
    numbers = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    x, y = np.concatenate([np.empty((0, 2)), *rings]).T
    return pd.DataFrame({"ring": numbers, "x": x, "y": y})


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_the_union_has_a_positive_winding_number(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rings = [_ring(rng) for _ in range(count)]
    # Nothing is promised if all rings are clockwise: no region has such an outline.
    rings += [ring[::-1] for ring in rings[:1] if all(_area(one) <= 0 for one in rings)]
    every = np.concatenate(rings)
    points = rng.uniform(every.min(axis=0), every.max(axis=0), (500, 2)) + 1e-4
    (whole,) = united(rings, np.zeros(len(rings), int), 1)
    again = [ring for _, ring in outlines(np.array([whole]))]
    expected = covered(_frame(rings), points) > 0
    if any(_area(ring) > 0 for ring in rings):
        np.testing.assert_array_equal(covered(_frame(again), points), expected.astype(int))


def test_groups_are_united_separately() -> None:
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]], float)
    hole = (square[::-1] + 1) / 2
    rings = [hole, square + 5, square, square + 1, hole]
    regions = united(rings, np.array([0, 2, 0, 3, 1]), 5)
    assert [region.area for region in regions] == [3, 0, 4, 4, 0]
    assert all(shapely.is_valid(regions))
    shell, inner = (ring for number, ring in outlines(regions) if number == 0)
    assert _area(shell) == 4
    assert _area(inner) == -1


def test_rings_without_an_interior_cover_nothing() -> None:
    flat = np.array([[0, 0], [1, 0], [1, 0], [0, 0]], float)
    nowhere = np.full((5, 2), np.nan)
    assert united([flat, nowhere], np.array([0, 1]), 2).tolist() == [shapely.Polygon()] * 2
    assert united([], np.array([], int), 1).tolist() == [shapely.Polygon()]
