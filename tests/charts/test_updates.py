"""The size of the updates, and the learning rate below the curves."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.errors import ArgumentError, EvaluationError


def _rows(chart: Any, *columns: str) -> list[dict[str, Any]]:
    """The rows of the dataset that has these columns."""
    datasets = chart.to_dict()["datasets"].values()
    (rows,) = {id(rows): rows for rows in datasets if set(columns) <= set(rows[0])}.values()
    return rows


def test_updates_are_those_of_the_weights_that_keras_had(parabola: Training) -> None:
    frame = parabola.open().updates()
    assert frame.columns.tolist() == [
        *("epoch", "span", "layer", "variable", "update_norm", "weight_norm", "ratio")
    ]
    assert frame["epoch"].tolist() == np.repeat(np.arange(1, EPOCHS + 1), 2).tolist()
    assert (frame["span"] == 1).all()
    for epoch, layer, update, weight, ratio in frame[
        ["epoch", "layer", "update_norm", "weight_norm", "ratio"]
    ].itertuples(index=False):
        position = {"hidden": 0, "output": 2}[layer]
        before, after = (parabola.weights[at][position] for at in (epoch - 1, epoch))
        assert update == pytest.approx(np.sqrt(((after - before) ** 2).sum()), rel=1e-5)
        assert weight == pytest.approx(np.linalg.norm(before), rel=1e-5)
        assert ratio == pytest.approx(update / weight)


def test_updates_of_new_biases_are_infinite_times_as_large(parabola: Training) -> None:
    run = parabola.open()
    frame = run.updates(variable="bias", layers=["output"])
    assert np.isinf(frame["ratio"]).tolist() == [True] + [False] * (EPOCHS - 1)
    rows = _rows(rc.updates(run, variable="bias", layers=["output"]), "update_norm")
    assert [row["value"] is None for row in rows] == [True] + [False] * (EPOCHS - 1)


def test_updates_are_those_since_the_snapshot_before(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(60)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", every=[0, 1, 2, 5, 9])
    model.fit(X, y, epochs=9, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    frame = run.updates(layers=["hidden"])
    assert frame[["epoch", "span"]].to_numpy().tolist() == [[1, 1], [2, 1], [5, 3], [9, 4]]
    kernels = run.distributions("weights", layers=["hidden"]).groupby("epoch")["value"]
    recorded = {epoch: values.to_numpy() for epoch, values in kernels}
    assert frame["update_norm"].iloc[-1] == pytest.approx(
        np.linalg.norm(recorded[9] - recorded[5]), rel=1e-5
    )
    # Leaving epochs out of the frame or the chart changes nothing about the others.
    some = run.updates(layers=["hidden"], epochs=[0, 9])
    assert some.to_numpy().tolist() == frame.iloc[-1:].to_numpy().tolist()
    svg = rc.save(rc.updates(run), tmp_path / "a.svg").read_text("utf-8")
    assert "change since the snapshot before, 1 to 4 epochs ago" in svg
    svg = rc.save(rc.updates(run, epochs=[9]), tmp_path / "b.svg").read_text("utf-8")
    assert "change within 4 epochs, relative to the weights before" in svg


def test_updates_of_layers_with_several_kernels(tokens_and_features: Training) -> None:
    training = tokens_and_features
    frame = training.open().updates(layers=["lstm"], epochs=2)
    positions = [
        place
        for place, weight in enumerate(training.model.weights)
        if "lstm" in weight.path and weight.path.endswith("kernel")
    ]
    assert len(positions) == 2
    before, after = (
        np.concatenate([training.weights[at][place].ravel() for place in positions])
        for at in (1, 2)
    )
    assert frame["update_norm"].item() == pytest.approx(np.linalg.norm(after - before), rel=1e-5)
    assert frame["weight_norm"].item() == pytest.approx(np.linalg.norm(before), rel=1e-5)


def test_the_chart_has_the_ratios(parabola: Training) -> None:
    run = parabola.open()
    chart = rc.updates(run, epoch=3) | rc.loss_and_metric(run)
    rows = _rows(chart, "update_norm")
    frame = run.updates()
    for column, name in (("value", "ratio"), ("update_norm",) * 2, ("weight_norm",) * 2):
        np.testing.assert_allclose([row[column] for row in rows], frame[name], rtol=1e-4)


def test_updates_need_weights_and_something_before(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    message = "epochs must include one after the first, to which the weights are compared"
    with pytest.raises(ArgumentError, match=message):
        rc.updates(run, epochs=[0])
    assert run.updates(epochs=0).empty
    with pytest.raises(ArgumentError, match="layers must be one of"):
        rc.updates(run, layers=["none"])
    with pytest.raises(ArgumentError, match="scale must be one of 'linear', 'log'"):
        rc.updates(run, scale="fixed")  # type: ignore[arg-type]
    with rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=parabola.X, targets=parabola.y
    ) as outputs:
        for epoch in range(2):
            outputs.snapshot(epoch, losses=np.full(len(parabola.X), 0.5))
    with pytest.raises(ArgumentError, match="recorded from outputs, without a model"):
        rc.updates(rc.open_run(tmp_path / "a.h5"))


def test_updates_of_layers_that_were_not_recorded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(60)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", layers=["output"])
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert len(run.updates(layers=["output"])) == 2
    with pytest.raises(EvaluationError, match="needs the weights of layer 'hidden'"):
        run.updates()


def test_learning_rate_has_a_strip_below_the_curves(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    chart = rc.loss_and_metric(run, learning_rate=True, height=210)
    spec = chart.to_dict()
    (line, _, dot) = (
        layer for layer in spec["layer"] if '"learning_rate"' in str(layer.get("transform"))
    )
    rows = spec["datasets"][line["data"]["name"]]
    expected = {epoch: 0.5 / epoch for epoch in range(1, EPOCHS + 1)}
    shown = {row["epoch"]: row["value"] for row in rows if row["epoch"] > 0}
    assert shown == pytest.approx(expected, rel=1e-4)
    assert line["mark"]["interpolate"] == "step-before"
    assert line["encoding"]["y"]["scale"]["range"] == pytest.approx([210, 210 - 182 / 3])
    assert "interpolate" not in dot["mark"]
    svg = rc.save(chart, tmp_path / "a.svg").read_text("utf-8")
    assert "Accuracy, loss and learning rate" in svg
    assert _rows(chart, "scrub_from")[-1]["values"].endswith("Learning rate 0.08333")
    assert "earning rate" not in str(rc.loss_and_metric(run).to_dict())


def test_learning_rates_of_several_groups_are_lines(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X, y = rc.datasets.parabola(60)
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1), torch.nn.Sigmoid()
    )
    optimizer = torch.optim.SGD(
        [{"params": module[0].parameters(), "lr": 0.1}, {"params": module[2].parameters()}], lr=2.0
    )
    loss = torch.nn.BCELoss()
    with rc.TorchRecorder(
        module, X, y, tmp_path / "a.h5", "a", loss=loss, optimizer=optimizer
    ) as recorder:
        for epoch in (1, 2):
            recorder.snapshot(epoch)
    run = rc.open_run(tmp_path / "a.h5", model=module)
    chart = rc.loss_and_metric(run, learning_rate=True).to_dict()
    lines = [
        (chart["datasets"][layer["data"]["name"]], layer["encoding"]["y"]["scale"])
        for layer in chart["layer"]
        if '"learning_rate[' in str(layer.get("transform"))
    ]
    assert [rows[0]["value"] for rows, _ in lines[::3]] == [0.1, 2.0]
    # They differ by a factor of 20, so the axis is still linear; the first of several is not twice.
    assert "type" not in lines[0][1]
    assert not any('"learning_rate"' in str(layer.get("transform")) for layer in chart["layer"])


def test_learning_rate_must_have_been_logged(parabola: Training, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="learning_rate must be True or False. Got 'yes'"):
        rc.loss_and_metric(parabola.open(), learning_rate="yes")  # type: ignore[arg-type]
    with rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=parabola.X, targets=parabola.y
    ) as outputs:
        for epoch in range(2):
            outputs.snapshot(epoch, losses=np.full(len(parabola.X), 0.5))
    with pytest.raises(ArgumentError, match="learning_rate must be False for run 'a', for which"):
        rc.loss_and_metric(rc.open_run(tmp_path / "a.h5"), learning_rate=True)


def test_names_are_at_the_ends_of_lines_where_charts_share_their_axis(
    parabola: Training, shipped: rc.Run
) -> None:
    runs = {"short": parabola.open(), "long": shipped}
    spec = rc.small_multiples(runs, chart=rc.updates, layers=["hidden"], height=200).to_dict()
    ends = []
    for part, run in zip(spec["concat"], runs.values(), strict=True):
        scale = part["layer"][0]["encoding"]["y"]["scale"]
        low, high = np.log(scale["domain"])
        ends.append((low, high))
        (named,) = spec["datasets"][part["layer"][-1]["data"]["name"]]
        last = run.updates(layers=["hidden"])["ratio"].iloc[-1]
        expected = 200 * (high - np.log(last)) / (high - low)
        assert named["place"] == pytest.approx(np.clip(expected, 0, 200), abs=0.06)
    assert ends[0] == ends[1]


def test_limits_are_checked(parabola: Training) -> None:
    run = parabola.open()
    spec = rc.updates(run, ylim=(1e-3, 10)).to_dict()
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [1e-3, 10]
    with pytest.raises(ArgumentError, match=r"ylim must be above 0 for scale='log'\. Got \(0, 1\)"):
        rc.updates(run, ylim=(0, 1))
    with pytest.raises(ArgumentError, match="ylim must be two finite numbers, the lower first"):
        rc.spread(run, ylim=(2, 1))
