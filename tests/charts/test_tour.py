"""`tour`: the shadow of the points, the axes, and what moves them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vl_convert
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from support.training import Training

import replaychart as rc


@pytest.fixture
def run(folded: Training) -> rc.Run:
    """A run with a hidden layer of eight units."""
    return folded.open()


def _circles(chart: Any, path: Path, epoch: int) -> list[tuple[float, float]]:
    """The positions of the points in the picture of an epoch."""
    spec = json.loads(rc.save(chart, path, epoch=epoch).read_text("utf-8"))
    scene = vl_convert.vegalite_to_scenegraph(spec)["scenegraph"]

    def marks(item: Any) -> Any:
        for mark in item.get("items", []):
            yield mark
            yield from marks(mark)

    found = [mark for mark in marks(scene) if mark.get("marktype") == "symbol"]
    points = max(found, key=lambda mark: len(mark["items"]))
    return [(item["x"], item["y"]) for item in points["items"]]


@pytest.mark.parametrize("options", [{}, {"units": [2, 5, 7]}, {"dimensions": 4}])
def test_points_are_the_shadow_of_the_layer(
    run: rc.Run, options: dict[str, Any], tmp_path: Path
) -> None:
    chart = rc.tour(run, "wide", position=0.25, max_bytes=None, **options)
    spec = chart.to_dict()
    params = {one["name"]: one for one in spec["params"]}
    frame = np.array([params["tour_frame"]["value"][row] for row in "ab"])
    np.testing.assert_allclose(frame @ frame.T, np.eye(2), atol=1e-3)
    values = run.coordinates("wide", epochs=3)[0].astype(float)
    if "units" in options:
        values = values[:, [unit - 1 for unit in options["units"]]]
    if "dimensions" in options:
        every = run.coordinates("wide").astype(float)
        centered = np.concatenate([one - one.mean(axis=0) for one in every])
        values = values @ PCA(4, random_state=0).fit(centered).components_.T
    shadow = (values @ frame.T) * [1, -1]
    seen = np.array(_circles(chart, tmp_path / "a.json", 3))
    assert seen.shape == shadow.shape
    # The picture has another scale and another middle.
    scale = np.ptp(seen[:, 0]) / np.ptp(shadow[:, 0])
    expected = (shadow - shadow.mean(axis=0)) * scale
    assert cdist(seen - seen.mean(axis=0), expected).min(axis=0).max() < 0.7


def test_dimensions_are_named(run: rc.Run, three: Training) -> None:
    assert "Unit 8" in json.dumps(rc.tour(run, "wide").to_dict())
    components = rc.tour(run, "wide", dimensions=3).to_dict()
    assert components["title"]["subtitle"].endswith("of 8 units")
    assert "Component 3" in json.dumps(components)
    islands = three.open()
    names = json.dumps(rc.tour(islands, islands.layers[-1]).to_dict()["datasets"])
    assert all(f'"name": "{name}"' in names for name in islands.class_names)


def test_bad_arguments_raise(run: rc.Run, parabola: Training) -> None:
    for options, message in (
        ({"layer": "output"}, "layer must have at least 3 units. Got 'output', which has 1."),
        ({"units": [1, 2]}, r"units must be 3 to 10 different units. Got \[1, 2\]"),
        ({"units": [1, 2, 2]}, "units must be 3 to 10 different units"),
        ({"units": [1, 2, 9]}, "units must be a whole number from 1 to 8. Got 9."),
        ({"dimensions": 9}, "dimensions must be a whole number from 3 to 8. Got 9."),
        ({"dimensions": 3, "units": [1, 2, 3]}, "Pass either units or dimensions."),
        ({"position": 2}, "position must be a number from 0 to 1. Got 2."),
        ({"seed": -1}, "seed must be a whole number of at least 0. Got -1."),
    ):
        with pytest.raises(rc.ArgumentError, match=message):
            rc.tour(run, **{"layer": "wide"} | options)
    with pytest.raises(rc.ArgumentError, match="no hidden layer of run 'parabola' is known to"):
        rc.tour(parabola.open())
    with pytest.raises(rc.ArgumentError, match="These charts have different tours"):
        (rc.tour(run, "wide") | rc.tour(run, "wide", seed=1)).to_dict()


def test_nothing_moves_by_itself_for_readers_who_prefer_less_motion(
    run: rc.Run, browser: Any, tmp_path: Path
) -> None:
    path = rc.save(rc.animate(rc.tour(run, "wide", width=300, height=200)), tmp_path / "a.html")
    page = browser.new_page(reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_function("window.view")
    begins = page.evaluate("[view.signal('tour'), view.signal('epoch')]")
    page.wait_for_timeout(300)
    assert page.evaluate("[view.signal('tour'), view.signal('epoch')]") == begins
    page.get_by_label("Move").check()
    page.wait_for_function(f"view.signal('tour') > {begins[0]}")
    # It stays as the reader left it when the page is drawn again for a narrow window.
    page.set_viewport_size({"width": 400, "height": 700})
    page.wait_for_function("document.querySelector('input[name=touring]').checked")
    assert page.evaluate("view.signal('tour')") > begins[0]
    page.click("#play")
    page.wait_for_function(f"view.signal('epoch') !== {begins[1]}")
    page.close()


def test_it_moves_and_its_axes_are_dragged(run: rc.Run, browser: Any, tmp_path: Path) -> None:
    chart = rc.loss_histogram(run, width=120) | rc.tour(run, "wide", width=300, height=200)
    path = rc.save(rc.animate(chart, autoplay=False), tmp_path / "a.html")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(path.as_uri())
    page.wait_for_function("window.view && view.signal('tour') > 3")

    def frame() -> np.ndarray:
        return np.array(page.evaluate("[view.signal('tour_frame').a, view.signal('tour_frame').b]"))

    page.evaluate("view.signal('touring', false).runAsync().then(() => 1)")
    before = frame()
    axis = int(np.argmax(np.linalg.norm(before, axis=0)))
    left, top = page.evaluate(
        """() => {
            const box = document.querySelector("#chart canvas").getBoundingClientRect();
            const {left, top} = view.padding(), [x, y] = view.origin();
            const views = view.scenegraph().root.items[0].items
                .filter((mark) => mark.marktype === "group").map((mark) => mark.items[0])
                .filter((group) => group.width === 300);
            return [box.x + left + x + views[0].x, box.y + top + y + views[0].y];
        }"""
    )

    def place(end: np.ndarray) -> tuple[float, float]:
        across, up = end / 1.15
        return left + 300 * (1 + across) / 2, top + 200 * (1 - up) / 2

    page.mouse.move(*place(before[:, axis]))
    page.mouse.down()
    wanted = np.array([-0.4, 0.5])
    for share in (0.3, 0.7, 1):
        page.mouse.move(*place(before[:, axis] + share * (wanted - before[:, axis])))
    page.wait_for_function("view.signal('tour_frame').free === 50")
    dragged = frame()
    np.testing.assert_allclose(dragged[:, axis], wanted, atol=0.02)
    np.testing.assert_allclose(dragged @ dragged.T, np.eye(2), atol=1e-6)
    page.mouse.up()
    # It returns to the tour, and stays orthonormal on the way.
    page.evaluate("view.signal('touring', true).runAsync().then(() => 1)")
    page.wait_for_function("view.signal('tour_frame').free === 20")
    np.testing.assert_allclose(frame() @ frame().T, np.eye(2), atol=1e-6)
    page.wait_for_function("view.signal('tour_frame').free === 0")
    off = """(() => {
        const {a} = view.signal("tour_frame"), path = view.signal("tour_path").a;
        return Math.max(...path[view.signal("tour")].map((value, k) => Math.abs(value - a[k])));
    })()"""
    assert page.evaluate(off) < 1e-3
    page.close()
