"""`parallel_coordinates`: where runs are on the axes, and which of them are selected."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import replaychart as rc

SETTINGS = [("SGD", 0.001, 2), ("Adam", 0.1, 8), ("SGD", 0.3, 8), ("Adam", 0.01, 16)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, rc.Run]:
    """Four training runs that differ in optimizer, learning rate, number of units and length."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.h5"
    X, y = rc.datasets.parabola(20)
    for number, (optimizer, rate, units) in enumerate(SETTINGS):
        keras.utils.set_random_seed(number)
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
        )
        chosen = getattr(keras.optimizers, optimizer)(rate)
        model.compile(chosen, "binary_crossentropy", metrics=["accuracy"])
        recorder = rc.Recorder(X, y, path, f"trial {number}")
        model.fit(X, y, epochs=2 + number % 2, verbose=0, callbacks=[recorder])
    return rc.open_runs(path)


def _rows(chart: Any) -> list[dict[str, Any]]:
    (rows,) = (rows for rows in chart.to_dict()["datasets"].values() if "places" in rows[0])
    return rows


def test_lines_go_through_the_settings_to_the_best_value_so_far(runs: dict[str, rc.Run]) -> None:
    chart = rc.parallel_coordinates(runs, columns=["learning_rate", "weights", "optimizer"])
    table = rc.leaderboard(runs).set_index("name")
    best = table["best_loss"]
    rows = {row["run"]: row for row in _rows(chart)}
    rates = np.log([rate for _, rate, _ in SETTINGS])
    weights = table["weights"].astype(float)
    for number, (optimizer, _, _) in enumerate(SETTINGS):
        name = f"trial {number}"
        places = rows[name]["places"]
        assert places[0] == pytest.approx(
            np.interp(rates[number], [rates[0], rates[2]], [0, 1]), abs=2e-3
        )
        share = (weights[name] - weights.min()) / (weights.max() - weights.min())
        assert places[1] == pytest.approx(share, abs=2e-3)
        middle = {"Adam": 0.75, "SGD": 0.25}[optimizer]
        better = best[[own == optimizer for own in table["optimizer"]]].idxmin() == name
        assert places[2] == pytest.approx(middle + (0.15 if better else -0.15), abs=2e-3)
        logged = runs[name].history().query("source == 'training' and name == 'loss'")["value"]
        expected = [min(logged[:epoch], default=None) for epoch in range(4)]
        assert rows[name]["replay_value"][0] is None
        assert rows[name]["replay_value"][1:] == pytest.approx(expected[1:], rel=1e-3)
        # The lowest loss is at the top. Values above all of the best ones are at the bottom.
        ends = [best.max(), best.min()]
        shares = [np.interp(one, ends[::-1], [1, 0]) for one in expected[1:]]
        assert np.array(rows[name]["replay_end"][1:]) / 1000 == pytest.approx(shares, abs=2e-3)
    assert [row["run"] for row in _rows(chart)] == list(best.sort_values(ascending=False).index)


def test_axes_are_the_settings_that_differ(runs: dict[str, rc.Run]) -> None:
    text = str(rc.parallel_coordinates(runs, metric="accuracy").to_dict())
    titles = ["Architecture", "Optimizer", "Learning rate", "Epochs", "Accuracy"]
    assert [title for title in titles if f"'title': '{title}'" in text] == titles
    assert "'title': 'Weights'" not in text
    assert "the highest on top" in text
    several = {"SGD": [runs["trial 0"], runs["trial 2"]], "Adam": runs["trial 1"]}
    names = {row["run"] for row in _rows(rc.parallel_coordinates(several))}
    assert names == {"SGD, trial 0", "SGD, trial 2", "Adam"}


def test_ranges_are_selected_by_dragging(
    runs: dict[str, rc.Run], opened: Callable[[Any], Any]
) -> None:
    chart = rc.parallel_coordinates(
        runs, columns=["learning_rate", "optimizer"], width=400, height=200
    )
    page = opened(chart).page
    strengths = """() => {
      const found = {};
      const walk = (item) => (item.items || []).forEach((one) => {
        if (one.marktype === "line") one.items.forEach((part) => {
          found[part.datum.run] = part.opacity > 0.5;
        }); else walk(one);
      });
      walk(view.scenegraph().root.items[0]);
      return Object.keys(found).filter((name) => found[name]).sort();
    }"""
    places = """() => {
      const box = document.querySelector("#chart canvas").getBoundingClientRect();
      const {left, top} = view.padding(), [x, y] = view.origin();
      return [box.x + left + x, box.y + top + y];
    }"""
    left, top = page.evaluate(places)
    scale = 400 / 2.95

    def drag(axis: int, high: float, low: float) -> list[str]:
        x = left + (axis + 0.35) * scale
        page.mouse.move(x, top + 200 * (1 - high))
        page.mouse.down()
        page.mouse.move(x + 4, top + 200 * (1 - low))
        page.mouse.up()
        page.evaluate("view.runAsync().then(() => 1)")
        return page.evaluate(strengths)

    every = [f"trial {number}" for number in range(4)]
    assert page.evaluate(strengths) == every
    assert drag(1, 1, 0.5) == ["trial 1", "trial 3"]
    assert drag(0, 1, 0.6) == ["trial 1"]
    assert drag(1, 0.8, 0.8) == ["trial 1", "trial 2"]
    assert drag(0, 0.5, 0.5) == every


def test_bad_arguments(runs: dict[str, rc.Run]) -> None:
    for options, message in (
        ({"columns": ["units"]}, "columns must be one of .*'learning_rate'.* Got 'units'"),
        ({"columns": 3}, "columns must be names of columns. Got 3"),
        ({"columns": []}, "columns must name at least one column. Got none"),
        ({"metric": "auc"}, "metric must be one of 'accuracy', 'loss'. Got 'auc'"),
        ({"width": "container"}, "width must be a positive number of pixels: .* Got 'container'"),
    ):
        with pytest.raises(rc.ArgumentError, match=message):
            rc.parallel_coordinates(runs, **options)
    with pytest.raises(rc.ArgumentError, match="runs must differ in a setting .* Got 2 runs"):
        rc.parallel_coordinates({"a": runs["trial 0"], "b": runs["trial 0"]})
    with pytest.raises(rc.ArgumentError, match="runs must differ in a setting .* Got one run"):
        rc.parallel_coordinates({"a": runs["trial 0"]})
    other = rc.parallel_coordinates(runs, columns=["optimizer"])
    with pytest.raises(rc.ArgumentError, match="parallel coordinates have different axes"):
        (rc.parallel_coordinates(runs) & other).to_dict()
