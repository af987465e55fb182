"""The colors of classes can be told apart, whatever colors one sees."""

import itertools

import numpy as np
import pytest
from support.color_vision import MACHADO, difference, seen

from replaychart.drawing import colors

# CIEDE2000.
APART = 10.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_the_published_examples(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", [None, *MACHADO])
@pytest.mark.parametrize("classes", range(2, 11))
def test_up_to_ten_classes_are_distinguishable(
    classes: int, vision: str | None, dark: bool
) -> None:
    shown = [seen(color, vision) for color in colors.class_colors(classes, dark=dark)]
    differences = [difference(*pair) for pair in itertools.combinations(shown, 2)]
    assert min(differences) >= (APART if vision else 1.4 * APART)


@pytest.mark.parametrize("dark", [False, True])
def test_no_class_looks_like_a_wrong_point(dark: bool) -> None:
    wrong = seen(colors.on_dark(colors.WRONG) if dark else colors.WRONG)
    for classes in (2, 10):
        shown = colors.class_colors(classes, dark=dark)
        assert min(difference(seen(color), wrong) for color in shown) >= 1.4 * APART


def test_the_two_directions_of_the_grid_differ() -> None:
    for grid, background in (
        (colors.GRID, colors.LIGHT_BACKGROUND),
        (colors.DARK_GRID, colors.DARK_BACKGROUND),
    ):
        assert difference(*map(seen, grid)) >= APART
        assert min(colors.contrast(color, background) for color in grid) >= 3
