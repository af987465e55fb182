"""Charts in the tools where people show them, in a browser without a network.

Tools are heavy, so these tests are thorough, and each is skipped where its tool is not installed:

    pip install "streamlit>=1.64" panel marimo jupyterlab notebook nbconvert anywidget mkdocs
    pytest -m thorough tests/hosts
"""

import importlib.util
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import vl_convert
from PIL import Image, ImageChops, ImageOps

import replaychart as rc

pytestmark = pytest.mark.thorough

APPS = Path(__file__).parent / "apps"
MINUTES = 120_000
MARKS = "canvas.marks, svg.marks"
PLAYS = "window.view && view.signal('epoch') >= 20"
NOTEBOOK = [
    "from charts import boundary, dashboard\nimport replaychart as rc",
    "rc.enable(theme='light')\nboundary",
    "rc.page(dashboard)",
]


def needs(*packages: str) -> Any:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"pip install {' '.join(missing)}")


def environment() -> dict[str, str]:
    paths = [str(APPS), str(Path(rc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextmanager
def serving(folder: Path, *command: str) -> Iterator[str]:
    """Run a server, whose command ends in its port, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = tuple(part.replace("PORT", str(port)) for part in command)
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"the server did not start: {server.args}")


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Opens an address in a browser that reaches nothing but this machine."""
    pages = []

    def open_page(address: str) -> Any:
        page = browser.new_page(viewport={"width": 1500, "height": 2400})
        local = ("http://127.0.0.1", "file:")
        page.route(
            lambda url: url.startswith("http") and not url.startswith(local),
            lambda route: route.abort(),
        )
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Image.Image]:
    """The dashboard as `save` draws it, at its first and last epoch."""
    sys.path.insert(0, str(APPS))
    from charts import dashboard

    folder = tmp_path_factory.mktemp("pictures")
    return {
        epoch: Image.open(rc.save(dashboard, folder / f"{epoch}.png", epoch=epoch))
        for epoch in (0, 150)
    }


def difference(drawn: bytes, expected: Image.Image) -> float:
    """Return the mean difference of two pictures in gray levels.

    Tools differ in margins and fonts, so margins are cut off, and details are averaged.
    """
    picture = Image.open(io.BytesIO(drawn))
    blocks = [
        np.asarray(_trimmed(one).resize((36, 24), Image.Resampling.BOX), dtype=float)
        for one in (picture, expected)
    ]
    return float(np.abs(blocks[0] - blocks[1]).mean())


def _trimmed(picture: Image.Image) -> Image.Image:
    # An element between two pixels has an edge of what is behind the page.
    picture = ImageOps.crop(picture.convert("RGB"), 2)
    white = Image.new("RGB", picture.size, "white")
    return picture.crop(
        ImageChops.difference(picture, white).convert("L").point(_visible).getbbox()
    )


def _visible(level: float) -> float:
    return 255 if level > 20 else 0


def check_dashboard(marks: Any, pictures: dict[int, Image.Image], where: Any) -> None:
    """The chart is drawn as `save` draws it, and its slider moves it."""
    marks.wait_for(timeout=MINUTES)
    slider = where.locator("input[type=range][name=epoch]").first
    slider.wait_for(timeout=MINUTES)
    for epoch, other in ((0, 150), (150, 0)):
        slider.fill(str(epoch))
        where.wait_for_timeout(1500)
        drawn = marks.screenshot()
        right, wrong = (difference(drawn, pictures[one]) for one in (epoch, other))
        assert right < 4 < wrong, (epoch, right, wrong)


def page_frames(page: Any, count: int) -> list[Any]:
    """Return the frames of `rc.page` when they are there."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        found = [frame for frame in page.frames if _is_page(frame)]
        if len(found) >= count:
            return found
        page.wait_for_timeout(500)
    pytest.fail(f"{len(found)} of {count} pages")


def _is_page(frame: Any) -> bool:
    try:
        return bool(frame.evaluate("window.view && document.querySelector('#player') !== null"))
    except Exception:  # The frame is still loading.
        return False


@needs("streamlit")
def test_streamlit(visit: Any, pictures: Any, tmp_path: Path) -> None:
    app = str(APPS / "streamlit_app.py")
    options = ["--server.headless=true", "--browser.gatherUsageStats=false"]
    with serving(tmp_path, "streamlit", "run", app, *options, "--server.port=PORT") as address:
        page = visit(address)
        check_dashboard(page.locator(MARKS).first, pictures, page)
        page_frames(page, 1)[0].wait_for_function(PLAYS, timeout=MINUTES)


@needs("panel")
def test_panel(visit: Any, pictures: Any, tmp_path: Path) -> None:
    app = str(APPS / "panel_app.py")
    with serving(tmp_path, "panel", "serve", app, "--port=PORT") as address:
        page = visit(f"{address}/panel_app")
        check_dashboard(page.locator(MARKS).first, pictures, page)
        page_frames(page, 1)[0].wait_for_function(PLAYS, timeout=MINUTES)


@needs("marimo")
def test_marimo(visit: Any, pictures: Any, tmp_path: Path) -> None:
    app = str(APPS / "marimo_app.py")
    options = ["--headless", "--no-token", "--host=127.0.0.1", "--port=PORT"]
    with serving(tmp_path, "marimo", "run", app, *options) as address:
        page = visit(address)
        page_frames(page, 1)[0].wait_for_function(PLAYS, timeout=MINUTES)
        page.locator(MARKS).nth(1).wait_for(timeout=MINUTES)
        for place in (0, 1):
            marks = page.locator(MARKS).nth(place)
            assert difference(marks.screenshot(), pictures[0]) < 4


def _write_notebook(path: Path, cells: list[str]) -> Path:
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


@needs("jupyterlab", "notebook", "anywidget")
@pytest.mark.parametrize(
    ("server", "place"), [("jupyterlab", "lab/tree"), ("notebook", "notebooks")]
)
def test_jupyter(server: str, place: str, visit: Any, pictures: Any, tmp_path: Path) -> None:
    cells = [*NOTEBOOK, "rc.enable(theme='light', renderer='jupyter')\ndashboard"]
    _write_notebook(tmp_path / "charts.ipynb", cells)
    options = ["--no-browser", "--allow-root", "--ServerApp.token=", "--port=PORT"]
    with serving(tmp_path, server, *options) as address:
        page = visit(f"{address}/{place}/charts.ipynb")
        page.locator(".jp-Cell").first.wait_for(timeout=MINUTES)
        page.wait_for_timeout(3000)
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).first.click()
        first, second = page_frames(page, 2)
        first.wait_for_function(PLAYS, timeout=MINUTES)
        height = "[innerHeight, document.querySelector('main').offsetHeight]"
        for frame in (first, second):
            inner, content = frame.evaluate(height)
            assert inner == content
        check_dashboard(page.locator(f".jp-OutputArea {MARKS}").first, pictures, page)


CHARTS_PLUGIN = """
site_name: Post
theme: {name: mkdocs}
plugins: [charts]
extra_javascript: [vega.js, vega-lite.js, vega-embed.js]
markdown_extensions:
  - pymdownx.superfences:
      custom_fences:
        - name: vegalite
          class: vegalite
          format: !!python/name:mkdocs_charts_plugin.fences.fence_vegalite
"""
LIVE = [
    """import time, keras, replaychart as rc
keras.utils.set_random_seed(1)
X, y = rc.datasets.parabola(60)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("sgd", loss="binary_crossentropy")
slow = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(0.5))
recorder = rc.Recorder(X, y, "runs.h5", group="run")
draw = lambda run, **options: rc.link(rc.decision_boundary(run, **options))
live = rc.Live(recorder, draw=draw)""",
    "model.fit(X, y, epochs=50, verbose=0, callbacks=[recorder, live, slow])",
    "picked = live.widget.selection\nlive.widget.selection = [7, *picked]",
]


@needs("jupyterlab", "anywidget", "keras", "tensorflow")
def test_live_in_a_notebook_is_dark_picks_samples_and_outlives_a_reload(
    visit: Any, tmp_path: Path
) -> None:
    _write_notebook(tmp_path / "live.ipynb", LIVE)
    options = ["--no-browser", "--allow-root", "--ServerApp.token=", "--port=PORT"]
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')
    options.append(f"--LabApp.user_settings_dir={tmp_path / 'settings'}")
    with serving(tmp_path, "jupyterlab", *options) as address:
        page = visit(f"{address}/lab/tree/live.ipynb")
        page.locator(".jp-Cell").first.wait_for(timeout=MINUTES)
        page.wait_for_timeout(3000)
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).first.click()
        samples = page.locator(".replaychart-live input[name=link_samples]").first
        samples.wait_for(timeout=MINUTES)
        canvas = page.locator(".replaychart-live canvas").first
        corner = "canvas => canvas.getContext('2d').getImageData(2, 2, 1, 1).data[0]"
        assert canvas.evaluate(corner) < 60
        samples.fill("3 5")
        page.wait_for_timeout(1000)
        page.keyboard.press("Control+s")
        page.wait_for_timeout(1000)
        page.reload()
        # A kernel that runs a cell does not answer about its widgets until the cell has ended.
        samples.wait_for(timeout=MINUTES)
        page.get_by_text("Finished after epoch 50").first.wait_for(timeout=MINUTES)
        page.wait_for_timeout(2000)
        assert samples.input_value() == "7 3 5"


@needs("nbconvert")
def test_exported_notebook(visit: Any, tmp_path: Path) -> None:
    notebook = _write_notebook(tmp_path / "charts.ipynb", NOTEBOOK)
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", str(notebook)]
    subprocess.run(command, check=True, env=environment(), cwd=tmp_path)
    page = visit((tmp_path / "charts.html").as_uri())
    page_frames(page, 2)[0].wait_for_function(PLAYS, timeout=MINUTES)


@needs("mkdocs")
def test_mkdocs(visit: Any, tmp_path: Path) -> None:
    sys.path.insert(0, str(APPS))
    from charts import boundary

    source = tmp_path / "docs"
    source.mkdir()
    rc.save(boundary, source / "boundary.html")
    frame = '<iframe src="boundary.html" width="560" height="640" title="Boundary"></iframe>'
    (source / "index.md").write_text(f"# A post\n\n{frame}\n", "utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: Post\ntheme: {name: mkdocs}\n", "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "-q"]
    subprocess.run(command, check=True, env=environment(), cwd=tmp_path)
    page = visit((tmp_path / "site" / "index.html").as_uri())
    page_frames(page, 1)[0].wait_for_function(PLAYS, timeout=MINUTES)


@needs("mkdocs", "mkdocs_charts_plugin", "pymdownx")
def test_charts_plugin_of_mkdocs(visit: Any, tmp_path: Path) -> None:
    sys.path.insert(0, str(APPS))
    from charts import boundary

    source = tmp_path / "docs"
    source.mkdir()
    for name in ("vega", "vega-lite", "vega-embed"):
        # The plugin wants to see the names of all three.
        (source / f"{name}.js").write_text("")
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    (source / "vega-embed.js").write_text(bundle, "utf-8")
    spec = rc.save(boundary, tmp_path / "boundary.json").read_text("utf-8")
    fence = f"```vegalite\n{spec}\n```"
    (source / "index.md").write_text(f"# A post\n\n{fence}\n", "utf-8")
    (tmp_path / "mkdocs.yml").write_text(CHARTS_PLUGIN, "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "-q"]
    subprocess.run(command, check=True, env=environment(), cwd=tmp_path)
    page = visit((tmp_path / "site" / "index.html").as_uri())
    page.locator("svg.marks, canvas.marks").first.wait_for(timeout=MINUTES)
    slider = page.locator("input[type=range][name=epoch]").first
    first = slider.input_value()
    page.wait_for_function(
        "([slider, first]) => slider.value !== first", arg=[slider.element_handle(), first]
    )


@needs("nbconvert")
@pytest.mark.skipif(shutil.which("npm") is None, reason="its libraries are from npm")
def test_slides(visit: Any, tmp_path: Path) -> None:
    for library in ("reveal.js@4", "requirejs@2"):
        if subprocess.run(
            ["npm", "pack", "--silent", library], cwd=tmp_path, check=False
        ).returncode:
            pytest.skip(f"npm cannot get {library}")
        name = library.partition("@")[0]
        shutil.unpack_archive(next(tmp_path.glob(f"{name}*.tgz")), tmp_path / name)
    notebook = _write_notebook(tmp_path / "charts.ipynb", NOTEBOOK)
    cells = nbformat.read(notebook, 4)
    for cell in cells.cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    nbformat.write(cells, notebook)
    options = [
        "--execute",
        "--to=slides",
        "--SlidesExporter.reveal_url_prefix=reveal.js/package",
        "--SlidesExporter.require_js_url=requirejs/package/require.js",
    ]
    subprocess.run(
        [sys.executable, "-m", "nbconvert", *options, str(notebook)],
        check=True,
        env=environment(),
        cwd=tmp_path,
    )
    page = visit((tmp_path / "charts.slides.html").as_uri())
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".reveal.ready").wait_for(timeout=MINUTES)
    page.keyboard.press("ArrowRight")
    frame = page_frames(page, 2)[0]
    frame.wait_for_function(PLAYS, timeout=MINUTES)
    page.wait_for_timeout(1500)  # until the slide has moved into its place
    shown = page.locator("section.present iframe").first.bounding_box()
    assert shown["x"] >= 0
    assert shown["x"] + shown["width"] <= 1280
