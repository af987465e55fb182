"""The player, the brush and the probe in Firefox, with a real pointer and keyboard."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.firefox import Firefox, firefox

import replaychart as rc

pytestmark = pytest.mark.thorough

_RIGHT, _END, _SPACE = "\ue014", "\ue010", " "
SOME = {"epochs": range(0, 151, 5), "width": 220, "height": 200}
# The place of a view on the page, by its number.
PLACE = """(() => {
  const canvas = document.querySelector('#chart canvas'), box = canvas.getBoundingClientRect();
  const scale = box.width / canvas.offsetWidth;
  const find = (item, x, y) => (item.items || []).filter((m) => m.marktype === 'group').flatMap(
    (m) => m.items.flatMap((g) => [
      ...(/^linked_[0-9]+_group$/.test(m.name) ? [[m.name, x + g.x, y + g.y]] : []),
      ...find(g, x + g.x, y + g.y)]));
  const [x, y] = view.origin(), room = view.padding();
  const found = find(view.scenegraph().root.items[0], x + room.left, y + room.top);
  return Object.fromEntries(found.map(([name, x, y]) =>
    [name, [box.x + scale * x, box.y + scale * y, scale]]));
})()"""
TEXTS = """(() => {
  const found = [];
  const visit = (mark) => (mark.items || []).forEach((item) => {
    if (mark.marktype === 'group') item.items.forEach(visit);
    else if (typeof item.text === 'string') found.push(item.text);
  });
  visit(view.scenegraph().root);
  return found;
})()"""


@pytest.fixture(scope="module")
def window() -> Iterator[Firefox]:
    executable = firefox()
    if executable is None:
        pytest.skip("No Firefox on the PATH. Install it: apt-get install firefox-esr")
    with Firefox(executable) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(window: Firefox, shipped: rc.Run, tmp_path_factory: pytest.TempPathFactory) -> Firefox:
    planes = rc.probe(shipped, place=(0, 0), **SOME)  # type: ignore[arg-type]
    curves = rc.loss_and_metric(shipped, **SOME) | rc.loss_histogram(shipped, **SOME)  # type: ignore[arg-type]
    chart = rc.animate(rc.link(planes & curves), autoplay=False)
    path = rc.save(chart, Path(tmp_path_factory.mktemp("firefox")) / "page.html")
    window.open(path, 1000, 1000)
    return window


def _at(page: Firefox, view: int, across: float, down: float) -> tuple[float, float]:
    """A place on the page, given one in a view in pixels of the chart."""
    x, y, scale = page.evaluate(PLACE)[f"linked_{view}_group"]
    return x + scale * across, y + scale * down


def test_player_follows_keys_and_the_scrubber(page: Firefox) -> None:
    page.move(*_at(page, 0, 50, 50))
    page.move(*_at(page, 0, 60, 50))
    page.press(_END)
    page.wait_until("view.signal('epoch') === 150")
    page.drag(_at(page, 2, 40, 50), _at(page, 2, 100, 50), _at(page, 2, 110, 60))
    page.wait_until("view.signal('epoch') === 75")
    page.press(_RIGHT)
    page.wait_until("view.signal('epoch') === 80")
    page.press(_SPACE)
    page.wait_until("view.signal('epoch') >= 95 || view.signal('epoch') < 80")
    page.press(_SPACE)
    page.wait_until("view.signal('playing') === false")


def test_brush_selects_the_samples_that_are_there(page: Firefox, shipped: rc.Run) -> None:
    page.drag(_at(page, 0, 20, 10), _at(page, 0, 60, 80), _at(page, 0, 110, 190))
    (left, right), (low, high) = shipped.planes.input_limits()
    x = 220 * (shipped.inputs[:, 0] - left) / (right - left)
    y = 200 * (high - shipped.inputs[:, 1]) / (high - low)
    inside = (x >= 20) & (x <= 110) & (y >= 10) & (y <= 190)
    # Half a pixel is the precision of positions, and a whole one that of the pointer.
    near = [(np.abs(x - edge) < 1.5) for edge in (20, 110)]
    near += [(np.abs(y - edge) < 1.5) for edge in (10, 190)]
    tolerance = int(np.any(near, axis=0).sum())
    page.wait_until(f"{TEXTS}.some((text) => text.includes('samples selected'))")
    (text,) = (one for one in page.evaluate(TEXTS) if "samples selected" in one)
    count = int(text.split(" of ")[0].replace(",", ""))
    assert abs(count - int(inside.sum())) <= tolerance
    assert 400 < count < 1600


def test_probe_follows_the_pointer(page: Firefox) -> None:
    page.move(*_at(page, 0, 110, 50))
    page.wait_until(
        "Math.abs(view.signal('probe').x - 0.5) < 0.01"
        " && Math.abs(view.signal('probe').y - 0.75) < 0.01"
    )
    assert any(text.startswith("class 1: ") for text in page.evaluate(TEXTS))
