"""From the inputs through the layers to the output: `layer_morph`."""

import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from support.browser import Page
from support.training import EPOCHS, Training, dense, small_model, train

import replaychart as rc
from replaychart.planes.alignment import Framing

# The places of all points on the page, by number: those of the dots, not of the rings around some.
POINTS = """() => {
  const found = {};
  const visit = (mark) => {
    for (const item of mark.items || []) {
      if (mark.marktype === 'group') item.items.forEach(visit);
      else if (item.datum && item.datum.point !== undefined && item.fill)
        found[item.datum.point] = [item.x, item.y];
    }
  };
  visit(view.scenegraph().root);
  return found;
}"""


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Two features; layers of 5, 2, 1 and 3 units, with dropout; one output."""
    keras.utils.set_random_seed(5)
    X = np.random.default_rng(2).uniform(-1, 1, (60, 2)).astype("float32")
    y = (X[:, 0] * X[:, 1] > 0).astype("int64")
    model = small_model(
        dense(5, "relu", "wide"),
        keras.layers.Dropout(0.3, name="dropout"),
        dense(2, "tanh", "plane"),
        dense(1, "tanh", "narrow"),
        dense(3, "tanh", "space"),
        dense(1, "sigmoid", "output"),
    )
    path = tmp_path_factory.mktemp("deep") / "deep.h5"
    return train(path, "deep", model, X, y)


def _rows(chart: Any, column: str) -> list[dict[str, Any]]:
    return next(rows for rows in chart.to_dict()["datasets"].values() if column in rows[0])


def _places(chart: Any, column: str = "point") -> list[np.ndarray]:
    """The packed places at each station, shape (epochs or 1, rows, 2)."""
    rows = _rows(chart, column)
    if column == "point":
        rows = sorted(rows, key=lambda row: row["point"])
    stations = 1 + max(int(name[-1]) for name in rows[0] if name[:-1] in ("replay_x", "x"))

    def station(number: int) -> np.ndarray:
        if f"x{number}" in rows[0]:
            return np.array([[[row[f"{way}{number}"] for way in "xy"] for row in rows]], float)
        both = [[row[f"replay_{way}{number}"] for way in "xy"] for row in rows]
        return np.array(both, float).transpose(2, 0, 1)

    return [station(number) for number in range(stations)]


def _by_keras(training: Training, layer: str, inputs: np.ndarray) -> np.ndarray:
    outputs = []
    for snapshot in range(EPOCHS + 1):
        model = training.at(snapshot)
        part = keras.Model(model.inputs, model.get_layer(layer).output)
        outputs.append(part.predict(inputs, verbose=0))
    return np.array(outputs, np.float64)


def test_stations_have_the_shape_that_keras_computes(deep: Training) -> None:
    chart = rc.layer_morph(deep.open(), projection={"wide": (0, 3), "space": (0, 1)})
    places = _places(chart)
    assert len(places) == 6  # dropout changes nothing
    span = np.ptp(deep.X, axis=0)
    np.testing.assert_allclose(
        np.ptp(places[0][0], axis=0) / np.ptp(places[0][0], axis=0)[0], span / span[0], rtol=0.01
    )
    for number, layer, units in ((1, "wide", [0, 3]), (2, "plane", [0, 1]), (4, "space", [0, 1])):
        own = _by_keras(deep, layer, deep.X)[:, :, units].reshape(-1, 2)
        # All epochs together: the same turn and scale for all of them.
        _, _, disparity = procrustes(own, places[number].reshape(-1, 2))
        assert disparity < 1e-4, layer
    # The points of a single unit are on a line, across which they are spread.
    for number, layer in ((3, "narrow"), (5, "output")):
        own = _by_keras(deep, layer, deep.X).reshape(-1)
        flat = places[number].reshape(-1, 2)
        flat = flat - flat.mean(axis=0)
        along = flat @ np.linalg.svd(flat, full_matrices=False)[2].T
        assert abs(np.corrcoef(along[:, 0], own)[0, 1]) > 0.999
        assert np.ptp(along[:, 1]) < 0.15 * np.ptp(along[:, 0])


def test_each_layer_is_turned_onto_the_one_before(deep: Training) -> None:
    places = _places(rc.layer_morph(deep.open()))
    for before, own in itertools.pairwise(places):
        first, second = (
            np.broadcast_to(one, (EPOCHS + 1, *one.shape[1:])).reshape(-1, 2)
            for one in (before, own)
        )
        best, _ = orthogonal_procrustes(second - second.mean(axis=0), first - first.mean(axis=0))
        np.testing.assert_allclose(best, np.eye(2), atol=0.02)


def test_grid_goes_through_the_same_map_as_the_points(deep: Training) -> None:
    run = deep.open()
    chart = rc.layer_morph(run, ["plane"])
    straight, bent = _places(chart, "vertex")
    xlim, ylim = run.planes.input_limits()
    low, high = np.array([xlim, ylim]).T
    ends = straight[0].min(axis=0), straight[0].max(axis=0)
    places = low + (straight[0] - ends[0]) / (ends[1] - ends[0]) * (high - low)
    own = _by_keras(deep, "plane", places.astype("float32"))
    # Positions are whole steps of half a pixel, in the inputs as well.
    _, _, disparity = procrustes(own.reshape(-1, 2), bent.reshape(-1, 2))
    assert disparity < 2e-3


def test_slider_moves_points_and_says_what_lies_between(
    shipped: rc.Run, opened: Callable[..., Page]
) -> None:
    page = opened(rc.layer_morph(shipped, epochs=[0, 75, 150], epoch=75), svg=True)

    def at(depth: float) -> tuple[np.ndarray, str]:
        page.page.evaluate(f"view.signal('depth', {depth}).runAsync().then(() => 1)")
        found = page.page.evaluate(POINTS)
        return np.array([found[str(point)] for point in range(2000)]), page.page.evaluate(
            "view.toSVG()"
        )

    (first, svg), (second, after) = at(0), at(1)
    assert ">Inputs · epoch 75<" in svg
    assert ">Hidden layer · epoch 75<" in after
    middle, svg = at(0.25)
    np.testing.assert_allclose(middle, 0.75 * first + 0.25 * second, atol=0.01)
    assert ">between Inputs and Hidden layer · epoch 75<" in svg
    assert np.abs(second - first).max() > 40

    page.show(0)
    assert ">between Inputs and Hidden layer · epoch 0<" in page.page.evaluate("view.toSVG()")
    same, _ = at(0)
    np.testing.assert_allclose(same, first)


def test_surface_fades_out_between_layers(shipped: rc.Run, opened: Callable[..., Page]) -> None:
    page = opened(rc.layer_morph(shipped, epochs=[40]))
    filled = """() => {
      const found = [];
      const visit = (mark) => {
        for (const item of mark.items || []) {
          if (mark.marktype === 'group') item.items.forEach(visit);
          else if (mark.marktype === 'line' && item.fill && item.strokeWidth === 0)
            found.push(item.fillOpacity);
        }
      };
      view.scenegraph().root.items[0].items.filter((m) => m.role === 'scope').forEach(visit);
      return found;
    }"""

    def at(depth: float) -> list[float]:
        page.page.evaluate(f"view.signal('depth', {depth}).runAsync().then(() => 1)")
        return page.page.evaluate(filled)

    assert set(at(0)) == {1} == set(at(1))
    assert set(np.round(at(0.1), 6)) == {0.5}
    assert at(0.3) == []
    assert at(2) == []


def test_line_of_layers_can_be_pressed_and_dragged(
    shipped: rc.Run, opened: Callable[..., Page]
) -> None:
    page = opened(rc.layer_morph(shipped, epochs=[0, 150]), svg=True)
    left, top = page.page.evaluate(
        "() => { const box = document.querySelector('#chart svg.marks').getBoundingClientRect();"
        " const scale = box.width / view._el.querySelector('svg').viewBox.baseVal.width || 1;"
        " const [x, y] = view.origin(); const room = view.padding();"
        " return [box.x + scale * (x + room.left), box.y + scale * (y + room.top)]; }"
    )
    mouse = page.page.mouse
    mouse.move(left + 24 + 176, top + 430)
    assert page.page.evaluate("view.signal('depth')") == 0
    mouse.down()
    page.wait_until("view.signal('depth') === 1")
    mouse.move(left + 24 + 176 + 88, top + 430)
    page.wait_until("Math.abs(view.signal('depth') - 1.5) < 0.02")
    mouse.move(left + 398, top + 430)
    page.wait_until("view.signal('depth') === 2")
    mouse.up()
    mouse.move(left + 24, top + 430)
    page.page.wait_for_timeout(100)
    assert page.page.evaluate("view.signal('depth')") == 2


def test_any_run_has_one(
    three: Training,
    one_hot: Training,
    regression: Training,
    images: Training,
    branches: Training,
    tokens_and_features: Training,
) -> None:
    for training, stations in (
        (three, None),
        (one_hot, 3),
        (regression, None),
        (images, None),
        (branches, None),
    ):
        places = _places(rc.layer_morph(training.open()))
        assert stations in (None, len(places))
        assert all(np.isfinite(own).all() for own in places)
    # Integers have no place between two of them, so the way begins at the first layer.
    run = tokens_and_features.open()
    with pytest.raises(rc.ArgumentError, match="layers must contain at least one layer after"):
        rc.layer_morph(run, [run.layers[-1]])


def test_recorded_outputs_have_no_grid_and_no_surface(parabola: Training, tmp_path: Any) -> None:
    run = parabola.open()
    path = tmp_path / "outputs.h5"
    with rc.record_outputs(path, "outputs", inputs=run.inputs, targets=run.targets) as outputs:
        for epoch, hidden, probability in zip(
            run.epochs, run.coordinates("hidden"), run.outputs(), strict=True
        ):
            outputs.snapshot(epoch, probabilities=probability, layers={"hidden": hidden})
    replayed = rc.open_run(path)
    chart = rc.layer_morph(replayed)
    np.testing.assert_array_equal(
        _places(chart)[1], _places(rc.layer_morph(run, ["hidden"], grid=False))[1]
    )
    assert not any("vertex" in rows[0] for rows in chart.to_dict()["datasets"].values())


def test_composes_with_charts_of_the_same_depth_only(shipped: rc.Run) -> None:
    chart = rc.layer_morph(shipped, epochs=[0, 150])
    both = (chart | rc.layer_morph(shipped, epochs=[0, 150], title="again")).to_dict()
    assert [param["name"] for param in both["params"]].count("depth") == 1
    other = rc.layer_morph(shipped, ["hidden"], epochs=[0, 150])
    with pytest.raises(rc.ArgumentError, match="different 'depth' parameters: 0 to 2, initially 0"):
        (chart | other).to_dict()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": ["hiden"]}, "layers must be one of 'hidden', 'output'. Got 'hiden'"),
        ({"layers": []}, "layers must contain at least one layer after the inputs"),
        ({"layers": 3}, "layers must be names of layers. Got 3"),
        ({"depth": 2.5}, "depth must be a number from 0 to 2. Got 2.5"),
        ({"depth": "hidden"}, "depth must be a number from 0 to 2. Got 'hidden'"),
    ],
)
def test_bad_arguments_raise(wrong: dict[str, Any], message: str, shipped: rc.Run) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.layer_morph(shipped, **wrong)


def test_collapsed_layer_keeps_its_place() -> None:
    before = np.random.default_rng(0).normal(size=(2, 5, 2))
    same = np.full((2, 5, 2), 3.0)
    framing = Framing.onto(before, same, np.empty((0, 2)))
    np.testing.assert_allclose(framing.applied(same), 0, atol=1e-12)
    nothing = np.full((2, 5, 2), np.nan)
    assert np.isnan(Framing.onto(before, nothing, np.empty((0, 2))).applied(nothing)).all()
