"""The documentation site: built without a warning, and its charts drawn and playing in Chromium."""

import dataclasses
import functools
import http.server
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import replaychart as rc

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GALLERY = sorted((ROOT / "gallery").glob("*.py"))
# The examples whose charts a quick build draws: a linked one, and a plain one.
QUICKLY_DRAWN = ("asking", "penguins")
FIGURE = "figure.replaychart"

# Whether a chart's canvas shows something: more than one color in a sample of its pixels.
SHOWS_SOMETHING = """figure => {
    const canvas = figure.querySelector("canvas");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Set();
    for (let i = 0; i < pixels.length; i += 44) {
        colors.add(pixels[i] * 65536 + pixels[i + 1] * 256 + pixels[i + 2]);
    }
    return colors.size > 4;
}"""


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def targets(self) -> set[str]:
        return {
            attributes[key]
            for _, attributes in self.found
            for key in ("id", "name")
            if key in attributes
        }

    def links(self) -> set[str]:
        keys = ("href", "src", "data-script", "data-library", "data-loop")
        return {
            attributes[key] for _, attributes in self.found for key in keys if key in attributes
        }


@pytest.fixture(scope="session")
def site(gallery_recordings: Path, thorough: bool) -> Path:
    """The built site. Charts of an earlier build are used again.

    Only a thorough run draws the charts of all examples of the gallery, which run in
    ``test_gallery.py`` each time, and runs all notebooks.
    """
    options = [] if thorough else ["-t", "quick"]
    out = DOCS / "_build" / "html"
    data = ROOT.parent / "shared" / "data"
    downloaded = {"REPLAYCHART_DATA": str(data)} if (data / "spambase.data").exists() else {}
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-D",
            f"recordings_folder={gallery_recordings}",
            *options,
            str(DOCS),
            str(out),
        ],
        env={**downloaded, **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return out


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Elements]:
    paths = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    return {path: Elements(path) for path in paths}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The site on a server of its own."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@dataclasses.dataclass
class Visit:
    """A page open in the browser, and everything that went wrong in it."""

    page: Any
    problems: list[str]

    def figures(self) -> list[Any]:
        return self.page.query_selector_all(FIGURE)

    def see(self, figure: Any) -> None:
        """Scroll to a chart and wait until it is drawn."""
        figure.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "figure => figure.classList.contains('drawn')", arg=figure, timeout=30_000
        )

    def check_drawn_and_playing(self, figure: Any) -> None:
        self.see(figure)
        if not figure.evaluate(SHOWS_SOMETHING):
            self.problems.append("a chart is blank")
        slider = figure.query_selector("input[type=range]")
        if slider is None:
            return
        first = figure.evaluate("figure => figure.view.signal('epoch')")
        if figure.query_selector("input[type=checkbox]") is None:
            slider.press("Home")
        figure.query_selector("canvas").scroll_into_view_if_needed()
        self.page.wait_for_function(
            "([figure, first]) => figure.view.signal('epoch') !== first",
            arg=[figure, first],
            timeout=30_000,
        )


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    visits: list[Visit] = []

    def open_page(url: str, **options: Any) -> Visit:
        options = {"viewport": {"width": 1300, "height": 900}, **options}
        opened = Visit(browser.new_page(**options), [])
        page, problems = opened.page, opened.problems
        own = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/"

        def route(route: Any) -> None:
            if route.request.url.startswith((own, "data:", "blob:")):
                route.continue_()
            else:
                problems.append(f"asks for {route.request.url}")
                route.abort()

        page.route("**/*", route)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        page.goto(url)
        visits.append(opened)
        return opened

    yield open_page
    for opened in visits:
        opened.page.close()


def test_every_chart_of_every_page_is_drawn_and_plays(
    site: Path, pages: dict[Path, Elements], address: str, visit: Any
) -> None:
    with_charts = [
        path.relative_to(site).as_posix()
        for path, elements in pages.items()
        if any(tag == "figure" for tag, _ in elements.found)
    ]
    assert {"index.html", "tutorial.html", "guide/composing.html"} <= set(with_charts)
    problems = []
    for name in with_charts:
        visited = visit(address + name)
        for figure in visited.figures():
            visited.check_drawn_and_playing(figure)
        problems += [f"{name}: {problem}" for problem in visited.problems]
        visited.page.close()
    assert problems == []


def test_site_works_from_disk(site: Path, visit: Any) -> None:
    visited = visit((site / "index.html").as_uri())
    visited.check_drawn_and_playing(visited.figures()[0])
    assert visited.problems == []


def test_chart_that_is_out_of_sight_waits(address: str, visit: Any) -> None:
    visited = visit(address + "guide/composing.html")
    first, second = visited.figures()[-2:]
    visited.check_drawn_and_playing(first)
    visited.see(second)
    second.query_selector("input[type=checkbox]").click()
    visited.page.evaluate("scrollTo(0, 0)")
    playing = "figure => figure.view.signal('playing') === {}"
    visited.page.wait_for_function(playing.format("false"), arg=first, timeout=10_000)
    first.scroll_into_view_if_needed()
    visited.page.wait_for_function(playing.format("true"), arg=first, timeout=10_000)
    second.scroll_into_view_if_needed()
    visited.page.wait_for_timeout(300)
    assert not second.evaluate("figure => figure.view.signal('playing')"), "stopped by its reader"


def test_chart_does_not_play_by_itself_where_motion_is_unwelcome(address: str, visit: Any) -> None:
    visited = visit(address + "tutorial.html", reduced_motion="reduce")
    figure = visited.figures()[-1]
    visited.see(figure)
    assert not figure.evaluate("figure => figure.view.signal('playing')")


def test_stills_are_shown_without_scripts(address: str, visit: Any) -> None:
    visited = visit(address + "tutorial.html", java_script_enabled=False)
    stills = visited.page.locator(f"{FIGURE} img")
    assert stills.count() == len(visited.figures()) > 0
    for still in stills.all():
        assert still.is_visible()
        assert len(still.get_attribute("alt") or "") > 20


def test_narrow_pages_do_not_scroll_sideways(address: str, visit: Any) -> None:
    for name in ("index.html", "tutorial.html", "guide/frames.html", "from_deepreplay.html"):
        visited = visit(address + name, viewport={"width": 390, "height": 800})
        overflow = visited.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, name


def test_links_within_the_site_lead_somewhere(site: Path, pages: dict[Path, Elements]) -> None:
    broken = []
    for path, elements in pages.items():
        for link in elements.links():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or parts.fragment.startswith("epoch="):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchored = target in pages and parts.fragment
            if not target.is_file() or (
                anchored and unquote(parts.fragment) not in pages[target].targets()
            ):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_pictures_say_what_they_show(pages: dict[Path, Elements]) -> None:
    for path, elements in pages.items():
        for tag, attributes in elements.found:
            assert tag != "img" or "alt" in attributes, (path, attributes)


def test_gallery_lists_every_example_with_chart_and_code(
    site: Path, pages: dict[Path, Elements]
) -> None:
    assert GALLERY
    cards = pages[site / "gallery" / "index.html"]
    for script in GALLERY:
        assert f"{script.stem}.html" in cards.links()
        page = site / "gallery" / f"{script.stem}.html"
        classes = [given.get("class", "") for _, given in pages[page].found]
        missing = any("missing-chart" in given for given in classes)
        assert not (missing and script.stem in QUICKLY_DRAWN), script
        assert sum("replaychart" in one.split() for one in classes) == (not missing), script
        assert any(f"/{script.name}" in link for link in pages[page].links()), "to download"


def test_cards_of_the_gallery_move_while_they_are_in_view(address: str, visit: Any) -> None:
    visited = visit(address + "gallery/index.html")
    card = visited.page.locator(".gallery-card img").first
    image = card.element_handle()
    visited.page.wait_for_function("image => image.dataset.still", arg=image)
    card.scroll_into_view_if_needed()
    visited.page.wait_for_function(
        "image => image.src.endsWith('-loop.webp') && image.complete && image.naturalWidth > 0",
        arg=image,
    )
    visited.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    visited.page.wait_for_function("image => image.src === image.dataset.still", arg=image)
    assert visited.problems == []


def test_every_public_name_is_in_the_reference(site: Path, pages: dict[Path, Elements]) -> None:
    names = [name for name in rc.__all__ if name not in ("__version__", "datasets")]
    names += [
        f"datasets.{name}"
        for name, value in vars(rc.datasets).items()
        if inspect.isfunction(value)
        and value.__module__.startswith("replaychart.datasets")
        and not name.startswith("_")
    ]
    for name in names:
        page = site / "reference" / "generated" / f"replaychart.{name}.html"
        assert f"replaychart.{name}" in pages[page].targets(), name
    run = pages[site / "reference" / "generated" / "replaychart.Run.html"].targets()
    for name, _ in inspect.getmembers(rc.Run):
        assert name.startswith("_") or f"replaychart.Run.{name}" in run, name
