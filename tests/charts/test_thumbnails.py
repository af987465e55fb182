"""Points drawn as pictures, and pictures in tooltips."""

import base64
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.drawing import colors
from replaychart.errors import ArgumentError


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> rc.Run:
    """Ten digits as vectors of 64 numbers."""
    keras.utils.set_random_seed(3)
    X, y = load_digits(return_X_y=True)
    model = small_model(
        dense(2, "tanh", "latent"),
        dense(10, "softmax", "output"),
        loss="sparse_categorical_crossentropy",
        features=64,
    )
    path = tmp_path_factory.mktemp("digits") / "digits.h5"
    return train(path, "digits", model, X[:120] / 16, y[:120], epochs=3).open()


def _space(run: rc.Run, **options: Any) -> Any:
    return rc.feature_space(run, surface=None, grid=False, **options)


def _rows(chart: Any) -> list[dict[str, Any]]:
    datasets = chart.to_dict()["datasets"].values()
    (rows,) = [rows for rows in datasets if "thumbnail" in rows[0]]
    return rows


def _pixels(url: str) -> np.ndarray:
    head, _, content = url.partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        return np.asarray(image.convert("RGB")) / 255


def _cells(url: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The color of each cell of a square picture, and that of the frame."""
    pixels = _pixels(url)
    frame = next(n for n in range(1, 9) if (pixels.shape[0] - 2 * n) % rows == 0)
    inner = pixels[frame:-frame, frame:-frame]
    times = inner.shape[0] // rows
    assert (pixels[:frame] == pixels[0, 0]).all()
    return inner[times // 2 :: times, times // 2 :: times], pixels[0, 0]


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255


def test_writing_has_the_color_of_its_class(digits: rc.Run) -> None:
    rows = _rows(_space(digits, images=(8, 8)))
    tones = colors.class_colors(10)
    for row in rows[::17]:
        cells, frame = _cells(row["picture"], 8)
        tone = _rgb(tones[digits.targets[row["point"]]])
        brightness = digits.inputs[row["point"]].reshape(8, 8, 1)
        np.testing.assert_allclose(cells, 1 + brightness * (tone - 1), atol=0.04)
        np.testing.assert_allclose(frame, tone, atol=0.01)


def test_recorded_pictures_are_shown_as_they_are(images: Training) -> None:
    run = images.open()
    row = _rows(_space(run, layer="flat", images=True))[5]
    cells, frame = _cells(row["picture"], 6)
    low, high = images.X.min(), images.X.max()
    brightness = (images.X[row["point"]] - low) / (high - low)
    np.testing.assert_allclose(cells, np.repeat(brightness, 3, axis=-1), atol=0.04)
    np.testing.assert_allclose(frame, _rgb(colors.class_colors(3)[run.targets[row["point"]]]))


def test_pictures_of_your_own_may_have_colors(parabola: Training) -> None:
    run = parabola.open()
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (len(run.targets), 4, 4, 3), dtype=np.uint8)
    row = _rows(_space(run, images=pictures))[9]
    low, high = pictures.min(), pictures.max()
    expected = (pictures[row["point"]].astype(float) - low) / (high - low)
    np.testing.assert_allclose(_cells(row["picture"], 4)[0], expected, atol=0.01)


def test_a_share_of_each_class_is_drawn_as_pictures(digits: rc.Run) -> None:
    chart = _space(digits, images=(8, 8), most_images=40)
    rows = _rows(chart)
    drawn = [row["target"] for row in rows if row["thumbnail"]]
    assert len(drawn) == 40
    assert set(drawn) == set(range(10))
    assert "pictures: 40 of 120 points" in chart.to_dict()["title"]["subtitle"]
    # The others are dots with their pictures in the tooltips.
    assert all(row["picture"] for row in rows)
    only_told = _space(digits, images=(8, 8), most_images=0)
    assert not any(row["thumbnail"] for row in _rows(only_told))
    assert "image" not in [layer["mark"]["type"] for layer in only_told.to_dict()["layer"]]
    assert "pictures" not in str(only_told.to_dict()["title"])


def test_without_pictures_nothing_is_added(digits: rc.Run) -> None:
    assert "picture" not in str(_space(digits).to_dict())


def test_pictures_count_for_the_budget(digits: rc.Run) -> None:
    with pytest.warns(UserWarning, match="max_bytes=20,000, .* keeps .* of 120 points"):
        chart = _space(digits, images=(8, 8), max_bytes=20_000)
    rows = _rows(chart)
    assert len(rows) < 80
    assert sum(len(row["picture"]) for row in rows) < 25_000


def test_pictures_move_and_have_tooltips_in_a_page(digits: rc.Run, opened: Any) -> None:
    chart = rc.link(_space(digits, images=(8, 8), most_images=30) | rc.loss_histogram(digits))
    page = opened(rc.animate(chart, autoplay=False))
    found = """(() => {
        const items = [];
        const find = (mark) => mark.items.forEach((one) => {
            if (mark.marktype === "image") items.push([one.x, one.y, one.tooltip.image, one.width]);
            (one.items || []).forEach(find);
        });
        find(view.scenegraph().root);
        return items;
    })()"""
    first = page.page.evaluate(found)
    page.show(3)
    last = page.page.evaluate(found)
    assert len(first) == len(last) == 30
    assert all(one[2].startswith("data:image/png;base64,") for one in first)
    assert [one[:2] for one in first] != [one[:2] for one in last]
    assert not page.problems


def test_wrong_pictures_have_a_second_frame(digits: rc.Run, tmp_path: Path) -> None:
    layers = _space(digits, images=(8, 8), most_images=30, epoch=0).to_dict()["layer"]
    types = [(layer["mark"]["type"], layer["mark"].get("shape")) for layer in layers]
    pictures = types.index(("image", None))
    # The frames are below the pictures, so that those of hidden pictures are hidden as well.
    assert types.index(("point", "square")) == pictures - 1
    still = rc.save(_space(digits, images=(8, 8)), tmp_path / "a.png", epoch=3)
    plain = rc.save(_space(digits), tmp_path / "b.png", epoch=3)
    with Image.open(still) as one, Image.open(plain) as other:
        assert one.size[0] == other.size[0]
        whiter = (np.asarray(one.convert("L")) > 250).mean()
        assert whiter != (np.asarray(other.convert("L")) > 250).mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": True}, r"images must be the shape or an array .* their shape is \(64,\)"),
        ({"images": (8, 9)}, r"images must be True, an array .* 64 values. Got \(8, 9\)"),
        ({"images": "yes"}, "images must be True, an array .* Got 'yes'"),
        ({"images": np.zeros((3, 8, 8))}, r"with the shape \(120, rows, columns\)"),
        ({"images": np.zeros((120, 8, 8, 2))}, r"images must be an array of numbers"),
        ({"images": (8, 8), "most_images": -1}, "most_images must be"),
        ({"images": (8, 8), "most_images": 2.5}, "most_images must be"),
    ],
)
def test_bad_arguments_are_named(digits: rc.Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        _space(digits, **options)


def test_views_that_rotate_have_no_pictures(regression: Training) -> None:
    with pytest.raises(ArgumentError, match="images is for planes"):
        rc.feature_space(regression.open(), "space", projection="rotate", images=(1, 2))
