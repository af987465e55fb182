"""`filters` and `feature_maps`: pictures of what Keras and PyTorch have and compute."""

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from support.training import Training, train

import replaychart as rc
from replaychart.drawing.tiles import NEGATIVE, NEUTRAL, POSITIVE, Response, picture_url, shrunk
from replaychart.errors import ArgumentError


@pytest.fixture(scope="module")
def colored(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Color pictures that are no squares; convolutions of every kind."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(24, 7, 6, 3)).astype("float32")
    y = rng.integers(0, 2, 24)
    model = keras.Sequential(
        [
            keras.Input((7, 6, 3)),
            keras.layers.Conv2D(4, (3, 2), name="first"),
            keras.layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
            keras.layers.Conv2DTranspose(5, 2, activation="relu", name="transposed"),
            keras.layers.MaxPooling2D(name="pooled"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(1, "sigmoid", name="output"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    path = tmp_path_factory.mktemp("colored") / "colored.h5"
    return train(path, "colored", model, X, y, epochs=2, class_names=["<b>no", "yes"])


def _rows(chart: Any) -> list[dict[str, Any]]:
    """The tiles that move with the epoch."""
    return next(rows for rows in chart.to_dict()["datasets"].values() if "replay_tile" in rows[0])


def _cells(url: str, rows: int, columns: int) -> np.ndarray:
    """The color in the middle of each cell of a tile, (rows, columns, 3)."""
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    down, across = pixels.shape[0] // rows, pixels.shape[1] // columns
    assert pixels.shape == (rows * down, columns * across, 3)
    blocks = pixels.reshape(rows, down, columns, across, 3)
    assert (np.ptp(blocks, axis=(1, 3)) == 0).all()  # each cell has one color
    return np.asarray(blocks[:, 0, :, 0])


# Half of the distance between two of 48 levels, between the most different colors.
LEVEL = 6


def _expected(values: np.ndarray, low: float, high: float, stops: tuple[str, ...]) -> np.ndarray:
    """The colors of values on a scale, interpolated independently."""
    rgb = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in stops])
    places = np.linspace(low, high, len(stops))
    return np.stack([np.interp(values, places, channel) for channel in rgb.T], axis=-1)


def _kernel(training: Training, layer: str, snapshot: int) -> np.ndarray:
    return training.at(snapshot).get_layer(layer).get_weights()[0]


def _outputs(training: Training, layer: str, snapshot: int, points: list[int]) -> np.ndarray:
    model = training.at(snapshot)
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    return part.predict(training.X[points], verbose=0)


def test_kernels_have_the_colors_of_the_weights_that_keras_has(images: Training) -> None:
    rows = _rows(rc.filters(images.open()))
    kernels = [_kernel(images, "convolution", at) for at in range(len(images.weights))]
    reach = np.abs(kernels).max()
    assert [row["unit"] for row in rows] == [1, 2, 3, 4]
    for snapshot, kernel in enumerate(kernels):
        for unit, row in enumerate(rows):
            expected = _expected(kernel[..., 0, unit], -reach, reach, (NEGATIVE, NEUTRAL, POSITIVE))
            shown = _cells(row["replay_tile"][snapshot], 3, 3)
            np.testing.assert_allclose(shown, expected, atol=LEVEL)


def test_first_layer_of_color_pictures_is_drawn_in_colors(colored: Training) -> None:
    chart = rc.filters(colored.open())
    kernels = np.stack([_kernel(colored, "first", at) for at in range(3)])
    reach = np.abs(kernels).max()
    for snapshot, unit in ((0, 0), (2, 3)):
        shown = _cells(_rows(chart)[unit]["replay_tile"][snapshot], 3, 2)
        expected = 127.5 + 127.5 * kernels[snapshot, ..., unit] / reach
        np.testing.assert_allclose(shown, expected, atol=1)
    assert "in red, green and blue; gray: 0" in str(chart.to_dict()["title"])


def test_one_channel_or_the_norm_over_channels(colored: Training) -> None:
    run = colored.open()
    kernel = _kernel(colored, "first", 2)
    one = rc.filters(run, "first", channel=2, units=[3], epochs=[2])
    reach = np.abs(kernel[:, :, 1, 2]).max()
    expected = _expected(kernel[:, :, 1, 2], -reach, reach, (NEGATIVE, NEUTRAL, POSITIVE))
    np.testing.assert_allclose(_cells(_rows(one)[0]["replay_tile"][0], 3, 2), expected, atol=LEVEL)
    assert "input channel 2 of 3" in str(one.to_dict()["title"])
    norm = np.sqrt((kernel.astype(float) ** 2).sum(axis=2))
    both = rc.filters(run, "first", channel="norm", epochs=[2])
    for unit, row in enumerate(_rows(both)):
        expected = _expected(norm[..., unit], 0, norm.max(), (NEUTRAL, POSITIVE))
        np.testing.assert_allclose(_cells(row["replay_tile"][0], 3, 2), expected, atol=LEVEL)
    assert "norm over 3 input channels" in str(both.to_dict()["title"])


def test_kernels_of_every_kind_of_convolution(colored: Training) -> None:
    convolutions = colored.open().convolutions
    assert convolutions.names == ["first", "depthwise", "transposed"]
    assert convolutions.names_of_maps == ["first", "depthwise", "transposed", "pooled"]
    np.testing.assert_array_equal(
        convolutions.kernels("transposed", [1])[0],
        _kernel(colored, "transposed", 1).transpose(0, 1, 3, 2),
    )
    depthwise = convolutions.kernels("depthwise", [1])[0]
    kernel = _kernel(colored, "depthwise", 1)
    assert depthwise.shape == (2, 2, 1, 8)
    for filter_ in range(8):
        expected = kernel[..., filter_ // 2, filter_ % 2]
        np.testing.assert_array_equal(depthwise[..., 0, filter_], expected)
    # The output of a filter comes from the kernel that has its number.
    bias = colored.at(1).get_layer("depthwise").get_weights()[1]
    before = _outputs(colored, "first", 1, [0])[0]
    after = convolutions.maps("depthwise", [0], [1])[0, 0]
    for filter_ in range(8):
        window = before[1:3, 2:4, filter_ // 2]
        value = (window * depthwise[..., 0, filter_]).sum() + bias[filter_]
        assert after[1, 2, filter_] == pytest.approx(value, abs=1e-5)


def test_maps_are_what_keras_computes(images: Training) -> None:
    points = [7, 0, 31]
    chart = rc.feature_maps(images.open(), points=points, units=[4, 2])
    outputs = [_outputs(images, "convolution", at, points) for at in range(len(images.weights))]
    highest = np.stack(outputs)[..., [3, 1]].max()
    rows = _rows(chart)
    drawn = [(point, unit) for point in points for unit in (4, 2)]
    assert [(row["point"], row["unit"]) for row in rows] == drawn
    for snapshot, values in enumerate(outputs):
        for row in rows:
            own = values[points.index(row["point"]), ..., row["unit"] - 1]
            expected = _expected(own, 0, highest, (NEUTRAL, POSITIVE))
            shown = _cells(row["replay_tile"][snapshot], 4, 4)
            np.testing.assert_allclose(shown, expected, atol=LEVEL)


@pytest.mark.parametrize("layer", ["first", "transposed", "pooled"])
def test_maps_of_other_layers(colored: Training, layer: str) -> None:
    maps = colored.open().convolutions.maps(layer, [5, 2], [0, 2])
    for place, snapshot in enumerate((0, 2)):
        expected = _outputs(colored, layer, snapshot, [5, 2])
        np.testing.assert_allclose(maps[place], expected, atol=1e-6)


def test_input_pictures_come_first(images: Training, colored: Training) -> None:
    for training, shape in ((images, (6, 6)), (colored, (7, 6))):
        chart = rc.feature_maps(training.open(), points=[3])
        (picture,) = next(
            rows for rows in chart.to_dict()["datasets"].values() if "tile" in rows[0]
        )
        low, high = training.X.min(), training.X.max()
        expected = 255 * (training.X[3] - low) / (high - low)
        shown = _cells(picture["tile"], *shape)
        np.testing.assert_allclose(shown, np.broadcast_to(expected, shown.shape), atol=1)
        assert picture["left"] < min(row["left"] for row in _rows(chart))


def test_points_are_one_of_each_class_by_default(images: Training) -> None:
    points = {row["point"] for row in _rows(rc.feature_maps(images.open()))}
    assert points == {int(np.flatnonzero(images.y == number)[0]) for number in range(3)}


def test_names_are_texts(colored: Training) -> None:
    datasets = rc.feature_maps(colored.open(), "first").to_dict()["datasets"].values()
    names = {row["name"] for rows in datasets for row in rows if "name" in row}
    assert {"<b>no", "yes", "Input", "1", "4"} <= names


def test_stored_outputs_need_no_keras_and_kernels_need_nothing(
    images: Training, tmp_path: Path
) -> None:
    shutil.copy(images.path, tmp_path / "stored.h5")
    rc.open_run(tmp_path / "stored.h5").store(layers=["convolution"])
    run = rc.open_run(tmp_path / "stored.h5")
    for draw in (rc.filters, rc.feature_maps):
        assert draw(run).to_dict() == draw(images.open()).to_dict()
    assert not run._network.is_rebuilt


def test_recorded_outputs_have_maps_but_no_kernels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 5, 5)), rng.integers(0, 2, 9)
    maps = [rng.normal(size=(9, 4, 3, 2)).astype("float32") for _ in range(2)]
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as outputs:
        for epoch, own in enumerate(maps):
            outputs.snapshot(epoch, probabilities=np.full(9, 0.5), layers={"maps": own})
    run = rc.open_run(tmp_path / "a.h5")
    np.testing.assert_array_equal(run.convolutions.maps("maps", [4], [1])[0, 0], maps[1][4])
    rc.feature_maps(run).to_dict()
    with pytest.raises(ArgumentError, match="recorded from outputs, without a model"):
        rc.filters(run)


def test_modules_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X = np.random.default_rng(0).uniform(size=(12, 3, 6, 5)).astype("float32")
    y = np.random.default_rng(1).integers(0, 2, 12)
    layers = [torch.nn.Conv2d(3, 4, (3, 2)), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(64, 2))
    path = tmp_path / "torch.h5"
    with rc.TorchRecorder(module, X, y, path, "a", loss=torch.nn.CrossEntropyLoss()):
        pass
    run = rc.open_run(path, model=module)
    kernel = layers[0].weight.detach().numpy()  # (filters, channels, rows, columns)
    (name,) = run.convolutions.names
    np.testing.assert_array_equal(
        run.convolutions.kernels(name, [0])[0], kernel.transpose(2, 3, 1, 0)
    )
    with torch.no_grad():
        outputs = torch.nn.Sequential(*layers)(torch.tensor(X[[8]])).numpy()
    maps = run.convolutions.maps(name, [8], [0])
    np.testing.assert_allclose(maps[0], outputs.transpose(0, 2, 3, 1), atol=1e-6)
    pictures = run.convolutions.pictures([8])
    assert pictures is not None
    expected = (X[8] - X.min()) / np.ptp(X)
    np.testing.assert_allclose(pictures[0], expected.transpose(1, 2, 0), atol=1e-6)
    assert "in red, green and blue" in str(rc.filters(run).to_dict()["title"])


def test_large_pictures_are_drawn_with_means() -> None:
    values = np.random.default_rng(0).normal(size=(2, 8, 8))
    means = values.reshape(2, 4, 2, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(shrunk(values, 4), means)
    blocks = shrunk(np.arange(12.0).reshape(1, 2, 6), 3)
    np.testing.assert_allclose(blocks, [[[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]])
    uneven = shrunk(np.arange(5.0)[None], 2)
    np.testing.assert_allclose(uneven, [[0.5, 3.0]])


def test_not_finite_is_told_and_grey() -> None:
    assert Response.signed(np.array([np.nan, -3.0, 1.0])).ends == (-3.0, 3.0)
    assert Response.from_zero(np.array([np.inf, -1.0])).ends == (0.0, 1.0)
    cells = _cells(picture_url(np.array([[[np.nan], [1.0]]]), magnified=3), 1, 2)
    assert cells.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_charts_are_thinned_to_max_bytes(images: Training) -> None:
    for draw in (rc.filters, rc.feature_maps):
        with pytest.warns(UserWarning, match="epochs"):
            chart = draw(images.open(), max_bytes=6_000)
        assert len(_rows(chart)[0]["replay_tile"]) < len(images.weights)


def test_dense_networks_have_none(parabola: Training) -> None:
    with pytest.raises(ArgumentError, match=r"filters needs .* convolution.*'hidden', 'output'"):
        rc.filters(parabola.open())
    with pytest.raises(ArgumentError, match=r"feature_maps needs a layer .*'hidden', 'output'"):
        rc.feature_maps(parabola.open())


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (rc.filters, {"layer": "flat"}, "layer must be one of 'first', .* Got 'flat'"),
        (rc.filters, {"channel": 4}, "channel must be a whole number from 1 to 3. Got 4"),
        (rc.filters, {"channel": "mean"}, "channel must be one of 'norm', 1, 2, 3. Got 'mean'"),
        (rc.filters, {"units": [5]}, "units must be a whole number from 1 to 4. Got 5"),
        (rc.filters, {"width": 20}, "must leave at least 12 pixels"),
        (rc.feature_maps, {"layer": "flat"}, "layer must be one of 'first', .* Got 'flat'"),
        (rc.feature_maps, {"points": [24]}, "points must be a whole number from 0 to 23. Got 24"),
        (rc.feature_maps, {"points": []}, "points must have 1 to 20 numbers. Got 0"),
        (rc.feature_maps, {"points": 3}, "points must be numbers of points. Got 3"),
        (rc.feature_maps, {"units": [0]}, "units must be a whole number from 1 to 4. Got 0"),
        (rc.feature_maps, {"width": 80}, "must leave at least 12 pixels"),
    ],
)
def test_bad_arguments_are_named(
    colored: Training, draw: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        draw(colored.open(), **options)
