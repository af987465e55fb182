"""Violins and the spread over the epochs, as read from specs, images and a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model
from test_charts import _views

import replaychart as rc
from replaychart.drawing.layer_lines import _apart
from replaychart.evaluation import densities

VIOLINS: list[Callable[..., Any]] = [
    rc.weights,
    rc.gradients,
    rc.activations,
    rc.pre_activations,
]


def _view(chart: Any, mark: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    spec = chart.to_dict()
    view = next(view for view in _views(spec) if view["mark"]["type"] == mark)
    data = view.get("data", spec.get("data"))
    return view, spec["datasets"][data["name"]]


@pytest.mark.parametrize("build", VIOLINS)
def test_a_violin_for_each_layer(build: Callable[..., Any], branches: Training) -> None:
    run = branches.open()
    chart = build(run)
    assert type(chart) is alt.LayerChart
    view, rows = _view(chart, "area")
    summary = run.distributions(build.__name__, summary=True)
    layers = summary["layer"].unique().tolist()
    assert layers == ["right", "left", "plane", "logit"]
    assert len(rows) == len(layers) * densities.POSITIONS
    low, high = view["encoding"]["y"]["scale"]["domain"]
    assert low < summary["min"].min() < summary["max"].max() < high
    # Each body extends from the smallest to the largest value, and all are equally wide.
    step = float(view["transform"][0]["calculate"].split("* datum")[0].split("+")[-1])
    for at, layer in enumerate(layers):
        values = np.array([row["replay_value"] for row in rows if row["at"] == at])
        halves = np.array([row["replay_half"] for row in rows if row["at"] == at])
        own = summary[summary["layer"] == layer]
        np.testing.assert_allclose(
            (values[-1] - values[0]) * step, own["max"] - own["min"], atol=1.01 * step
        )
        assert halves.max(axis=0).tolist() == [200] * (EPOCHS + 1)
    labels = view["encoding"]["x"]["axis"]["labelExpr"]
    assert labels == '["right", "left", "plane", "logit"][datum.value]'


def test_quartiles_and_median_are_marked(parabola: Training) -> None:
    run = parabola.open()
    chart = rc.activations(run, layers=["hidden"], epochs=[0, EPOCHS])
    (rule, rows), (point, _) = _view(chart, "rule"), _view(chart, "point")
    if "zero" in rows[0]:
        rule, rows = [
            (view, chart.to_dict()["datasets"][view["data"]["name"]])
            for view in _views(chart.to_dict())
            if view["mark"]["type"] == "rule"
        ][1]
    expressions = rule["transform"][0]["calculate"]
    origin, step = (float(n) for n in expressions.split("? ")[1].split(" * ")[0].split(" + "))
    summary = run.distributions("activations", layers=["hidden"], epochs=EPOCHS, summary=True)
    for column, name in (("lower", "q1"), ("median", "median"), ("upper", "q3")):
        drawn = origin + step * rows[0][f"replay_{column}"][-1]
        assert drawn == pytest.approx(summary[name].item(), abs=step)
    assert (rule["encoding"]["y"]["field"], rule["encoding"]["y2"]["field"]) == ("lower", "upper")
    assert point["encoding"]["y"]["field"] == "median"


@pytest.mark.parametrize("build", VIOLINS)
def test_scale_per_epoch_follows_the_values(build: Callable[..., Any], parabola: Training) -> None:
    fixed, _ = _view(build(parabola.open()), "area")
    moving, _ = _view(build(parabola.open(), scale="per-epoch"), "area")
    assert all(isinstance(limit, float) for limit in fixed["encoding"]["y"]["scale"]["domain"])
    assert all("expr" in limit for limit in moving["encoding"]["y"]["scale"]["domain"])
    with pytest.raises(rc.ArgumentError, match="scale must be one of 'fixed', 'per-epoch'"):
        build(parabola.open(), scale="log")


def test_biases_have_their_own_names(parabola: Training) -> None:
    chart = rc.weights(parabola.open(), variable="bias").to_dict()
    assert '"Biases' in chart["title"]["text"]["expr"]
    view = next(view for view in _views(chart) if view["mark"]["type"] == "area")
    assert view["encoding"]["y"]["title"] == "Bias"


def test_an_untrained_model_makes_the_same_charts(directory: Path) -> None:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(20, "tanh", name=f"layer_{i}") for i in range(4)]
    model = small_model(*layers, keras.layers.Dense(1, "sigmoid", name="output"))
    X, y = rc.datasets.parabola(30)
    rc.Recorder(X, y, directory / "untrained.h5", "untrained", model=model)
    run = rc.open_run(directory / "untrained.h5")
    chart = (rc.weights(run) | rc.gradients(run)) & (
        rc.activations(run, inputs=True) | rc.pre_activations(run) | rc.spread(run)
    )
    (parameter,) = chart.to_dict()["params"]
    assert parameter == {"name": "epoch", "value": 0}
    view, rows = _view(rc.spread(run), "circle")
    assert [row["layer"] for row in rows] == [*(f"layer_{i}" for i in range(4)), "output"]
    expected = run.distributions("gradients", summary=True)["std"]
    np.testing.assert_allclose([row["value"] for row in rows], expected, rtol=1e-4)
    assert view["encoding"]["y"]["scale"]["type"] == "log"


def test_diverged_training_is_said(directory: Path) -> None:
    keras.utils.set_random_seed(1)
    model = small_model(keras.layers.Dense(3, name="hidden"), keras.layers.Dense(1), loss="mse")
    model.optimizer.learning_rate = 1e18
    X = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    recorder = rc.Recorder(X, X.sum(axis=1), directory / "diverged.h5", "diverged")
    model.fit(X, X.sum(axis=1), epochs=4, verbose=0, callbacks=[recorder])
    run = rc.open_run(directory / "diverged.h5")
    assert run.distributions("weights", epochs=4, summary=True)["not_finite"].all()
    _, rows = _view(rc.weights(run), "text")
    assert rows[0]["replay_share"][0] == 0
    assert rows[0]["replay_share"][-1] == 100
    rc.save(rc.weights(run) | rc.spread(run, kind="weights"), directory / "diverged.png")


def test_spread_over_the_epochs(branches: Training) -> None:
    run = branches.open()
    chart = rc.spread(run, kind="activations")
    view, rows = _view(chart, "line")
    summary = run.distributions("activations", summary=True)
    np.testing.assert_allclose([row["value"] for row in rows], summary["std"], rtol=1e-4)
    low, high = view["encoding"]["y"]["scale"]["domain"]
    assert 0 < low < summary["std"].min() < summary["std"].max() < high
    _, names = _view(chart, "text")
    assert {row["layer"] for row in names} == {"left", "right", "plane", "logit"}
    places = sorted(row["place"] for row in names)
    assert np.diff(places).min() >= 13
    assert places[-1] <= 200
    linear, _ = _view(rc.spread(run, scale="linear"), "line")
    assert linear["encoding"]["y"]["scale"]["domain"][0] == 0
    with pytest.raises(rc.ArgumentError, match="kind must be one of 'weights'"):
        rc.spread(run, kind="losses")


def test_spread_has_a_gap_where_nothing_is_spread(parabola: Training) -> None:
    # All biases are 0 before training, which a logarithmic axis cannot show.
    _, rows = _view(rc.spread(parabola.open(), kind="weights", variable="bias"), "line")
    assert [row["value"] is None for row in rows if row["layer"] == "hidden"][:2] == [True, False]


def test_violins_follow_the_slider(parabola: Training, opened: Callable[..., Any]) -> None:
    run = parabola.open()
    page = opened((rc.activations(run) | rc.weights(run)) & (rc.gradients(run) | rc.spread(run)))
    last = page.picture()
    page.show(0)
    first = page.picture()
    page.show(EPOCHS)
    assert first != last
    assert page.picture() == last


def test_names_of_lines_stay_beside_their_ends() -> None:
    # Only names that would end below the axis move.
    assert _apart([10.0, 198.0, 199.0, 200.0], lowest=200) == [10.0, 174.0, 187.0, 200.0]
    assert _apart([50.0, 51.0], lowest=200) == [44.0, 57.0]
    assert _apart([-5.0, 1.0], lowest=200) == [0.0, 13.0]


def test_spread_of_more_layers_than_lines_of_text(tmp_path: Path) -> None:
    layers = [dense(2, "tanh", f"layer {number}") for number in range(40)]
    model = small_model(*layers, loss="mse")
    X = np.random.default_rng(0).normal(size=(10, 2)).astype("float32")
    with rc.Recorder(X, X, tmp_path / "a.h5", "a", loss="mse") as recorder:
        for epoch in range(2):
            recorder.snapshot(model, epoch)
    spec = rc.spread(rc.open_run(tmp_path / "a.h5"), kind="weights", height=200).to_dict()
    (names,) = [rows for rows in spec["datasets"].values() if "place" in rows[0]]
    places = np.array([row["place"] for row in names])
    assert np.diff(places).min() >= 12.9
    assert places.min() >= 0
    assert places.max() <= 200
    numbers = sorted(int(row["layer"].split()[1]) for row in names)
    assert numbers[-1] == 39
    assert set(np.diff(numbers)) == {3}
