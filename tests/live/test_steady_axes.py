"""Axes of a chart that is drawn again and again hold still, and grow in steps."""

from typing import Any

import pytest

from replaychart.live.steady_axes import SteadyAxes


def _spec(x: list[float], y: list[float], **scale: Any) -> dict[str, Any]:
    encoding = {
        "x": {"field": "a", "scale": {"domain": x, **scale}, "axis": {"values": list(x)}},
        "y": {"field": "b", "scale": {"domain": y, **scale}},
        "color": {"field": "c", "scale": {"domain": [0, 1]}},
    }
    return {"hconcat": [{"layer": [{"mark": "point", "encoding": encoding}]}]}


def _limits(axes: SteadyAxes, spec: dict[str, Any]) -> tuple[list[float], list[float]]:
    axes.hold(spec)
    encoding = spec["hconcat"][0]["layer"][0]["encoding"]
    assert encoding["color"]["scale"]["domain"] == [0, 1]
    return encoding["x"]["scale"]["domain"], encoding["y"]["scale"]["domain"]


def test_the_first_limits_are_those_of_the_chart() -> None:
    assert _limits(SteadyAxes(), _spec([0, 4], [-1, 1])) == ([0, 4], [-1, 1])


def test_limits_and_ticks_stay_while_values_are_inside() -> None:
    axes = SteadyAxes()
    _limits(axes, _spec([0, 4], [-1, 1]))
    inside = _spec([1, 3], [-0.5, 0.7])
    assert _limits(axes, inside) == ([0, 4], [-1, 1])
    assert inside["hconcat"][0]["layer"][0]["encoding"]["x"]["axis"] == {"values": [0, 4]}


def test_limits_grow_by_more_than_is_needed_and_only_where_it_is() -> None:
    axes = SteadyAxes()
    _limits(axes, _spec([0, 4], [0, 100]))
    grown, other = _limits(axes, _spec([0, 5], [0, 100]))
    assert grown[0] == 0
    assert grown[1] > 5
    assert other == [0, 100]
    assert _limits(axes, _spec([0, grown[1]], [0, 90])) == (grown, other)


def test_an_axis_of_quantities_does_not_become_negative() -> None:
    axes = SteadyAxes()
    _limits(axes, _spec([2, 4], [0, 100]))
    grown, _ = _limits(axes, _spec([0.1, 4], [0, 100]))
    assert grown == [0, 4]


def test_both_axes_of_a_plane_keep_one_scale() -> None:
    axes = SteadyAxes()
    _limits(axes, _spec([0, 1], [0, 1]))
    x, y = _limits(axes, _spec([0, 2], [-0.5, 1.5]))
    assert x[1] - x[0] == pytest.approx(y[1] - y[0])
    assert x[0] <= 0 < 2 <= x[1]
    assert y[0] <= -0.5 < 1.5 <= y[1]
    assert _limits(axes, _spec([0, 2], [-0.5, 1.5])) == (x, y)


def test_logarithmic_axes_grow_by_factors() -> None:
    axes = SteadyAxes()
    _limits(axes, _spec([0.1, 1], [0.1, 1], type="log"))
    x, _ = _limits(axes, _spec([0.001, 1], [0.1, 1], type="log"))
    assert 0.0001 < x[0] < 0.001
    assert x[1] == pytest.approx(1)
