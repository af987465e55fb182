"""`unit_maps`: tiles that show what Keras computes in their cells."""

import base64
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from support.training import Training, train

import replaychart as rc
from replaychart.drawing.tiles import NEGATIVE, NEUTRAL, POSITIVE, Response, tile_url
from replaychart.errors import ArgumentError


@pytest.fixture(scope="module")
def relu(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Three features, and a layer whose last unit is dead."""
    keras.utils.set_random_seed(2)
    X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    y = (X[:, 0] > X[:, 1]).astype(int)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(5, "relu", name="hidden"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    kernel, bias = model.get_layer("hidden").get_weights()
    bias[-1] = -100
    model.get_layer("hidden").set_weights([kernel, bias])
    model.compile("sgd", "binary_crossentropy")
    path = tmp_path_factory.mktemp("units") / "relu.h5"
    return train(path, "relu", model, X, y, epochs=2)


def _centers(xlim: tuple[float, float], ylim: tuple[float, float], count: int) -> np.ndarray:
    """The centers of cells, computed independently: (rows from below, columns, 2)."""
    x, y = (low + (high - low) * (np.arange(count) + 0.5) / count for low, high in (xlim, ylim))
    return np.stack(np.meshgrid(x, y), axis=-1)


def _rows(chart: Any) -> list[dict[str, Any]]:
    return next(rows for rows in chart.to_dict()["datasets"].values() if "replay_tile" in rows[0])


def _pixels(url: str) -> np.ndarray:
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_tiles_show_what_keras_computes(parabola: Training) -> None:
    xlim, ylim = (-1.0, 1.0), (-0.5, 2.5)
    chart = rc.unit_maps(parabola.open(), "hidden", xlim=xlim, ylim=ylim, resolution=7)
    centers = _centers(xlim, ylim, 7).reshape(-1, 2)
    for snapshot in range(len(parabola.weights)):
        model = parabola.at(snapshot)
        hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
        outputs = hidden.predict(centers, verbose=0).reshape(7, 7, 2)
        for unit, row in enumerate(_rows(chart)):
            assert row["unit"] == unit + 1
            # A sigmoid is between 0 and 1: purple below 0.5, green above.
            red, _, blue = np.moveaxis(_pixels(row["replay_tile"][snapshot]), -1, 0)
            purple = outputs[::-1, :, unit] < 0.48
            green = outputs[::-1, :, unit] > 0.52
            assert (blue[purple] > red[purple] - 30).all()
            assert (np.abs(outputs[..., unit] - 0.5) > 0.02).any()
            position = np.unravel_index(outputs[::-1, :, unit].argmax(), (7, 7))
            assert red[position] == red.min() or not green.any()


def test_values_and_their_order(relu: Training) -> None:
    run = relu.open()
    view = run.planes.slice((0, 2), "mean")
    rectangle = run.planes.input_rectangle(xlim=(-2, 2), ylim=(0, 1), resolution=6, view=view)
    values = run.planes.units("hidden", rectangle, [2])[0]
    centers = _centers((-2, 2), (0, 1), 6).reshape(-1, 2)
    points = np.column_stack([centers[:, 0], np.full(36, relu.X[:, 1].mean()), centers[:, 1]])
    model = relu.at(2)
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    expected = hidden.predict(points, verbose=0).reshape(6, 6, 5)
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "ends", "colors"),
    [
        ([-0.5, 2.0], (-2.0, 2.0), (NEGATIVE, NEUTRAL, POSITIVE)),
        ([0.1, 0.9], (0.0, 1.0), (NEGATIVE, NEUTRAL, POSITIVE)),
        ([0.0, 7.0], (0.0, 7.0), (NEUTRAL, POSITIVE)),
        ([-3.0, -1.0], (-3.0, 0.0), (NEGATIVE, NEUTRAL)),
        ([0.0, 0.0], (-1.0, 0.0), (NEGATIVE, NEUTRAL)),
        ([np.nan, np.inf], (0.0, 1.0), (NEGATIVE, NEUTRAL, POSITIVE)),
    ],
)
def test_scale_is_neutral_where_nothing_happens(
    values: list[float], ends: tuple[float, float], colors: tuple[str, ...]
) -> None:
    assert Response.of(np.array(values)) == Response(ends, colors)


def test_tile_has_its_first_row_at_the_bottom_and_grey_where_not_finite() -> None:
    response = Response((-1.0, 1.0), (NEGATIVE, NEUTRAL, POSITIVE))
    pixels = _pixels(tile_url(np.array([[-1.0, 1.0], [np.nan, 1.0]]), response))
    as_hex = [["#" + "".join(f"{part:02x}" for part in pixel) for pixel in row] for row in pixels]
    assert as_hex == [["#808080", POSITIVE], [NEGATIVE, POSITIVE]]


def test_dead_units_are_marked(relu: Training) -> None:
    chart = rc.unit_maps(relu.open(), "hidden", features=(0, 1))
    constant = [row["replay_constant"] for row in _rows(chart)]
    outputs = relu.open().coordinates("hidden")
    assert constant == (np.ptp(outputs, axis=1) == 0).T.astype(int).tolist()
    assert constant[-1] == [1, 1, 1]
    assert not any(constant[0])


def test_units_are_chosen_from_1(relu: Training) -> None:
    chart = rc.unit_maps(relu.open(), "hidden", features=(0, 1), units=[5, 2], columns=1)
    assert [row["unit"] for row in _rows(chart)] == [5, 2]
    assert len({row["left"] for row in _rows(chart)}) == 1


def test_more_units_than_fit_are_not_dropped_silently(tmp_path: Path) -> None:
    X, y = np.zeros((4, 2), "float32"), np.zeros(4, int)
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(130, name="wide"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy")
    run = train(tmp_path / "a.h5", "a", model, X, y, epochs=1).open()
    assert "the first 100 of 130 units" in str(rc.unit_maps(run, "wide", width=600).to_dict())


def test_stored_tiles_need_no_keras(relu: Training, tmp_path: Path) -> None:
    path = tmp_path / "stored.h5"
    path.write_bytes(relu.path.read_bytes())
    run = rc.open_run(path)
    before = rc.unit_maps(run, "hidden", features=(0, 1))
    run.store()
    again = rc.open_run(path)
    assert rc.unit_maps(again, "hidden", features=(0, 1)).to_dict() == before.to_dict()
    assert not again._network.is_rebuilt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "hiden"}, "layer must be one of 'hidden', 'output'. Got 'hiden'"),
        ({"layer": "hidden"}, "needs inputs with 2 features"),
        ({"layer": "hidden", "features": (0, 1), "units": [0]}, "units must be .* Got 0"),
        ({"layer": "hidden", "features": (0, 1), "units": [6]}, "units must be .* Got 6"),
        ({"layer": "hidden", "features": (0, 1), "units": []}, "units must have 1 to 100 numbers"),
        ({"layer": "hidden", "features": (0, 1), "columns": 0}, "columns must be"),
        ({"layer": "hidden", "features": (0, 1), "resolution": 1}, "resolution must be"),
        ({"layer": "hidden", "features": (0, 1), "width": 20}, "must leave at least 12 pixels"),
    ],
)
def test_bad_arguments_are_named(relu: Training, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        rc.unit_maps(relu.open(), **options)


def test_a_run_without_layers_has_no_units(tmp_path: Path) -> None:
    values = [{"epoch": 0, "probabilities": np.full(4, 0.5)}]
    X, y = np.zeros((4, 2)), np.array([0, 0, 1, 1])
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y, epochs=values)
    with pytest.raises(ArgumentError, match="layer has nothing to choose from. Got 'hidden'"):
        rc.unit_maps(rc.open_run(tmp_path / "a.h5"), "hidden")
