"""Draw ``brushing.gif``: a pointer that brushes samples in a linked chart, then scrubs the epochs.

Usage: python docs/images/draw_brushing.py. It needs Playwright and Chromium, and takes a minute.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import replaychart as rc

HERE = Path(__file__).parent
WIDTH, HEIGHT = 760, 660
COLORS = 128
SECONDS = 0.12  # of a frame
HOLD = 1.2  # seconds of the last frame

# An arrow where the pointer is, which screenshots do not show.
POINTER = """([x, y]) => {
  let arrow = document.querySelector('#arrow');
  if (!arrow) {
    arrow = document.createElement('div');
    arrow.id = 'arrow';
    arrow.innerHTML = '<svg width="22" height="30"><path d="M2 2v21l5-5 4 9 4-2-4-9h8z" ' +
      'fill="#222" stroke="#fff" stroke-width="1.5"/></svg>';
    arrow.style.cssText = 'position: fixed; pointer-events: none; z-index: 9';
    document.body.append(arrow);
  }
  [arrow.style.left, arrow.style.top] = [`${x - 2}px`, `${y - 2}px`];
}"""


def linked_chart() -> Any:
    """Return two planes, the curves and the losses, linked, with a player that waits."""
    run = rc.open_run(rc.datasets.parabola_recording())
    options: dict[str, Any] = {"epochs": slice(None, None, 2), "epoch": 60, "width": 290}
    planes = rc.decision_boundary(run, height=250, **options) | rc.feature_space(
        run, height=250, **options
    )
    curves = rc.loss_and_metric(run, height=130, **options) | rc.loss_histogram(
        run, height=130, **options
    )
    return rc.animate(rc.link(planes & curves), autoplay=False)


def move(page: Page, x: float, y: float) -> None:
    """Move the pointer, and the arrow with it."""
    page.mouse.move(x, y)
    page.evaluate(POINTER, [x, y])


def drag(page: Page, *places: tuple[float, float], steps: int) -> Iterator[None]:
    """Press the pointer at the first place and drag it past the others; yield at each step."""
    (x, y), *others = places
    move(page, x, y)
    yield
    page.mouse.down()
    for to_x, to_y in others:
        for share in np.linspace(0, 1, steps + 1)[1:]:
            move(page, x + share * (to_x - x), y + share * (to_y - y))
            yield
        x, y = to_x, to_y
    page.mouse.up()
    yield


def plots(page: Page) -> list[tuple[float, float, float, float]]:
    """Return left, top, width and height of each plot on the page, from top to bottom."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector('#chart canvas').getBoundingClientRect();
          const [left, top] = view.origin(), padding = view.padding(), found = [];
          const walk = (item, x, y) => {
            for (const mark of item.items || []) {
              if (mark.marktype !== 'group' || /legend|axis|title/.test(mark.role)) continue;
              for (const group of mark.items) {
                const [gx, gy] = [x + (group.x || 0), y + (group.y || 0)];
                if (group.width > 200 && group.height > 40 && group.width < 400)
                  found.push([gx, gy, group.width, group.height]);
                walk(group, gx, gy);
              }
            }
          };
          walk(view.scenegraph().root.items[0], 0, 0);
          // The page scales the chart to its width.
          const shown = document.querySelector('#chart canvas');
          const scale = canvas.width / parseFloat(shown.style.width || shown.width);
          return found.map(([x, y, width, height]) => [
            canvas.x + scale * (x + left + padding.left),
            canvas.y + scale * (y + top + padding.top),
            scale * width, scale * height]);
        }"""
    )


def frames(page: Page) -> Iterator[Image.Image]:
    """Yield the pictures: samples are brushed, then the curves are scrubbed."""
    places = plots(page)
    x, y, width, height = places[0]
    corners = [(x + 0.02 * width, y + 0.42 * height), (x + 0.24 * width, y + 0.75 * height)]
    for _ in drag(page, *corners, steps=9):
        yield picture(page)
    x, y, width, height = max(places, key=lambda place: place[1])
    x = min(place[0] for place in places)
    middle = y + 0.5 * height
    epochs = [(x + share * width, middle) for share in (0.4, 0.02, 0.99)]
    for _ in drag(page, *epochs, steps=13):
        yield picture(page)


def picture(page: Page) -> Image.Image:
    """Return what the page shows."""
    page.wait_for_timeout(150)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Record the page and save the film."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = rc.save(linked_chart(), Path(folder) / "linked.html")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(path.as_uri())
        page.wait_for_function("window.view !== undefined")
        every = list(frames(page))
        browser.close()
    palette = every[len(every) // 4].quantize(COLORS, method=Image.Quantize.FASTOCTREE)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in every]
    durations = [int(1000 * SECONDS)] * len(others) + [int(1000 * HOLD)]
    first.save(
        HERE / "brushing.gif",
        save_all=True,
        append_images=others,
        duration=durations,
        loop=0,
        optimize=True,
    )


if __name__ == "__main__":
    main()
