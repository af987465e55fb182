"""The five charts: marks, scales and data, as read from the specs."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.drawing import colors, packing
from replaychart.drawing.expressions import text_with_epoch

CHARTS: list[Callable[..., Any]] = [
    rc.feature_space,
    rc.decision_boundary,
    rc.probability_histogram,
    rc.loss_and_metric,
    rc.loss_histogram,
]


def _views(spec: Any) -> list[dict[str, Any]]:
    """All views of a spec that have a mark."""
    if isinstance(spec, list):
        return [view for part in spec for view in _views(part)]
    if not isinstance(spec, dict):
        return []
    inner = [spec.get(kind, []) for kind in ("layer", "hconcat", "vconcat", "concat")]
    return ([spec] if "mark" in spec else []) + _views(inner)


def _marks(chart: Any) -> list[str]:
    return [view["mark"]["type"] for view in _views(chart.to_dict())]


@pytest.mark.parametrize("build", CHARTS)
def test_charts_are_plain_altair_with_the_epoch_parameter(
    build: Callable[..., Any], parabola: Training
) -> None:
    chart = build(parabola.open())
    assert isinstance(chart, (alt.Chart, alt.LayerChart, alt.VConcatChart))
    (parameter,) = chart.to_dict()["params"]
    assert parameter["name"] == "epoch"
    assert parameter["value"] == EPOCHS
    assert parameter["bind"] == {
        "input": "range", "min": 0, "max": EPOCHS, "step": 1, "name": "Epoch ",
    }  # fmt: skip


@pytest.mark.parametrize("build", CHARTS)
def test_same_recording_gives_the_same_spec(build: Callable[..., Any], parabola: Training) -> None:
    first, second = (json.dumps(build(parabola.open()).to_dict()) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("build", CHARTS)
def test_one_recorded_epoch_has_no_slider(build: Callable[..., Any], parabola: Training) -> None:
    chart = build(parabola.open(), epochs=[3])
    (parameter,) = chart.to_dict()["params"]
    assert parameter == {"name": "epoch", "value": 3}


@pytest.mark.parametrize("build", CHARTS)
def test_sizes_and_titles(build: Callable[..., Any], parabola: Training) -> None:
    spec = build(parabola.open(), width=321, height=123, title="At {epoch}").to_dict()
    assert spec["title"]["text"]["expr"].startswith('"At " + (')
    sized = spec.get("vconcat", [spec])
    assert all((view["width"], view["height"]) == (321, 123) for view in sized)


@pytest.mark.parametrize("build", CHARTS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be a positive number of pixels or .container.. Got 0"),
        ({"height": "tall"}, "height must be a positive number of pixels. Got 'tall'"),
        ({"width": True}, "width must be a positive number of pixels or .container.. Got True"),
        ({"epoch": True}, "epoch must be a number, one of .*result of epoch_param. Got True"),
        ({"title": 7}, "title must be a string"),
        ({"epoch": EPOCHS + 1}, "epoch must be between 0 and 6, the recorded epochs. Got 7"),
        ({"epoch": "first"}, "epoch must be a number, one of 'last', 'best', 'half', or"),
        ({"epoch": alt.param(name="time")}, "epoch must be a parameter named 'epoch'"),
        ({"epochs": [77]}, "epochs must be among those recorded, 0 to 6"),
        ({"epochs": 1.5}, "epochs must be among those recorded.* Got 1.5; the nearest is [12]"),
        ({"epochs": [True, False]}, "epochs must be finite numbers. Got True"),
    ],
)
def test_bad_arguments_raise(
    build: Callable[..., Any], options: dict[str, Any], message: str, parabola: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        build(parabola.open(), **options)


def _point_rows(chart: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    spec = chart.to_dict()
    view = next(view for view in _views(spec) if view["mark"]["type"] == "circle")
    return view, spec["datasets"][view.get("data", spec.get("data"))["name"]]


def test_points_unpack_to_the_coordinates(parabola: Training) -> None:
    run = parabola.open()
    view, rows = _point_rows(rc.feature_space(run))
    expressions = {t["as"]: t["calculate"] for t in view["transform"]}
    origin, step = (
        float(number) for number in expressions["x"].split("? ")[1].split(" * ")[0].split(" + ")
    )
    packed = np.array([row["replay_x"] for row in rows]).T
    pixel = (view["encoding"]["x"]["scale"]["domain"][1]) / 400
    np.testing.assert_allclose(
        origin + step * packed, run.coordinates("hidden")[:, :, 0], rtol=0, atol=pixel / 4
    )
    assert [row["target"] for row in rows] == run.targets.tolist()


def test_feature_space_draws_surface_grid_points_and_boundary(parabola: Training) -> None:
    run = parabola.open()
    assert _marks(rc.feature_space(run)) == ["line", "line", "point", "circle", "line"]
    assert _marks(rc.feature_space(run, grid=False)) == ["line", "point", "circle", "line"]
    assert _marks(rc.feature_space(run, grid=False, surface=None)) == ["point", "circle"]
    filled = _views(rc.feature_space(run).to_dict())[0]
    assert filled["mark"]["filled"]
    assert filled["encoding"]["fill"]["scale"]["domain"] == [0, 0.5, 1]


def test_feature_space_takes_the_last_hidden_layer_with_two_units(
    folded: Training, branches: Training
) -> None:
    title = rc.feature_space(folded.open()).to_dict()["title"]["text"]["expr"]
    assert title.startswith('"Fold layer ')
    branched = rc.feature_space(branches.open())
    assert branched.to_dict()["title"]["text"]["expr"].startswith('"Plane layer ')
    assert _marks(branched) == ["line", "point", "circle", "line"], (
        "no grid lines without an input plane"
    )


def test_feature_space_without_a_layer_to_take_lists_the_layers(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "tanh", "narrow"), dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(rc.ArgumentError, match=r"'narrow' \(1,\), 'output' \(1,\)"):
        rc.feature_space(rc.open_run(tmp_path / "a.h5"))
    with pytest.raises(rc.ArgumentError, match="layer must have at least 2 units. Got 'narrow'"):
        rc.feature_space(rc.open_run(tmp_path / "a.h5"), "narrow")


def test_axes_are_fixed_over_the_run_and_contain_everything(parabola: Training) -> None:
    run = parabola.open()
    view, _ = _point_rows(rc.feature_space(run))
    grid = run.grid("hidden")
    for axis, values in (("x", grid["x"]), ("y", grid["y"])):
        low, high = view["encoding"][axis]["scale"]["domain"]
        assert low < values.min()
        assert high > values.max()
    spans = [np.ptp(view["encoding"][axis]["scale"]["domain"]) for axis in "xy"]
    assert spans[0] == pytest.approx(spans[1]), "in a square, both axes have the same scale"


def test_axes_per_epoch_follow_the_epoch(parabola: Training) -> None:
    view, _ = _point_rows(rc.feature_space(parabola.open(), scale="per-epoch"))
    low, high = view["encoding"]["x"]["scale"]["domain"]
    assert low["expr"].startswith("[")
    values = json.loads(low["expr"].split("]")[0] + "]")
    assert len(values) == EPOCHS + 1
    assert len(set(values)) > 1
    assert high["expr"] != low["expr"]


def test_axes_per_epoch_follow_the_points_before_a_surface_over_the_layer(
    parabola: Training,
) -> None:
    run = parabola.open()
    options: dict[str, Any] = {"surface": "layer", "grid": False, "scale": "per-epoch"}
    view, _ = _point_rows(rc.feature_space(run, **options))
    first_unit = run.coordinates("hidden")[:, :, 0]
    low, high = (
        json.loads(bound["expr"].split("]")[0] + "]")
        for bound in view["encoding"]["x"]["scale"]["domain"]
    )
    spans = np.subtract(high, low) / np.ptp(first_unit, axis=1)
    assert (low < first_unit.min(axis=1)).all()
    assert (high > first_unit.max(axis=1)).all()
    assert spans.max() < 2


def test_decision_boundary_fills_the_limits(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.decision_boundary(run, xlim=(-2, 2), ylim=(-1, 3)).to_dict()
    for view in _views(spec):
        assert view["encoding"]["x"]["scale"]["domain"] == [-2, 2]
        assert view["encoding"]["y"]["scale"]["domain"] == [-1, 3]
    surface = run.surface(xlim=(-2, 2), ylim=(-1, 3), epochs=EPOCHS)
    lowest = surface[surface["level"] == surface["level"].min()]
    assert [lowest["x"].min(), lowest["x"].max()] == [-2, 2]


def test_probability_histogram_has_one_count_axis(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.probability_histogram(run).to_dict()
    bars = [view for view in _views(spec) if view["mark"]["type"] == "bar"]
    domains = [view["encoding"]["y"]["scale"]["domain"] for view in bars]
    counts = run.probability_histogram().groupby(["epoch", "target", "bin_start"])["count"].sum()
    assert domains[0] == domains[1]
    # There is room for the totals above the bars in the middle.
    middle = counts[counts.index.get_level_values("bin_start").isin([0.3, 0.4, 0.5, 0.6])]
    assert domains[0][0] == 0
    assert counts.max() <= domains[0][1] <= counts.max() / 0.7
    assert middle.max() <= 0.75 * domains[0][1]
    assert (
        [part["title"]["text"] for part in spec["vconcat"]]
        if isinstance(spec["vconcat"][0]["title"], dict)
        else [part["title"] for part in spec["vconcat"]] == ["Negative cases", "Positive cases"]
    )
    only = rc.probability_histogram(run, target=1)
    assert only.to_dict()["title"] == "Positive cases"
    rule = alt.Chart(pd.DataFrame({"x": [0.5]})).mark_rule().encode(x="x")
    assert type(only + rule) is alt.LayerChart
    with pytest.raises(rc.ArgumentError, match="target must be one of None, 0, 1. Got 2"):
        rc.probability_histogram(run, target=2)


def test_many_classes_have_panels_colours_and_names(three: Training) -> None:
    run = three.open()
    names = ["setosa", "versicolor", "virginica"]
    assert run.class_names == names
    spec = rc.probability_histogram(run).to_dict()
    assert [panel["title"] for panel in spec["vconcat"]] == [f"Class {name}" for name in names]
    view, rows = _point_rows(rc.decision_boundary(run))
    assert view["encoding"]["color"]["scale"]["domain"] == names
    assert len({str(color) for color in view["encoding"]["color"]["scale"]["range"]}) == 3
    assert [row["target"] for row in rows] == [names[target] for target in run.targets]
    filled = _views(rc.feature_space(run).to_dict())[0]
    assert filled["encoding"]["fill"]["value"]["expr"].endswith("[datum.tint] : datum.tint)")


def test_colours_of_any_number_of_classes_differ() -> None:
    assert len(set(colors.class_colors(10))) == 10
    assert len(set(colors.class_colors(25))) == 25


def test_histogram_of_late_epochs_shows_their_own_data(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.loss_histogram(run, epochs=[4, 6]).to_dict()
    (rows,) = spec["datasets"].values()
    assert rows[0]["replay_epochs"] == [4, 6]
    packed = np.array([row["replay_count"] for row in rows])
    expected = run.loss_histogram(epochs=[4, 6])
    for frame, epoch in enumerate((4, 6)):
        assert packed[:, frame].tolist() == expected.query(f"epoch == {epoch}")["count"].tolist()


def _curve_titles(chart: Any) -> dict[str, list[int]]:
    """Name and dashes of each curve that is drawn up to the epoch shown."""
    lines = [view for view in _views(chart.to_dict()) if view["mark"].get("strokeWidth") == 2]
    return {
        json.loads(view["transform"][0]["calculate"]): view["mark"]["strokeDash"] for view in lines
    }


def test_loss_and_metric_by_source(parabola: Training) -> None:
    run = parabola.open()
    replay = rc.loss_and_metric(run)
    assert _curve_titles(replay) == {"accuracy": [1, 0], "loss": [1, 0]}
    assert replay.to_dict()["resolve"] == {"scale": {"y": "independent"}}
    training = rc.loss_and_metric(run, "accuracy", source="training")
    assert _curve_titles(training) == {
        "accuracy": [1, 0],
        "val_accuracy": [4, 3],
        "loss": [1, 0],
        "val_loss": [4, 3],
    }
    assert "dashed: validation" in json.dumps(training.to_dict())
    with pytest.raises(rc.ArgumentError, match="metric must be one of 'accuracy'.* Got 'acc'"):
        rc.loss_and_metric(run, "acc")
    with pytest.raises(rc.ArgumentError, match="source must be one of 'training', 'replay'"):
        rc.loss_and_metric(run, source="both")


def test_loss_is_alone_if_there_is_no_metric(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, None, "output"), loss="mse")
    model.compile(loss="mse")
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    chart = rc.loss_and_metric(rc.open_run(tmp_path / "a.h5"))
    assert list(_curve_titles(chart)) == ["loss"]
    assert chart.to_dict()["title"]["text"] == "Loss"


def test_limits_are_distinct_far_from_zero(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(2, None, "far"), dense(1, "sigmoid", "output"))
    model.get_layer("far").set_weights([np.eye(2), np.array([2e6, -2e6])])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    rc.Recorder(np.full((4, 2), 1e18), [0, 1, 0, 1], tmp_path / "a.h5", "b", model=model)
    view, _ = _point_rows(rc.feature_space(rc.open_run(tmp_path / "a.h5", "a"), scale="per-epoch"))
    low, high = view["encoding"]["x"]["scale"]["domain"]
    assert high - low > 1
    for build in (rc.feature_space, rc.decision_boundary):
        assert build(rc.open_run(tmp_path / "a.h5", "b")).to_dict()


def test_learning_rate_is_a_curve_like_others(parabola: Training) -> None:
    chart = rc.loss_and_metric(parabola.open(), "learning_rate", source="training")
    assert "learning_rate" in json.dumps(chart.to_dict())


def test_charts_compose_into_one_slider(parabola: Training) -> None:
    run = parabola.open()
    own = alt.Chart(run.points("hidden").head(400)).mark_point().encode(x="x", y="y")
    own = own.transform_filter("datum.epoch == epoch").add_params(rc.epoch_param(run))
    everything = (
        (rc.feature_space(run) | rc.decision_boundary(run) | own)
        & (rc.probability_histogram(run) | rc.loss_and_metric(run) | rc.loss_histogram(run))
        & (rc.feature_space(run, surface=None, grid=False) + own)
    )
    (parameter,) = everything.to_dict()["params"]
    assert parameter["name"] == "epoch"


def test_equal_data_is_stored_once(parabola: Training) -> None:
    run = parabola.open()
    alone = rc.feature_space(run).to_dict()["datasets"]
    twice = (rc.feature_space(run) | rc.feature_space(run)).to_dict()["datasets"]
    assert alone.keys() == twice.keys()


def test_composing_does_not_copy_or_validate_the_data(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open())
    assert isinstance(chart.data, packing.PackedData)
    assert chart.copy().data is chart.data
    assert (chart | chart).hconcat[1].data in (chart.data, alt.Undefined)


def test_runs_of_different_length_share_a_parameter(parabola: Training, shipped: rc.Run) -> None:
    run = parabola.open()
    with pytest.raises(rc.ArgumentError, match="different 'epoch' parameters.*epoch_param"):
        rc.loss_histogram(run) | rc.loss_histogram(shipped)
    epoch = rc.epoch_param(run, shipped)
    both = rc.loss_histogram(run, epoch=epoch) | rc.loss_histogram(shipped, epoch=epoch)
    (parameter,) = both.to_dict()["params"]
    assert (parameter["bind"]["min"], parameter["bind"]["max"]) == (0, 150)


def test_epoch_param_needs_runs_and_epochs(parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="at least one run"):
        rc.epoch_param()
    with pytest.raises(rc.ArgumentError, match="run must be a Run.* Got str"):
        rc.epoch_param("runs.h5")  # type: ignore[arg-type]
    with pytest.raises(rc.ArgumentError, match="epoch must be a number or one of .*. Got '3'"):
        rc.epoch_param(parabola.open(), value="3")  # type: ignore[arg-type]


def test_epoch_param_takes_epochs_that_one_of_the_runs_has(
    parabola: Training, shipped: rc.Run
) -> None:
    epoch = rc.epoch_param(parabola.open(), shipped, epochs=(e for e in range(0, 151, 10)))
    assert epoch.param.bind.to_dict()["step"] == 10
    chart = rc.loss_histogram(shipped, epochs=(e for e in (0, 5)))
    assert chart.to_dict()["params"][0]["bind"]["max"] == 5


@pytest.mark.parametrize("build", CHARTS)
def test_a_path_is_not_a_run(build: Callable[..., Any]) -> None:
    with pytest.raises(
        rc.ArgumentError, match="run must be a Run, as returned by open_run. Got str"
    ):
        build("runs.h5")


def test_slider_steps_over_the_chosen_epochs(shipped: rc.Run) -> None:
    (parameter,) = rc.loss_histogram(shipped, epochs=range(10, 151, 20)).to_dict()["params"]
    assert parameter["bind"] | {"name": ""} == {
        "input": "range", "min": 10, "max": 150, "step": 20, "name": "",
    }  # fmt: skip


HOSTILE = "'+alert(1)+'\"\\</script><script>window.ran = true</script>"


def test_text_in_an_expression_stays_text() -> None:
    expression = text_with_epoch(HOSTILE + " {epoch}", "epoch")
    text, _, rest = expression.partition(" + (epoch) + ")
    assert json.loads(text) == HOSTILE + " "
    assert json.loads(rest) == ""
    assert "<" not in expression


def test_names_from_a_file_cannot_become_script(tmp_path: Path, opened: Any) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    frame = pd.DataFrame(X, columns=[HOSTILE, "plain"])
    rc.Recorder(frame, y, tmp_path / "a.h5", "a", model=model)
    chart = rc.decision_boundary(rc.open_run(tmp_path / "a.h5"), title=HOSTILE + "{epoch}")
    page = opened(chart)
    harmless = opened(alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x"))
    count = "document.scripts.length"
    assert page.page.evaluate("window.ran") is None
    assert page.page.evaluate(count) == harmless.page.evaluate(count)


def test_theme_is_registered_and_not_forced() -> None:
    assert "replaychart" in alt.theme.names()
    assert alt.theme.active != "replaychart"


def test_legend_of_a_users_own_chart_keeps_its_title_and_its_lines(
    shipped: rc.Run, tmp_path: Path
) -> None:
    own = (
        alt.Chart(shipped.points("hidden", epochs=150).head(300))
        .mark_point()
        .encode(x="x", y="y", color="target:N")
    )
    svg = rc.save(
        own | rc.loss_histogram(shipped) | rc.probability_histogram(shipped), tmp_path / "a.svg"
    ).read_text("utf-8")
    titles = re.findall(r"role-legend-title[^>]*>.*?</g>", svg)
    assert len(titles) == 1
    assert ">target<" in titles[0]
    symbols = re.findall(r"role-legend-symbol.*?</g>", svg)
    assert all('stroke-width="0"' not in symbol for symbol in symbols)


def _legends(chart: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Title and channels of each legend in the compiled chart."""
    found = []

    def walk(group: dict[str, Any]) -> None:
        for legend in group.get("legends", []):
            channels = {key: legend[key] for key in ("fill", "stroke", "size") if key in legend}
            found.append((legend.get("title"), channels, legend.get("encode")))
        for mark in group.get("marks", []):
            walk(mark)

    walk(vl_convert.vegalite_to_vega(chart.to_dict()))
    return found


@pytest.mark.parametrize("channel", ["color", "fill", "size"])
@pytest.mark.parametrize("name", ["spread", "spread of one epoch", "space", "surface", "rotated"])
def test_legend_of_a_users_own_chart_is_the_same_beside_another(
    name: str, channel: str, regression: Training, three: Training
) -> None:
    run = three.open()
    beside, own_legends = {
        "spread": lambda: (rc.spread(run), 0),
        "spread of one epoch": lambda: (rc.spread(run, epochs=[0]), 0),
        "space": lambda: (rc.feature_space(run), 2),
        "surface": lambda: (rc.decision_boundary(regression.open()), 1),
        "rotated": lambda: (
            rc.feature_space(regression.open(), "space", projection="rotate"),
            1,
        ),
    }[name]()
    data = pd.DataFrame({"a": [1, 2, 3], "mine": ["u", "v", "w"], "big": [1, 5, 9]})
    field = "big:Q" if channel == "size" else "mine:N"
    own = alt.Chart(data).mark_point().encode(x="a", **{channel: field})
    both = alt.hconcat(own, beside)
    if channel == "color" and own_legends:
        both = both.resolve_scale(color="independent")
    (expected,) = _legends(own)
    legends = _legends(both)
    assert len(legends) == 1 + own_legends
    (found,) = [legend for legend in legends if legend[0] == expected[0]]
    assert found[2] == expected[2]
    assert found[1].keys() == expected[1].keys()


def _imbalanced(path: Path) -> tuple[rc.Run, np.ndarray]:
    """Five hundred points of one class and two rare classes, at the same positions."""
    y = np.repeat([0, 1, 2, 3], [300, 10, 160, 3])
    np.random.default_rng(0).shuffle(y)
    X = np.random.default_rng(1).normal(size=(len(y), 2)).astype("float32")
    model = small_model(
        dense(2, "tanh", "hidden"),
        dense(4, "softmax", "output"),
        loss="sparse_categorical_crossentropy",
    )
    rc.Recorder(X, y, path, "a", model=model)
    return rc.open_run(path), y


def test_points_of_rare_classes_lie_on_top(tmp_path: Path) -> None:
    run, y = _imbalanced(tmp_path / "a.h5")
    orders = []
    for chart in (rc.feature_space(run), rc.decision_boundary(run)):
        _, rows = _point_rows(chart)
        points = np.array([row["point"] for row in rows])
        assert sorted(points) == list(range(len(y)))
        assert [row["target"] for row in rows] == y[points].tolist()
        orders.append(points.tolist())
    assert orders[0] == orders[1], "the same order in all charts"
    drawn = y[orders[0]]
    # Classes with similar frequencies are mixed, so neither covers the other.
    frequent, rare, rarest = (np.flatnonzero(np.isin(drawn, of)) for of in ([0, 2], [1], [3]))
    assert frequent.max() < rare.min()
    assert rare.max() < rarest.min()
    mixed = [point for point in orders[0] if y[point] in (0, 2)]
    assert mixed == sorted(mixed)


def test_rare_classes_stay_on_top_within_a_budget(tmp_path: Path) -> None:
    run, y = _imbalanced(tmp_path / "a.h5")
    with pytest.warns(UserWarning, match="a proportional sample of each class"):
        _, rows = _point_rows(rc.feature_space(run, grid=False, surface=None, max_bytes=10_000))
    drawn = np.array([row["target"] for row in rows])
    assert set(drawn) == {0, 1, 2, 3}
    assert len(drawn) < len(y)
    assert np.flatnonzero(drawn == 3).min() > np.flatnonzero(np.isin(drawn, [0, 1, 2])).max()


def test_count_axis_of_each_class(tmp_path: Path) -> None:
    run, y = _imbalanced(tmp_path / "a.h5")

    def ends(**options: Any) -> list[int]:
        views = _views(rc.probability_histogram(run, **options).to_dict())
        axes = [view["encoding"]["y"] for view in views if view["mark"]["type"] == "bar"]
        return [axis["scale"]["domain"][1] for axis in axes]

    assert len(set(ends())) == 1
    counts = np.bincount(y)
    for end, count in zip(ends(count_axis="per-class"), counts, strict=True):
        assert 0 < end <= count / 0.7
    with pytest.raises(rc.ArgumentError, match="count_axis must be one of 'shared', 'per-class'"):
        rc.probability_histogram(run, count_axis="own")


def test_counts_and_epochs_have_no_ticks_between_them(tmp_path: Path, shipped: rc.Run) -> None:
    run, _ = _imbalanced(tmp_path / "a.h5")
    bars = _views(rc.probability_histogram(run, target=3, count_axis="per-class").to_dict())[0]
    axis = bars["encoding"]["y"]["axis"]
    assert axis["values"] == list(range(len(axis["values"])))
    for epochs, ticks in (([0, 1], ["0", "1"]), ([3], ["3"]), ([0, 3], ["0", "1", "2", "3"])):
        svg = rc.save(rc.spread(shipped, kind="weights", epochs=epochs), tmp_path / "a.svg")
        if len(epochs) > 1:
            assert _ticks(svg.read_text("utf-8")) == ticks
        svg = rc.save(rc.loss_and_metric(shipped, epochs=epochs), tmp_path / "b.svg")
        assert _ticks(svg.read_text("utf-8")) == ticks


def _ticks(svg: str) -> list[str]:
    """The labels of the epoch axis."""
    axis = svg.split("X-axis titled 'Epoch'")[1].split("role-axis-title")[0]
    return re.findall(r"<text[^>]*>([^<]*)</text>", axis.split("role-axis-label")[1])


def test_curves_of_a_training_that_logged_nothing(tmp_path: Path) -> None:
    run, _ = _imbalanced(tmp_path / "a.h5")
    with pytest.raises(rc.EvaluationError, match="Nothing was logged at these epochs of run 'a'"):
        rc.loss_and_metric(run, source="training")


HISTOGRAMS = [rc.probability_histogram, rc.loss_histogram, rc.residual_histogram]


@pytest.mark.parametrize("build", HISTOGRAMS)
@pytest.mark.parametrize("bins", [0, 10**9, 1001, 2.5, True, "many"])
def test_bad_numbers_of_bins_raise(
    build: Callable[..., Any], bins: Any, parabola: Training, regression: Training
) -> None:
    run = (regression if build is rc.residual_histogram else parabola).open()
    message = re.escape(f"bins must be a whole number from 1 to 1,000. Got {bins!r}.")
    frame = getattr(run, build.__name__)
    for use in (lambda: build(run, bins=bins), lambda: frame(bins=bins)):
        with pytest.raises(rc.ArgumentError, match=message):
            use()


@pytest.mark.parametrize("build", HISTOGRAMS)
def test_numbers_of_numpy_count_like_python_s(
    build: Callable[..., Any], parabola: Training, regression: Training
) -> None:
    run = (regression if build is rc.residual_histogram else parabola).open()
    python = build(run, bins=127, epochs=[2, 4], epoch=2, width=300, max_bytes=100_000)
    own = {"bins": np.int8(127), "epochs": np.array([2, 4]), "epoch": np.int64(2)}
    own |= {"width": np.int16(300), "max_bytes": np.int64(100_000)}
    assert build(run, **own).to_dict() == python.to_dict()
    boundary = rc.feature_space(parabola.open(), resolution=20, xlim=(-1, 1)).to_dict()
    own = {"resolution": np.int8(20), "xlim": np.array([-1, 1])}
    assert rc.feature_space(parabola.open(), **own).to_dict() == boundary


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (5, "layers must be names of layers. Got 5"),
        (["nowhere"], "layers must be one of 'hidden'.* Got 'nowhere'"),
    ],
)
def test_layers_are_names(layers: Any, message: str, parabola: Training) -> None:
    run = parabola.open()
    for use in (
        lambda: rc.weights(run, layers=layers),
        lambda: rc.spread(run, kind="weights", layers=layers),
        lambda: run.distributions("weights", layers=layers),
        lambda: run.store(layers=layers),
    ):
        with pytest.raises(rc.ArgumentError, match=message):
            use()


def test_the_initial_epoch_must_be_a_number(parabola: Training) -> None:
    run = parabola.open()
    for wrong in ([1, 2], True, "first"):
        with pytest.raises(rc.ArgumentError, match="epoch must be a number or one of .* Got"):
            rc.epoch_param(run, value=wrong)  # type: ignore[arg-type]
