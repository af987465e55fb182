"""Titles of several lines, in every chart."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.training import Training

import replaychart as rc

CHARTS = [
    rc.feature_space,
    rc.decision_boundary,
    rc.probability_histogram,
    partial(rc.probability_histogram, target=1),
    rc.loss_and_metric,
    rc.loss_histogram,
    rc.weights,
    rc.gradients,
    rc.activations,
    rc.pre_activations,
    rc.spread,
    rc.updates,
]


def _drawn_titles(chart: Any, folder: Path, **options: Any) -> list[list[str]]:
    """The lines of each title, as drawn, from top to bottom."""
    svg = rc.save(chart, folder / "chart.svg", **options).read_text()
    return [
        [part.text for part in group.iter() if part.text and part.tag.endswith(("text", "tspan"))]
        for group in ElementTree.fromstring(svg).iter()
        if "role-title-text" in group.get("class", "")
    ]


@pytest.mark.parametrize("build", CHARTS)
def test_each_chart_draws_each_line(
    build: Callable[..., Any], parabola: Training, tmp_path: Path
) -> None:
    chart = build(parabola.open(), title="now {epoch}\nand below")
    assert ["now 3", "and below"] in _drawn_titles(chart, tmp_path, epoch=3)


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\rthree", ["one", "two", "three"]),
        (["one", "two"], ["one", "two"]),
        (("one", "two\nthree"), ["one", "two", "three"]),
        (["one"], ["one"]),
        ("now {epoch}\nstill {epoch}", ["now 3", "still 3"]),
        (["first", "epoch {epoch}"], ["first", "epoch 3"]),
        ('"quoted"\n\\{epoch}', ['"quoted"', "\\3"]),
    ],
)
def test_each_line_of_a_title_is_drawn(
    title: Any, lines: list[str], parabola: Training, tmp_path: Path
) -> None:
    chart = rc.loss_histogram(parabola.open(), title=title)
    assert _drawn_titles(chart, tmp_path, epoch=3) == [lines]


def test_rotated_space_and_residuals_take_lines_too(regression: Training, tmp_path: Path) -> None:
    run = regression.open()
    three = next(layer for layer in run.layers if run.layer_shape(layer) == (3,))
    turned = rc.feature_space(run, three, projection="rotate", title="one\n{epoch}")
    assert _drawn_titles(turned, tmp_path, epoch=2) == [["one", "2"]]
    untitled = rc.feature_space(run, three, projection="rotate")
    assert _drawn_titles(untitled, tmp_path, epoch=2) == [["Space layer · epoch 2"]]
    residuals = rc.residual_histogram(run, title=["one", "two"])
    assert _drawn_titles(residuals, tmp_path) == [["one", "two"]]


def test_lines_move_the_chart_down_and_films_keep_them(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()

    def height(title: str) -> float:
        svg = rc.save(rc.loss_histogram(run, title=title), tmp_path / "a.svg").read_text()
        found = re.search(r' height="([\d.]+)"', svg)
        assert found
        return float(found[1])

    assert height("one\ntwo\nthree") > height("one") + 25
    film = rc.loss_histogram(run, title="one\nepoch {epoch}")
    assert rc.save(film, tmp_path / "a.gif", progress=False).exists()


@pytest.mark.parametrize("title", [7, [], ["one", 2], {"text": "one"}, b"one"])
def test_other_titles_raise(title: Any, parabola: Training) -> None:
    message = r"title must be a string or a non-empty list of strings, .* Got "
    with pytest.raises(rc.ArgumentError, match=message):
        rc.loss_histogram(parabola.open(), title=title)
