"""The place under the pointer in every layer, and the output there: `probe`."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from support.browser import Page
from support.training import Training, dense, small_model, train

import replaychart as rc

# The rows of the marks that show the probe: those with scores, and the images in layers.
PROBED = """() => {
  const found = {scores: [], images: [], labels: []};
  const visit = (mark) => {
    for (const item of mark.items || []) {
      const row = item.datum || {};
      if (mark.marktype === 'group') item.items.forEach(visit);
      else if (row.scores) { found.scores.push(row.scores); found.labels.push(row.label); }
      else if (row.w || row.u) found.images.push([row.x, row.y]);
    }
  };
  visit(view.scenegraph().root);
  return found;
}"""
PLACES = [(0.1, 0.2), (0.5, 0.9), (0.85, 0.4)]


def _trained(
    folder: pytest.TempPathFactory,
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    *layers: Any,
    **how: Any,
) -> Training:
    keras.utils.set_random_seed(6)
    model = small_model(*layers, features=X.shape[1], **how)
    return train(folder.mktemp(name) / "run.h5", name, model, X, y, epochs=3)


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return np.random.default_rng(4).uniform(-2, 2, (80, 2)).astype("float32")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, plane: np.ndarray) -> Training:
    """Three classes, from logits, through a wide layer."""
    y = np.digitize(plane.sum(axis=1), [-1, 1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    layers = dense(7, "silu", "wide"), dense(2, "tanh", "plane"), dense(3, None, "logits")
    return _trained(tmp_path_factory, "wide", plane, y, *layers, loss=loss)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A regression of four features."""
    X = np.random.default_rng(5).normal(size=(50, 4)).astype("float32")
    layers = dense(3, "relu", "hidden"), dense(1, None, "output")
    return _trained(tmp_path_factory, "numbers", X, X[:, 0] * X[:, 1], *layers, loss="mse")


@pytest.fixture(scope="module")
def normalized(tmp_path_factory: pytest.TempPathFactory, plane: np.ndarray) -> Training:
    """A network that is not only dense."""
    layers = (
        dense(2, "tanh", "plane"),
        keras.layers.BatchNormalization(name="normal"),
        dense(1, "sigmoid", "output"),
    )
    y = (plane[:, 0] > plane[:, 1]).astype(int)
    return _trained(tmp_path_factory, "normalized", plane, y, *layers)


def _probed(page: Page, share: tuple[float, float], epoch: int, name: str = "probe") -> Any:
    x, y = share
    place = f"{{x: {x}, y: {y}}}"
    moved = f"view.signal('{name}', {place}).signal('epoch', {epoch}).runAsync()"
    page.page.evaluate(f"{moved}.then(() => 1)")
    return page.page.evaluate(PROBED)


def _place(run: rc.Run, share: tuple[float, float]) -> np.ndarray:
    limits = run.planes.input_limits()
    return np.array(
        [[low + part * (high - low) for part, (low, high) in zip(share, limits, strict=True)]]
    )


def _by_keras(training: Training, snapshot: int, layer: str, points: np.ndarray) -> np.ndarray:
    model = training.at(snapshot)
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    return part.predict(points, verbose=0).astype(np.float64)


def test_two_classes_are_what_keras_computes(
    parabola: Training, opened: Callable[..., Page]
) -> None:
    run = parabola.open()
    page = opened(rc.probe(run))
    for share, epoch in zip(PLACES, (0, 3, 6), strict=True):
        found, place = _probed(page, share, epoch), _place(run, share)
        hidden = _by_keras(parabola, epoch, "hidden", place)
        (probability,) = _by_keras(parabola, epoch, "output", place)[0]
        np.testing.assert_allclose(found["images"], np.repeat(hidden, 2, axis=0), atol=1e-6)
        np.testing.assert_allclose(found["scores"], [[probability]] * 2, atol=1e-6)
        assert found["labels"] == [f"class 1: {found['scores'][0][0]:.3f}"] * 2


def test_logits_and_projected_layers_are_what_keras_computes(
    wide: Training, opened: Callable[..., Page]
) -> None:
    run = wide.open()
    page = opened(rc.probe(run, ["wide"], projection="aligned"))
    view = run.planes.view("wide", "aligned", "flatten")
    assert view is not None
    for share, epoch in zip(PLACES, (0, 1, 3), strict=True):
        found, place = _probed(page, share, epoch), _place(run, share)
        image = view.coordinates(_by_keras(wide, epoch, "wide", place), epoch)
        np.testing.assert_allclose(found["images"][0], image[0], atol=2e-6)
        logits = _by_keras(wide, epoch, "logits", place)[0]
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(found["scores"][0], expected, atol=1e-6)
        best = int(expected.argmax())
        assert found["labels"][0] == f"class {best}: {found['scores'][0][best]:.3f}"


def test_slice_of_a_regression_is_what_keras_computes(
    numbers: Training, opened: Callable[..., Page]
) -> None:
    run = numbers.open()
    chart = rc.probe(run, features=(1, 3), at=[0.1, 0, -0.4, 0])
    (name,) = (param["name"] for param in chart.to_dict()["params"] if "probe" in param["name"])
    assert name != "probe"  # The probe of another plane is another one.
    page = opened(chart)
    through = run.planes.slice((1, 3), [0.1, 0, -0.4, 0])
    limits = run.planes.slice_limits(through, None, None)
    for (x, y), epoch in zip(PLACES, (0, 2, 3), strict=True):
        found = _probed(page, (x, y), epoch, name)
        (left, right), (low, high) = limits
        place = np.array([[0.1, left + x * (right - left), -0.4, low + y * (high - low)]])
        np.testing.assert_allclose(
            found["scores"][0], _by_keras(numbers, epoch, "output", place)[0], atol=1e-6
        )
        assert float(found["labels"][0].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            found["scores"][0][0], rel=1e-3
        )


def test_other_networks_are_interpolated_and_say_so(
    normalized: Training, opened: Callable[..., Page]
) -> None:
    run = normalized.open()
    chart = rc.probe(run)
    page = opened(chart, svg=True)
    assert "(interpolated)" in page.page.evaluate("view.toSVG()")
    for share, epoch in zip([*PLACES, (0.0, 1.0)], (0, 1, 3, 2), strict=True):
        found, place = _probed(page, share, epoch), _place(run, share)
        hidden = _by_keras(normalized, epoch, "plane", place)
        np.testing.assert_allclose(found["images"][0], hidden[0], atol=0.02)
        (probability,) = _by_keras(normalized, epoch, "output", place)[0]
        np.testing.assert_allclose(found["scores"][0], [probability], atol=0.01)
        assert found["labels"][0].startswith("class 1: ≈ ")
    unlimited = rc.probe(run, max_bytes=None).hconcat[0].title.to_dict()
    assert "(interpolated)" in str(unlimited)


def test_pointer_moves_the_probe_in_any_composition(
    shipped: rc.Run, opened: Callable[..., Page]
) -> None:
    some = {"epochs": [0, 50, 100], "epoch": 50}
    probe = rc.probe(shipped, width=200, height=200, place=(0.5, 0.5), **some)
    whole = rc.animate(rc.link(rc.loss_histogram(shipped, **some) | probe), autoplay=False)
    for chart in (probe, whole):
        page = opened(chart)
        before = page.page.evaluate("view.signal('probe')")
        where = page.page.evaluate(
            """() => {
              const box = document.querySelector('#chart canvas').getBoundingClientRect();
              const scale = box.width / view._el.querySelector('canvas').offsetWidth || 1;
              const find = (mark, x, y) => {
                for (const item of mark.items || []) {
                  if (mark.marktype !== 'group') return null;
                  const left = x + (item.x || 0), top = y + (item.y || 0);
                  if (item.strokeDashOffset) return [left, top, item.width, item.height];
                  for (const inner of item.items) {
                    const found = find(inner, left, top);
                    if (found) return found;
                  }
                }
                return null;
              };
              const [x, y] = view.origin(), room = view.padding();
              const [left, top, width, height] = find(view.scenegraph().root, x, y);
              return [box.x + scale * (left + room.left), box.y + scale * (top + room.top),
                      scale * width, scale * height];
            }"""
        )
        left, top, width, height = where
        assert before["x"] == pytest.approx((0.5 - _left(shipped)) / _span(shipped))
        # Over the empty plane, over the surface, and over points.
        for x, y in ((0.03, 0.5), (0.5, 0.3), (0.9, 0.75)):
            page.page.mouse.move(left + x * width, top + (1 - y) * height)
            page.wait_until(
                f"Math.abs(view.signal('probe').x - {x}) < 0.01"
                f" && Math.abs(view.signal('probe').y - {y}) < 0.01"
            )
        page.page.mouse.move(left + width + 120, top + 50)
        page.page.wait_for_timeout(100)
        assert page.page.evaluate("view.signal('probe').x") == pytest.approx(0.9, abs=0.01)


def _left(run: rc.Run) -> float:
    return run.planes.input_limits()[0][0]


def _span(run: rc.Run) -> float:
    low, high = run.planes.input_limits()[0]
    return high - low


def test_probes_of_two_runs_share_the_place(parabola: Training) -> None:
    run = parabola.open()
    both = rc.probe(run, epoch=3) & rc.probe(run, epoch=3, projection="pca")
    assert [param["name"] for param in both.to_dict()["params"]].count("probe") == 1
    other = rc.probe(run, epoch=3, place=(0, 0))
    with pytest.raises(rc.ArgumentError, match="probes that start at different places"):
        (rc.probe(run, epoch=3) & other).to_dict()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": ["hiden"]}, "layers must be one of 'hidden', 'output'. Got 'hiden'"),
        ({"layers": ["output"]}, "layer must have at least 2 units. Got 'output', which has 1"),
        ({"place": (9, 0)}, "place must be a pair of numbers in the plane, from"),
        ({"place": 3}, "place must be a pair of numbers in the plane, from"),
        ({"width": "container"}, "width must be a positive number of pixels: .* Got 'container'"),
    ],
)
def test_bad_arguments_raise(wrong: dict[str, Any], message: str, shipped: rc.Run) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.probe(shipped, **wrong)


def test_inputs_with_many_features_need_a_choice(numbers: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="Choose two of them with features="):
        rc.probe(numbers.open())
