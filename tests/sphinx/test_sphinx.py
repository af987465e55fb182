"""The Sphinx extension, in a small project: what it builds, and how that plays in a browser."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import replaychart as rc

pytest.importorskip("sphinx")

# Each run of the code is counted, so that the tests see what is drawn again.
COUNT = "open('runs.txt', 'a').write('x')"
CHART = "rc.decision_boundary(run, epochs=[0, 50, 150], width=200, height=200)"
PAGES = {
    "conf.py": """
extensions = ["myst_nb", "replaychart.sphinx"]
nb_execution_mode = "off"
replaychart_setup = '''
import replaychart as rc
run = rc.open_run(rc.datasets.parabola_recording())
'''
html_theme = "pydata_sphinx_theme"
""",
    "index.rst": f"""
Charts
======

See :ref:`boundary`.

.. replaychart::
   :name: boundary
   :caption: How a network *divides* the plane
   :epoch: 50
   :fps: 20
   :depends: runs.h5
   :show-code:

   {COUNT}
   {CHART}

.. raw:: html

   <div style="height: 3000px"></div>

.. replaychart:: loss.py
   :alt: The loss of a network
   :height: 150

.. toctree::

   folder/own
   notebook
""",
    "loss.py": f"""
{COUNT}
rc.loss_and_metric(run, width=200)
""",
    "runs.h5": "1",
    "folder/own.rst": """
A chart of your own
===================

.. replaychart::
   :alt: Two points

   import altair as alt
   import pandas as pd

   points = alt.Chart(pd.DataFrame({"x": [1, 2]})).mark_point().encode(x="x")
   points.properties(background="beige")
""",
    "wide.rst": """
:orphan:

A wide chart
============

.. replaychart::
   :alt: Two bars

   import altair as alt

   data = alt.Data(values=[{"bar": "right"}])
   bar = alt.Chart(data, width=400, height=100).mark_rect(tooltip=None).encode(
       x=alt.XValue(300), x2=alt.X2Value(330), y=alt.YValue(0), y2=alt.Y2Value(100)
   )
   bar | bar
""",
}

# Charts as `enable` shows them, in the outputs of a notebook: two of the same run, and one that is
# light everywhere.
NOTEBOOK_CHARTS = 3
CHARTS = sum(text.count(".. replaychart::") for text in PAGES.values()) + NOTEBOOK_CHARTS


def _notebook() -> str:
    run = rc.open_run(rc.datasets.parabola_recording())
    boundary = rc.decision_boundary(run, epochs=[0, 50, 150], width=200, height=200)
    described = {"alt": "How a network divides the plane", "epoch": 50}
    shown = [
        (rc.page(boundary).frame, {"replaychart": described}),
        (rc.page(rc.animate(boundary.properties(description="It plays"))).frame, {}),
        (rc.page(rc.loss_histogram(run, epochs=[0]), theme="light").frame, {}),
        ("<b>Something else</b>", {}),
    ]
    cells = [nbformat.v4.new_markdown_cell("# A notebook")]
    for html, metadata in shown:
        output = nbformat.v4.new_output("execute_result", {"text/html": html}, execution_count=1)
        cells.append(nbformat.v4.new_code_cell("chart", metadata=metadata, outputs=[output]))
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=language))


class _Project:
    """A project that Sphinx builds."""

    def __init__(self, folder: Path) -> None:
        self.source, self.site = folder / "source", folder / "site"
        for name, text in PAGES.items():
            self.write(name, text)
        self.write("notebook.ipynb", _notebook())

    def write(self, name: str, text: str) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def keep_only_the_first_page(self) -> None:
        (self.source / "wide.rst").unlink()
        (self.source / "notebook.ipynb").unlink()
        shutil.rmtree(self.source / "folder")

    def build(self, builder: str = "html", *options: str) -> str:
        """Build, and return the warnings."""
        out = self.site if builder == "html" else self.site.parent / builder
        command = [sys.executable, "-m", "sphinx", "-q", "-b", builder, *options]
        doctrees = ["-d", str(self.site.parent / "doctrees")]
        built = subprocess.run(
            [*command, *doctrees, str(self.source), str(out)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
        return built.stderr

    def times_run(self) -> int:
        return len((self.source / "runs.txt").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> _Project:
    """The project, built by two processes without a warning."""
    built = _Project(tmp_path_factory.mktemp("sphinx"))
    assert built.build("html", "-j", "2") == ""
    return built


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    pages: list[Any] = []
    problems: list[str] = []

    def open_page(path: Path, **options: Any) -> Any:
        options = {"viewport": {"width": 1000, "height": 800}, **options}
        page = browser.new_page(offline=True, **options)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not problems


DRAWN = "figure.replaychart.drawn"


def test_a_page_has_stills_with_captions_and_the_code_that_was_asked_for(project: _Project) -> None:
    text = (project.site / "index.html").read_text("utf-8")
    assert 'alt="How a network divides the plane"' in text
    assert "divides</em> the plane" in text
    assert 'alt="The loss of a network"' in text
    assert text.count("highlight-python") == 1
    assert '<a class="reference internal" href="#boundary">' in text
    for still in re.findall(r'src="(_static/replaychart/\w+\.webp)"', text):
        assert (project.site / still).is_file()
    assert len(list((project.site / "_static").glob("replaychart-vega-*.js"))) == 1
    assert len(list((project.site / "_static" / "replaychart").glob("*.webp"))) == CHARTS


def test_charts_are_drawn_when_they_are_seen_and_share_their_libraries(
    project: _Project, visit: Any
) -> None:
    page = visit(project.site / "index.html")
    page.wait_for_selector(DRAWN)
    page.wait_for_function(f"document.querySelector('{DRAWN}').view.signal('epoch') === 150")
    assert page.locator(DRAWN).count() == 1
    page.locator("figure.replaychart").nth(1).scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelectorAll('{DRAWN}').length === 2")
    assert page.locator("script[src*=replaychart-vega]").count() == 1
    box = page.locator(".replaychart-box").nth(1)
    assert box.evaluate("box => [box.clientHeight <= 150, box.scrollHeight > 150]") == [True, True]


def test_charts_are_dark_where_the_page_is(project: _Project, visit: Any) -> None:
    background = f"document.querySelector('{DRAWN}').view.background()"
    page = visit(project.site / "index.html", color_scheme="light", reduced_motion="reduce")
    page.wait_for_selector(DRAWN)
    assert page.evaluate(background) == "white"
    page.evaluate(f"document.querySelector('{DRAWN}').view.signal('snapshot', 1).run() && 0")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{background} === '#22272e'")
    page.wait_for_function(f"document.querySelector('{DRAWN}').view.signal('epoch') === 50")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_function(f"{background} === 'white'")
    own = visit(project.site / "folder" / "own.html", color_scheme="dark")
    own.wait_for_selector(DRAWN)
    assert own.evaluate("document.documentElement.dataset.theme") == "dark"
    assert own.evaluate(background) == "beige"


def test_links_to_epochs_move_the_charts(project: _Project, visit: Any) -> None:
    page = visit(project.site / "index.html")
    page.wait_for_selector(DRAWN)
    signals = "({ view }) => [view.signal('epoch'), view.signal('playing')]"
    state = f"({signals})(document.querySelector('{DRAWN}'))"
    for linked, shown in ((50, 50), (149, 50), (0, 0)):
        page.evaluate(f"location.hash = 'epoch={linked}'")
        page.wait_for_function(f"{state}.join() === '{shown},false'")
    page.evaluate(
        f"""() => {{
            const link = Object.assign(document.createElement("a"), {{ href: "#epoch=0" }});
            link.textContent = "epoch 0";
            document.querySelector("figure").before(link);
            document.querySelector('{DRAWN}').view.signal("snapshot", 2).run();
        }}"""
    )
    page.get_by_text("epoch 0", exact=True).click()
    page.wait_for_function(f"{state}.join() === '0,false'")


def test_charts_fit_a_phone_and_follow_the_pointer(project: _Project, visit: Any) -> None:
    page = visit(project.site / "wide.html", viewport={"width": 360, "height": 740})
    page.wait_for_selector(DRAWN)
    canvas = page.locator(f"{DRAWN} canvas")
    page.wait_for_function(f"document.querySelector('{DRAWN} canvas').style.transform")
    area = canvas.bounding_box()
    assert 250 < area["width"] < 360 - area["x"]
    factor = area["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    first, second = page.evaluate(
        f"""() => {{
            const view = document.querySelector('{DRAWN}').view, [dx, dy] = view.origin();
            const point = (event, item) => {{ window.pointed = item?.datum?.bar; }};
            view.addEventListener("pointermove", point);
            const marks = view.scenegraph().root.items[0].items;
            return marks.filter((mark) => mark.marktype === "group")
                .map((mark) => [mark.items[0].x + dx, mark.items[0].y + dy]);
        }}"""
    )
    assert first[0] == second[0]
    assert first[1] < second[1], "one below the other"
    for x, y in (first, second):
        for inside, pointed in ((315, "right"), (315 * factor, None)):
            page.mouse.move(area["x"] + factor * (x + inside), area["y"] + factor * (y + 50))
            assert page.evaluate("window.pointed ?? null") == pointed


def test_charts_in_notebooks_are_those_of_the_site(project: _Project, visit: Any) -> None:
    text = (project.site / "notebook.html").read_text("utf-8")
    assert "<iframe" not in text
    assert "<b>Something else</b>" in text
    alternatives = re.findall(r'<img alt="([^"]+)"', text)
    assert alternatives[:2] == ["How a network divides the plane", "It plays"]
    page = visit(project.site / "notebook.html", color_scheme="dark")
    for number, background in enumerate(("#22272e", "#22272e", "white")):
        figure = page.locator("figure.replaychart").nth(number)
        figure.scroll_into_view_if_needed()
        page.wait_for_function(
            "figure => figure.classList.contains('drawn')", arg=figure.element_handle()
        )
        assert figure.evaluate("figure => figure.view.background()") == background
    assert page.locator("script[src*=replaychart-vega]").count() == 1
    first = page.locator("figure.replaychart").first
    box, card = (
        first.locator("input[type=range]").bounding_box(),
        first.locator(".replaychart-box").bounding_box(),
    )
    assert box["x"] + box["width"] < card["x"] + card["width"], "not cut off"


def test_mistakes_in_notebooks_are_reported(tmp_path: Path) -> None:
    project = _Project(tmp_path)
    project.keep_only_the_first_page()
    project.write("notebook.ipynb", _notebook().replace('"epoch": 50', '"epoch": -1'))
    assert "ERROR: epoch must be between 0 and 150" in project.build("text")


def test_notebooks_keep_their_pages_without_the_extension(tmp_path: Path) -> None:
    project = _Project(tmp_path)
    project.write("conf.py", 'extensions = ["myst_nb"]\nnb_execution_mode = "off"')
    for path in project.source.rglob("*.rst"):
        path.unlink()
    project.write("index.rst", "Notebooks\n=========\n\n.. toctree::\n\n   notebook\n")
    project.build()
    text = (project.site / "notebook.html").read_text("utf-8")
    assert text.count("<iframe") == NOTEBOOK_CHARTS


def test_code_runs_again_only_if_it_or_what_it_reads_has_changed(tmp_path: Path) -> None:
    project = _Project(tmp_path)
    page = f"""
.. replaychart::
   :alt: A point
   :depends: runs.h5

   import altair as alt
   {COUNT}
   alt.Chart(alt.Data(values=[{{}}])).mark_point()
"""
    project.write("index.rst", page)
    project.keep_only_the_first_page()
    project.build("text")
    assert project.times_run() == 1
    project.write("index.rst", f"{page}\nMore text")
    project.build("text")
    assert project.times_run() == 1
    project.write("runs.h5", "2")
    project.build("text")
    assert project.times_run() == 2
    # One that is no longer used is deleted.
    assert len(list((tmp_path / "doctrees" / "replaychart").glob("*.png"))) == 1


def test_formats_without_scripts_get_the_still(project: _Project) -> None:
    project.build("latex")
    tex = next(project.site.parent.glob("latex/*.tex")).read_text("utf-8")
    (still, *_) = re.findall(r"\\sphinxincludegraphics.*?\{\{(\w+)\}\.png\}", tex)
    assert (project.site.parent / "latex" / f"{still}.png").is_file()
    assert r"How a network \sphinxstyleemphasis{divides} the plane" in tex


def test_mistakes_are_reported_with_their_line(tmp_path: Path) -> None:
    project = _Project(tmp_path)
    project.keep_only_the_first_page()
    project.write("loss.py", "x = 1\nif x:\n    missing\n1\n")
    project.write(
        "index.rst",
        """
Mistakes
========

.. replaychart::
   :alt: No chart

   text = "a"
   text

.. replaychart::
   :alt: No syntax

   1 +

.. replaychart::
   :alt: No such epoch
   :epoch: -1

   rc.loss_histogram(run, epochs=[0, 1])

.. replaychart:: loss.py
   :alt: An error

.. replaychart:: missing.py
   :alt: No such file

.. replaychart:: loss.py

.. replaychart::
   :alt: Nothing
""",
    )
    told = project.build("text")
    index, script = project.source / "index.rst", project.source / "loss.py"
    for expected in (
        f"{index}:9: ERROR: The code must end in an Altair chart. Got str. (line 9 of index.rst)",
        f"{index}:14: ERROR: SyntaxError: invalid syntax",
        f"{index}:16: ERROR: epoch must be",
        f"{script}:3: ERROR: NameError: name 'missing' is not defined (line 3 of loss.py)",
        f"{index}:25: ERROR: The file 'missing.py' is missing.",
        f"{index}:28: ERROR: A chart needs the option alt or caption",
        f"{index}:30: ERROR: A chart needs either the path of a script or code",
    ):
        assert expected in told, told
