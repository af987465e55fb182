"""All classes in one panel: bars that rise and hang down, and totals that leave room for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.drawing import colors


def _rows(chart: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    spec = chart.to_dict()
    bars = next(view for view in spec["layer"] if view["mark"]["type"] == "bar")
    return bars, spec["datasets"][bars["data"]["name"]]


def test_classes_rise_and_hang_down(parabola: Training) -> None:
    run = parabola.open()
    view, rows = _rows(rc.probability_histogram(run, layout="combined", bins=5))
    frame = run.probability_histogram(bins=5)
    for side, case in ((1, 1), (-1, 0)):
        own = [row for row in rows if row["side"] == side]
        of_class = {row["color"] for row in own}
        assert of_class == {colors.class_colors(2)[case], colors.WRONG}
        for epoch in (0, EPOCHS):
            counted = [row["replay_count"][epoch] for row in own]
            expected = frame.query(f"epoch == {epoch} and target == {case}")["count"]
            assert counted == expected.tolist()
    low, high = view["encoding"]["y"]["scale"]["domain"]
    assert low == -high
    assert high >= frame.groupby(["epoch", "target", "bin_start"])["count"].sum().max()


def test_more_classes_are_stacked_by_correctness(three: Training) -> None:
    run = three.open()
    _, rows = _rows(rc.probability_histogram(run, layout="combined"))
    totals: dict[str, np.ndarray] = {}
    for row in rows:
        totals[row["color"]] = totals.get(row["color"], 0) + np.array(row["replay_count"])
    np.testing.assert_array_equal(totals[colors.WRONG], run.wrong().sum(axis=1))
    np.testing.assert_array_equal(totals[colors.CORRECT], (~run.wrong()).sum(axis=1))


@pytest.mark.parametrize("width", [220, 380])
def test_totals_are_written_and_the_count_axis_has_no_signs(
    width: int, parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    chart = rc.probability_histogram(run, layout="combined", width=width, height=200)
    svg = rc.save(chart, tmp_path / "chart.svg", epoch=2).read_text()
    wrong = run.wrong(epochs=2)[0]
    for case in (0, 1):
        count = int(wrong[run.targets == case].sum())
        assert f">Class {case}: {100 - count} correct<" in svg
        assert f">{count} wrong<" in svg
    assert ">-" not in svg
    assert ">\N{MINUS SIGN}" not in svg


def test_no_point_wrong_is_not_in_the_loudest_colour(shipped: rc.Run, tmp_path: Path) -> None:
    assert not shipped.wrong(epochs=150).any()
    for layout in ("combined", "panels"):
        chart = rc.probability_histogram(shipped, layout=layout)
        last = rc.save(chart, tmp_path / "last.svg", epoch=150).read_text()
        assert last.count(">0 wrong<") == 2
        assert colors.WRONG not in last
        assert colors.WRONG in rc.save(chart, tmp_path / "first.svg", epoch=10).read_text()


def test_a_combined_panel_has_any_width_and_no_target(parabola: Training) -> None:
    run = parabola.open()
    chart = rc.probability_histogram(run, layout="combined", width="container")
    assert chart.to_dict()["width"] == "container"
    with pytest.raises(rc.ArgumentError, match="target must be None with layout='combined'. Got 1"):
        rc.probability_histogram(run, layout="combined", target=1)
    with pytest.raises(rc.ArgumentError, match="layout must be one of 'panels', 'combined'"):
        rc.probability_histogram(run, layout="mirrored")  # type: ignore[arg-type]
