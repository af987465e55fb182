"""Frames of a linked dashboard on a canvas, from one to the next as a person sees them."""

import os
import shutil
import statistics
from typing import Any

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit
from benchmarks.reference import evaluated_run

# From one frame to the next, which includes style, layout and paint.
_NEXT = "const next = () => new Promise((done) => requestAnimationFrame(done));"
_EPOCHS = f"""async (epochs) => {{
  {_NEXT}
  const taken = [];
  let last = await next();
  for (const epoch of epochs) {{
    await view.signal("epoch", epoch).runAsync();
    const now = await next();
    taken.push(now - last);
    last = now;
  }}
  return taken;
}}"""
_BRUSH = f"""async ([x, y, width, height, moves]) => {{
  {_NEXT}
  const canvas = document.querySelector("canvas.marks"), taken = [];
  const point = (type, share) => canvas.dispatchEvent(new PointerEvent(type, {{
    bubbles: true, clientX: x + share * width, clientY: y + share * height, buttons: 1}}));
  point("pointermove", 0);
  point("pointerdown", 0);
  let last = await next();
  for (let move = 1; move <= moves; move++) {{
    point("pointermove", move / moves);
    await view.runAsync();
    const now = await next();
    taken.push(now - last);
    last = now;
  }}
  point("pointerup", 1);
  await view.runAsync();
  return taken;
}}"""
_PLAYING = f"""async (frames) => {{
  {_NEXT}
  await view.signal("playing", true).runAsync();
  const taken = [];
  let last = await next();
  while (taken.length < frames) {{
    const now = await next();
    taken.push(now - last);
    last = now;
  }}
  await view.signal("playing", false).runAsync();
  return taken;
}}"""
_PLACE = """() => {
  const find = (item, x, y) => {
    for (const mark of item.items || []) {
      if (mark.marktype !== "group") continue;
      for (const group of mark.items) {
        if (mark.name === "linked_0_group") return [x + group.x, y + group.y];
        const inner = find(group, x + (group.x || 0), y + (group.y || 0));
        if (inner) return inner;
      }
    }
  };
  const box = document.querySelector("canvas.marks").getBoundingClientRect();
  const [left, top] = view.origin(), padding = view.padding();
  const [x, y] = find(view.scenegraph().root.items[0], 0, 0);
  return [x + box.x + left + padding.left, y + box.y + top + padding.top];
}"""


def measure(settings: Settings) -> list[Result]:
    """Step through the epochs, move a brush and glide, with and without selected samples."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise Missing(f"pip install '.[benchmarks]' ({error})") from error
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        raise Missing("Chromium was not found on the PATH")
    plain = rc.dashboard(evaluated_run())
    linked = rc.link(plain)
    smooth = rc.animate(linked, smooth=True, autoplay=False)
    charts = {"plain": plain, "linked": linked, "smooth": smooth}
    pages, sizes = {}, {}
    for name, chart in charts.items():
        chart.usermeta = {"embedOptions": {"renderer": "canvas"}}
        pages[name] = rc.save(chart, settings.directory / f"{name}.html")
        sizes[name] = pages[name].stat().st_size
    epochs = list(range(0, 151, 10 if settings.quick else 3))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"] if os.name == "posix" else []
        )
        opened = {name: _opened(browser, path) for name, path in pages.items()}
        unlinked = statistics.median(opened["plain"].evaluate(_EPOCHS, epochs))
        moved = _brushed(opened["linked"])
        selected = opened["linked"].evaluate(_EPOCHS, epochs)
        _brushed(opened["smooth"])
        gliding = opened["smooth"].evaluate(_PLAYING, 60 if settings.quick else 240)
        browser.close()
    others = {"not linked": unlinked}
    return [
        Result(
            "frame of the linked dashboard, half of the samples selected, canvas",
            statistics.median(selected),
            Unit.MILLISECONDS,
            "<= 16.7 ms",
            {**others, "nine of ten frames": _ninth_decile(selected)},
        ),
        Result(
            "frame while the brush moves, canvas",
            statistics.median(moved),
            Unit.MILLISECONDS,
            "<= 16.7 ms",
            {"nine of ten frames": _ninth_decile(moved)},
        ),
        Result(
            "frame while points glide (smooth=True), half of the samples selected, canvas",
            statistics.median(gliding),
            Unit.MILLISECONDS,
            "<= 16.7 ms",
            {"nine of ten frames": _ninth_decile(gliding)},
        ),
        Result(
            "what linking adds to the page",
            (sizes["linked"] - sizes["plain"]) / 1e6,
            Unit.MEGABYTES,
            "<= 0.7 MB",
            {},
        ),
    ]


def _brushed(page: Any) -> list[float]:
    """Select the upper half of the inputs' plane, with about half of the samples."""
    x, y = page.evaluate(_PLACE)
    return page.evaluate(_BRUSH, [x + 2, y + 2, 350, 190, 30])


def _ninth_decile(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=10)[-1]


def _opened(browser: Any, path: Any) -> Any:
    page = browser.new_page(viewport={"width": 1700, "height": 1000})
    page.goto(path.as_uri())
    page.wait_for_function("Boolean(window.view)", timeout=60_000)
    return page
