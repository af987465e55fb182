"""The layout does not depend on the names of classes, layers, metrics and features."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import keras
import numpy as np
import pytest
from support.training import dense
from test_charts import _views

import replaychart as rc
from replaychart.charts.dashboard import dashboard

FEATURES = 4
WRITINGS = {
    "long": "{} and many letters more, ",
    "one word": "Klasse{}VonLangemNamen",
    "from right to left": "صف {} باسم طويل ",
    "wide": "第{}類の名前",
    "pictures": "{}😀🎉👩\u200d👧",
}


def _name(kind: str, number: int, length: int) -> str:
    return (WRITINGS[kind].format(number) * length)[:length]


def _run(path: Path, classes: int, length: int, kind: str) -> rc.Run:
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    y = np.arange(20 * classes) % classes
    X = rng.normal(size=(len(y), FEATURES)).astype("float32")
    X[:, 0] += y
    letters = "layer_of_many_letters_" * 10
    two = classes == 2
    metric = "metric_of_many_letters_" * 10
    kinds = keras.metrics
    measured = (kinds.BinaryAccuracy if two else kinds.SparseCategoricalAccuracy)(
        name=metric[:length]
    )
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            dense(5, "tanh", f"1_{letters}"[:length]),
            dense(2, "tanh", f"2_{letters}"[:length]),
            dense(1 if two else classes, "sigmoid" if two else "softmax", f"3_{letters}"[:length]),
        ]
    )
    loss = "binary_crossentropy" if two else "sparse_categorical_crossentropy"
    model.compile("sgd", loss, metrics=[measured])
    recorder = rc.Recorder(
        X,
        y,
        path,
        "a",
        class_names=[_name(kind, number, length) for number in range(classes)],
        feature_names=[_name(kind, 100 + number, length) for number in range(FEATURES)],
    )
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    return rc.open_run(path)


def _size(chart: Any, path: Path) -> tuple[float, float]:
    svg = rc.save(chart, path).read_text("utf-8")
    width, height = re.findall(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"', svg)[0]
    return float(width), float(height)


CHARTS: dict[str, Callable[[rc.Run], Any]] = {
    "dashboard": dashboard,
    "feature_space": rc.feature_space,
    "components": lambda run: rc.feature_space(run, run.layers[0]),
    "slice": lambda run: rc.decision_boundary(run, features=(0, 1), at={run.feature_names[2]: 1}),
    "probability_histogram": rc.probability_histogram,
    "loss_and_metric": rc.loss_and_metric,
    "roc": rc.roc,
    "confusion": rc.confusion,
    "calibration": rc.calibration,
    "weights": rc.weights,
    "activations": rc.activations,
    "spread": rc.spread,
    "spread of one": lambda run: rc.spread(run, epochs=[0]),
}


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, Any]]:
    """The sizes of charts of a number of classes if all names are short."""

    @cache
    def found(classes: int) -> dict[str, Any]:
        directory = tmp_path_factory.mktemp("short")
        run = _run(directory / "a.h5", classes, 6, "long")
        return {name: _size(draw(run), directory / "a.svg") for name, draw in CHARTS.items()}

    return found


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        (2, "long"),
        pytest.param(10, "long", marks=pytest.mark.thorough),
        (3, "one word"),
        *(
            pytest.param(3, kind, marks=pytest.mark.thorough)
            for kind in WRITINGS
            if kind != "one word"
        ),
    ],
)
def test_charts_are_as_large_as_with_short_names(
    classes: int, kind: str, sizes: Callable[[int], dict[str, Any]], tmp_path: Path
) -> None:
    long = _run(tmp_path / "long.h5", classes, 130, kind)
    for name, expected in sizes(classes).items():
        width, height = _size(CHARTS[name](long), tmp_path / "b.svg")
        # Names beside a chart use the available room; legends and subtitles use more lines.
        wider = 130 if "spread" in name or name == "confusion" else 40
        assert width <= expected[0] + wider, name
        assert height <= expected[1] + 110, name


def test_tooltips_show_the_whole_name(tmp_path: Path) -> None:
    run = _run(tmp_path / "a.h5", 3, 130, "long")
    for draw, names in (
        (rc.feature_space, run.class_names),
        (rc.spread, run.layers),
        (rc.weights, run.layers),
    ):
        spec = draw(run).to_dict()
        shown = {
            value
            for rows in spec["datasets"].values()
            for row in rows
            for value in row.values()
            if isinstance(value, str)
        }
        assert set(names) <= shown


def test_names_that_differ_at_their_ends_stay_distinct(tmp_path: Path) -> None:
    letters = "block_of_a_long_name_" * 3
    model = keras.Sequential(
        [keras.Input((2,)), *(dense(2, "tanh", f"{letters}{i}") for i in range(3))]
    )
    model.compile("sgd", "mse")
    X = np.random.default_rng(0).normal(size=(10, 2)).astype("float32")
    rc.Recorder(X, X, tmp_path / "a.h5", "a", model=model)
    svg = rc.save(rc.weights(rc.open_run(tmp_path / "a.h5")), tmp_path / "a.svg").read_text("utf-8")
    shown = re.findall(r">(block[^<]*)</text>", svg)
    assert len(set(shown)) == 3


def test_every_layer_is_named(tmp_path: Path) -> None:
    names = [f"dense_{number}" for number in range(14)]
    model = keras.Sequential([keras.Input((2,)), *(dense(3, "tanh", name) for name in names)])
    model.compile("sgd", "mse")
    X = np.random.default_rng(0).normal(size=(10, 2)).astype("float32")
    rc.Recorder(X, np.zeros((10, 3)), tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    for width in (300, 700, 1200):
        svg = rc.save(rc.weights(run, width=width), tmp_path / "a.svg").read_text("utf-8")
        assert [name for name in names if f">{name}</text>" not in svg] == []
    # If there is no room for all names of layers, the gaps between them are equal.
    svg = rc.save(rc.weights(run, width=90), tmp_path / "a.svg").read_text("utf-8")
    assert re.findall(r">dense_(\d+)</text>", svg) == ["0", "2", "4", "6", "8", "10", "12"]


def test_a_users_own_title_is_shown_whole(shipped: rc.Run) -> None:
    own = "A title of one's own, which is as long as its author wants it to be, and a little longer"
    spec = rc.loss_and_metric(shipped, title=own).to_dict()
    assert spec["title"]["text"] == own


def test_equal_legends_of_charts_of_different_widths_are_one(shipped: rc.Run) -> None:
    chart = rc.feature_space(shipped, epochs=[0], width=400) | rc.decision_boundary(
        shipped, epochs=[0], width=300
    )
    legends = [
        view["encoding"]["color"]["legend"]
        for view in _views(chart.to_dict())
        if view["mark"]["type"] == "circle"
    ]
    assert legends[0] == legends[1]
    assert isinstance(chart, alt.HConcatChart)
