"""ROC, confusion and calibration: what is drawn equals the frames, at every epoch."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, train
from test_charts import _views

import replaychart as rc

CHARTS: list[Callable[..., Any]] = [rc.roc, rc.confusion, rc.calibration]


def _texts(chart: Any, path: Path, epoch: int) -> list[str]:
    svg = rc.save(chart, path / "chart.svg", epoch=epoch).read_text("utf-8")
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Thirty classes, some of them rare and one of them without any points."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    y = np.minimum(rng.integers(0, 33, 600), 28)
    X = (rng.normal(size=(30, 8))[y] + rng.normal(size=(600, 8)) / 2).astype("float32")
    model = keras.Sequential([keras.Input((8,)), dense(30, "softmax", "output")])
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    path = tmp_path_factory.mktemp("many") / "a.h5"
    return train(path, "many", model, X, y, epochs=3)


@pytest.mark.parametrize("build", CHARTS)
def test_they_compose_and_share_the_slider(build: Callable[..., Any], three: Training) -> None:
    run = three.open()
    spec = (build(run) | (rc.feature_space(run) & build(run, width=300))).to_dict()
    (parameter,) = [one for one in spec["params"] if one["name"] == "epoch"]
    assert parameter["bind"]["max"] == EPOCHS


@pytest.mark.parametrize("build", CHARTS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be a positive number of pixels or .container.. Got 0"),
        ({"epoch": EPOCHS + 1}, "epoch must be between 0 and 6, the recorded epochs. Got 7"),
        ({"epochs": [77]}, "epochs must be among those recorded, 0 to 6"),
        ({"title": 7}, "title must be a string"),
    ],
)
def test_bad_arguments_raise(
    build: Callable[..., Any], options: dict[str, Any], message: str, parabola: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        build(parabola.open(), **options)


def test_bad_arguments_of_one_chart_raise(parabola: Training) -> None:
    run = parabola.open()
    with pytest.raises(rc.ArgumentError, match="curve must be one of 'both', 'roc', .*Got 'pr'"):
        rc.roc(run, curve="pr")
    with pytest.raises(rc.ArgumentError, match="pass curve='roc', for example"):
        rc.roc(run, width="container")
    with pytest.raises(rc.ArgumentError, match="normalize must be one of None, 'true', 'pred'"):
        rc.confusion(run, normalize="all")
    with pytest.raises(rc.ArgumentError, match="bins must be a whole number from 1 to 1,000"):
        rc.calibration(run, bins=0)
    with pytest.raises(rc.ArgumentError, match="run must be a Run"):
        rc.confusion("run")


def _curve(chart: Any, epoch: int, label: Any) -> np.ndarray:
    """The vertices of a drawn curve between 0 and 1, shape (vertices, 2)."""
    spec = chart.to_dict()
    rows = [row for rows in spec["datasets"].values() for row in rows]
    (row,) = [row for row in rows if "replay_xs" in row and row.get("target") == label]
    step = next(
        float(number)
        for view in _views(spec)
        for transform in view.get("transform", [])
        for number in re.findall(r"\+ ([\d.e-]+) \* datum.xs", transform.get("calculate", ""))
    )
    return np.array([row["replay_xs"][epoch], row["replay_ys"][epoch]], float).T * step


@pytest.mark.parametrize("recording", ["parabola", "three"])
def test_curves_are_those_of_the_frame(recording: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(recording).open()
    number = run.classes - 1
    label = run.class_names[number] if run.classes > 2 else number
    for epoch in (0, 2, EPOCHS):
        rates = run.roc(epochs=epoch)
        rates = rates[rates["class"] == number]
        drawn = _curve(rc.roc(run, curve="roc"), epoch, label)
        assert drawn[0].tolist() == [0, 0]
        assert drawn[-1].tolist() == [1, 1]
        # A pixel is 1/240: no step of the curve is further away from what is drawn.
        for x, y in rates[["false_positive_rate", "true_positive_rate"]].to_numpy():
            assert _distance(drawn, np.array([x, y])) < 1 / 240
        area = np.trapezoid(*drawn.T[::-1])
        expected = np.trapezoid(rates["true_positive_rate"], rates["false_positive_rate"])
        assert area == pytest.approx(expected, abs=0.005)
        steps = _curve(rc.roc(run, curve="precision-recall"), epoch, label)
        own = rates[["true_positive_rate", "precision"]].to_numpy()[1:]
        assert max(_distance(steps, vertex) for vertex in own) < 1 / 240


def _distance(path: np.ndarray, point: np.ndarray) -> float:
    """The distance of a point to a polyline."""
    begin, along = path[:-1], np.diff(path, axis=0)
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((point - begin) * along).sum(axis=1) / length, 0, 1)
    return float(np.linalg.norm(begin + share[:, None] * along - point, axis=1).min())


def test_labels_show_the_areas(parabola: Training, three: Training, tmp_path: Path) -> None:
    run = parabola.open()
    for epoch in (0, EPOCHS):
        shown = _texts(rc.roc(run), tmp_path, epoch)
        for name, measure in (("AUC", "auc"), ("AP", "average_precision")):
            value = run.curves.values(measure, source="replay")[epoch]
            assert f"{name} {value:.3f}" in shown
    run = three.open()
    shown = _texts(rc.roc(run), tmp_path, EPOCHS)
    assert f"mean AUC {run.curves.values('auc', source='replay')[-1]:.3f}" in shown
    for number, name in enumerate(run.class_names):
        rates = run.roc(epochs=EPOCHS)
        rates = rates[rates["class"] == number]
        area = np.trapezoid(rates["true_positive_rate"], rates["false_positive_rate"])
        assert f"{name} {area:.3f}" in shown


@pytest.mark.parametrize("normalize", [None, "true", "pred"])
def test_cells_show_the_counts(normalize: Any, three: Training, tmp_path: Path) -> None:
    run = three.open()
    chart = rc.confusion(run, normalize=normalize)
    for epoch in (0, EPOCHS):
        frame = run.confusion(normalize="true" if normalize is None else normalize, epochs=epoch)
        shown = _texts(chart, tmp_path, epoch)
        right = frame[frame["target"] == frame["prediction"]]["count"].sum()
        assert f"accuracy {right / len(run.targets):.3f}" in shown
        if normalize is None:
            expected = [f"{count:,}" for count in frame["count"]]
        else:
            shares = [share for share in frame["share"] if 0.005 <= share < 0.995]
            expected = [f"{share:.0%}" for share in shares]
        assert set(expected) <= set(shown)
    recalls = run.confusion(normalize="true").query("epoch == @EPOCHS and target == prediction")
    some = [share for share in recalls["share"] if 0.005 <= share < 0.995]
    assert some
    assert {f"{share:.0%}" for share in some} <= set(_texts(chart, tmp_path, EPOCHS))


def test_thirty_classes_do_not_overlap(many: Training, opened: Any) -> None:
    run = many.open()
    page = opened(rc.confusion(run), svg=True)
    boxes = page.page.evaluate(
        """() => [...document.querySelectorAll("#chart .mark-text text")]
          .filter((text) => text.textContent.trim() && text.getBBox().width > 0)
          .map((text) => {
            const box = text.getBoundingClientRect();
            return [text.textContent, box.left, box.right, box.top, box.bottom];
          })"""
    )
    assert len(boxes) > 90
    for place, (one, left, right, top, bottom) in enumerate(boxes):
        for other, left_2, right_2, top_2, bottom_2 in boxes[place + 1 :]:
            apart = right <= left_2 or right_2 <= left or bottom <= top_2 + 4 or bottom_2 <= top + 4
            assert apart, (one, other)


def test_a_class_without_points_has_no_area(many: Training, tmp_path: Path) -> None:
    run = many.open()
    assert run.classes == 30
    assert not (run.targets == 29).any()
    assert np.isfinite(run.curves.values("auc", source="replay")).all()
    assert rc.save(rc.roc(run), tmp_path / "roc.png").stat().st_size > 10_000


def test_dots_are_the_bins_and_their_distances_the_error(
    parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    chart = rc.calibration(run, bins=5)
    rows = next(rows for rows in chart.to_dict()["datasets"].values() if "replay_count" in rows[0])
    for epoch in (0, EPOCHS):
        bins = run.calibration(bins=5, epochs=epoch)
        assert [row["replay_count"][epoch] for row in rows] == bins["count"].tolist()
        drawn = np.array([row["replay_y"][epoch] for row in rows], float)
        np.testing.assert_allclose(drawn, bins["observed"], rtol=0, atol=1e-5)
        gaps = (bins["observed"] - bins["predicted"]).abs() * bins["count"] / len(run.targets)
        assert f"ECE {gaps.sum():.3f}" in _texts(chart, tmp_path, epoch)


def test_they_move_in_films_and_pages(three: Training, opened: Any, tmp_path: Path) -> None:
    run = three.open()
    chart = rc.roc(run) & (rc.confusion(run) | rc.calibration(run))
    assert rc.save(chart, tmp_path / "a.gif", scale=0.5, progress=False).stat().st_size > 5_000
    page = opened(chart, svg=True)
    page.show(0)
    shown = page.page.evaluate(
        "[...document.querySelectorAll('#chart .mark-text text')].map((text) => text.textContent)"
    )
    assert f"mean AUC {run.curves.values('auc', source='replay')[0]:.3f}" in shown


def test_a_large_chart_is_thinned(shipped: rc.Run) -> None:
    with pytest.warns(UserWarning, match="keeps .* of 151 epochs"):
        chart = rc.roc(shipped, max_bytes=20_000)
    assert isinstance(chart, alt.HConcatChart)
