"""Time a browser takes to show another epoch."""

import os
import shutil
import statistics
from typing import Any

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit
from benchmarks.reference import evaluated_run, long_form
from replaychart.charts.dashboard import dashboard

_OURS = """async (epochs) => {
  const taken = [];
  for (const epoch of epochs) {
    const start = performance.now();
    await view.signal("epoch", epoch).runAsync();
    taken.push(performance.now() - start);
  }
  return taken;
}"""
_PLOTLY = """async (epochs) => {
  const figure = document.querySelector(".plotly-graph-div"), taken = [];
  const options = {mode: "immediate", frame: {duration: 0, redraw: true},
    transition: {duration: 0}};
  for (const epoch of epochs) {
    const start = performance.now();
    await Plotly.animate(figure, [String(epoch)], options);
    taken.push(performance.now() - start);
  }
  return taken;
}"""


def measure(settings: Settings) -> list[Result]:
    """Step through the epochs, alternating with a plotly chart of only the points."""
    try:
        from playwright.sync_api import sync_playwright

        from benchmarks.others.plotly_points import figure
    except ImportError as error:
        raise Missing(f"pip install '.[benchmarks]' ({error})") from error
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        raise Missing("Chromium was not found on the PATH")
    ours = rc.save(dashboard(evaluated_run()), settings.directory / "ours.html")
    plotly = settings.directory / "plotly.html"
    figure(long_form()).write_html(plotly, include_plotlyjs=True, auto_play=False)
    epochs = list(range(0, 151, 10 if settings.quick else 3))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"] if os.name == "posix" else []
        )
        pages = {
            "ours": (_opened(browser, ours, "window.view"), _OURS),
            "plotly": (_opened(browser, plotly, "document.querySelector('.main-svg')"), _PLOTLY),
        }
        taken: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(settings.rounds(3)):
            for name, (page, script) in pages.items():
                taken[name] += page.evaluate(script, epochs)
        browser.close()
    median = {name: statistics.median(values) for name, values in taken.items()}
    others = {"plotly, points only": median["plotly"]}
    what = "redraw when the epoch changes, headless Chromium"
    return [Result(what, median["ours"], Unit.MILLISECONDS, "<= 33 ms", others)]


def _opened(browser: Any, path: Any, ready: str) -> Any:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function(f"Boolean({ready})", timeout=60_000)
    return page
