"""Charts of wide layers, inputs with many features, images and regressions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model
from test_charts import _marks, _views

import replaychart as rc
from replaychart.charts.dashboard import dashboard
from replaychart.drawing import colors


def _axis_titles(chart: Any) -> tuple[str, str]:
    view = next(view for view in _views(chart.to_dict()) if view["mark"]["type"] == "circle")
    return view["encoding"]["x"]["title"], view["encoding"]["y"]["title"]


def test_a_wide_layer_is_projected(regression: Training) -> None:
    run = regression.open()
    chart = rc.feature_space(run, "wide")
    assert _marks(chart) == ["line", "line", "circle"], "surface, grid, points; no boundary"
    assert _axis_titles(chart)[0].startswith("Component 1 (")
    assert "subtitle" not in chart.to_dict()["title"]
    over = rc.feature_space(run, "wide", surface="layer", projection=(0, 1)).to_dict()
    assert over["title"]["subtitle"] == "background: network output on the plane shown"


def test_many_features_and_classes(one_hot: Training) -> None:
    chart = rc.feature_space(one_hot.open(), "output", projection="aligned")
    assert _marks(chart) == ["line", "point", "circle", "line"], (
        "surface, points, boundary; no grid"
    )
    assert "ligned components" in _axis_titles(chart)[0]


def test_no_surface_where_there_is_no_way_back(images: Training) -> None:
    run = images.open()
    chart = rc.feature_space(run, "convolution", positions="mean")
    assert _marks(chart) == ["point", "circle"]
    assert _marks(rc.feature_space(run, "convolution")) == ["line", "point", "circle", "line"]


def test_numbers_are_coloured_by_target(regression: Training) -> None:
    run = regression.open()
    spec = rc.decision_boundary(run).to_dict()
    assert '"Prediction' in spec["title"]["text"]["expr"]
    view = next(view for view in _views(spec) if view["mark"]["type"] == "circle")
    color = view["encoding"]["color"]
    assert (color["type"], color["title"]) == ("quantitative", "Target")
    assert color["scale"]["domain"] == pytest.approx([regression.y.min(), regression.y.max()])
    rows = spec["datasets"][view["data"]["name"]]
    np.testing.assert_allclose([row["target"] for row in rows], regression.y, rtol=1e-5)
    surface = next(view for view in _views(spec) if view["mark"].get("filled"))
    tints = {row["tint"] for row in spec["datasets"][surface["data"]["name"]]}
    assert len(tints) == 10
    assert tints.isdisjoint(colors.NUMBERS)


def test_residuals(regression: Training) -> None:
    run = regression.open()
    expected = regression.at(EPOCHS).predict(regression.X, verbose=0)[:, 0] - regression.y
    np.testing.assert_allclose(run.residuals()[EPOCHS], expected, atol=1e-5)
    counts = run.residual_histogram(bins=8)
    assert counts.groupby("epoch")["count"].sum().tolist() == [150] * (EPOCHS + 1)
    assert counts["bin_start"].min() == -counts["bin_end"].max()
    expected_counts, _ = np.histogram(
        expected, [*counts["bin_start"].unique().tolist(), counts["bin_end"].max()]
    )
    assert counts[counts["epoch"] == EPOCHS]["count"].tolist() == expected_counts.tolist()
    assert _marks(rc.residual_histogram(run)) == ["bar"]


def test_a_slice_says_what_it_is(branches: Training) -> None:
    run = branches.open()
    chart = rc.decision_boundary(run, features=(0, 3), at=5)
    assert chart.to_dict()["title"]["subtitle"] == "background: slice at point 5"
    assert _axis_titles(chart) == ("Input 1", "Input 4")
    view = next(v for v in _views(chart.to_dict()) if v["mark"]["type"] == "circle")
    assert len(chart.to_dict()["datasets"][view["data"]["name"]]) == len(branches.X)


def test_three_units_can_be_turned(regression: Training) -> None:
    run = regression.open()
    chart = rc.feature_space(run, "space", projection="rotate")
    assert type(chart) is alt.LayerChart
    names = [parameter["name"] for parameter in chart.to_dict()["params"]]
    assert names == ["epoch", "turn", "tilt"]
    with pytest.raises(rc.ArgumentError, match="needs a layer with 3 units. Got 'wide'"):
        rc.feature_space(run, "wide", projection="rotate")


def test_turning_shows_what_a_rotation_would(
    regression: Training, opened: Callable[..., Any]
) -> None:
    run = regression.open()
    page = opened(rc.feature_space(run, "space", projection="rotate"))
    before = page.picture()
    page.page.evaluate(
        "view.signal('turn', 120).signal('tilt', -30).signal('epoch', 2).runAsync().then(() => 1)"
    )
    assert page.picture() != before
    drawn = page.page.evaluate(
        """() => {
            const found = [];
            const walk = (item) => {
                if (item.marktype === 'symbol' && item.items.length > 100) {
                    item.items.forEach((i) => found.push([i.datum.point, i.datum.across,
                                                          i.datum.up]));
                }
                (item.items || []).forEach(walk);
            };
            walk(view.scenegraph().root);
            return found;
        }"""
    )
    shown = np.array([row[1:] for row in sorted(drawn)])
    turn, tilt = np.radians(120), np.radians(-30)
    around = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    upwards = np.array([[1, 0, 0], [0, np.sin(tilt), np.cos(tilt)]])
    expected = run.coordinates("space", epochs=2)[0] @ (upwards @ around).T
    # Up to the position of the center, and to the rounding of packed distances on the screen.
    np.testing.assert_allclose(
        shown - shown.mean(axis=0), expected - expected.mean(axis=0), atol=5e-3
    )


def test_everything_can_be_drawn_beside_each_other(regression: Training, tmp_path: Any) -> None:
    run = regression.open()
    chart = rc.decision_boundary(run) | rc.residual_histogram(run) | rc.feature_space(run, "wide")
    chart |= rc.feature_space(run, "space", projection="rotate")
    rc.save(chart, tmp_path / "beside.png", epoch=3)


def test_a_slice_of_several_inputs(two_inputs: Training) -> None:
    run = two_inputs.open()
    chart = rc.decision_boundary(run, features=("zeta[2]", "beta[0]"), at=5)
    assert _marks(chart) == ["line", "point", "circle", "line"]
    assert _axis_titles(chart) == ("zeta[2]", "beta[0]")
    assert chart.to_dict()["title"]["subtitle"] == "background: slice at point 5"
    shown = run.planes.slice(("zeta[2]", "beta[0]"), 5).coordinates(run.planes.inputs, 0)
    expected = np.stack([two_inputs.X[0][:, 2], two_inputs.X[1][:, 0]], axis=1)
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("name", ["two_inputs", "image_and_features", "tokens_and_features"])
def test_every_chart_of_several_inputs(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = request.getfixturevalue(name).open()
    charts = [
        rc.feature_space(run),
        rc.residual_histogram(run) if run.classes == 0 else rc.probability_histogram(run),
        rc.loss_and_metric(run),
        rc.loss_histogram(run),
        rc.weights(run),
        rc.gradients(run),
        rc.activations(run, inputs=True),
        rc.pre_activations(run),
        rc.spread(run),
    ]
    for number, chart in enumerate(charts):
        path = rc.save(chart, tmp_path / f"{number}.png", epoch=EPOCHS)
        assert path.stat().st_size > 5_000


def _subtitle(chart: Any) -> str:
    lines = chart.to_dict()["title"]["subtitle"]
    return lines if isinstance(lines, str) else " ".join(lines)


def test_the_reason_for_no_surface_is_shown(
    two_inputs: Training, images: Training, branches: Training, tmp_path: Path
) -> None:
    chart = rc.feature_space(two_inputs.open(), "right")
    assert _marks(chart) == ["point", "circle"]
    assert _subtitle(chart) == "no surface: a branch bypasses the layer"
    assert "subtitle" not in rc.feature_space(two_inputs.open(), "plane").to_dict()["title"]
    chart = rc.feature_space(images.open(), "convolution", positions="mean")
    assert _subtitle(chart) == "no surface: the projection cannot be inverted"
    asked_for_none = rc.feature_space(two_inputs.open(), "right", surface=None)
    assert "subtitle" not in asked_for_none.to_dict()["title"]

    X = branches.X
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    model = small_model(dense(2, "tanh", "plane"), dense(2, "sigmoid", "output"), features=5)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    chart = rc.feature_space(rc.open_run(tmp_path / "a.h5"))
    assert _subtitle(chart) == (
        "no surface: the model predicts 2 values for each point; choose one with unit="
    )
    assert rc.save(dashboard(rc.open_run(tmp_path / "a.h5")), tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("median", "the median of all others"),
        ({"input 2": 1}, "input 2 = 1 and 2 others at the median"),
        ({"input 2": 1, "input 3": 0.5}, "input 2 = 1, input 3 = 0.5 and 1 other at the median"),
        ({"input 2": 1, "input 3": 0, "input 5": 2}, "input 2 = 1, input 3 = 0 and input 5 = 2"),
    ],
)
def test_a_slice_says_where_features_are_held(at: Any, expected: str, branches: Training) -> None:
    chart = rc.decision_boundary(branches.open(), features=(0, 3), at=at)
    assert _subtitle(chart) == f"background: slice at {expected}"


def test_a_slice_at_many_values_is_abbreviated(tmp_path: Path) -> None:
    names = [f"feature {number}" for number in range(12)]
    names[2], names[3] = "ارتفاع", "feature of a name that is longer than what there is room for"
    X = np.random.default_rng(0).normal(size=(20, 12)).astype("float32")
    model = small_model(dense(1, "sigmoid", "output"), features=12)
    rc.Recorder(X, X[:, 0] > 0, tmp_path / "a.h5", "a", model=model, feature_names=names)
    run = rc.open_run(tmp_path / "a.h5")

    def subtitle(held: int) -> str:
        at = dict.fromkeys(names[2 : 2 + held], 0.25)
        return _subtitle(rc.decision_boundary(run, features=(0, 1), at=at))

    # A mark after a right-to-left name keeps the number to the right of it.
    assert subtitle(2) == (
        "background: slice at ارتفاع\u200e = 0.25, feature of a na\u2026ere is room for = 0.25 and "
        "8 others at the median"
    )
    assert subtitle(7).endswith("feature 4 = 0.25, 4 others as given and 3 others at the median")
    assert subtitle(10).endswith("feature 4 = 0.25 and 7 others as given")
