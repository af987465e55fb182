"""A chart as a page in a frame: what a notebook shows for `rc.page`."""

import html
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

import replaychart as rc
from replaychart.errors import ArgumentError
from replaychart.export.page import Page

Show = Callable[..., Any]
HOSTILE = "</iframe></script>\"'><script>top.pwned = 1</script>"
HEIGHTS = """() => {
  const frame = document.querySelector("iframe");
  return [frame.offsetHeight, frame.contentDocument.querySelector("main").offsetHeight];
}"""


@pytest.fixture(scope="module")
def chart() -> alt.typing.ChartType:
    run = rc.open_run(rc.datasets.parabola_recording())
    epochs = range(0, 151, 10)
    both = rc.decision_boundary(run, epochs=epochs) | rc.loss_histogram(run, epochs=epochs)
    return rc.animate(both, fps=20)


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Show]:
    """Opens a document that contains pages, as a notebook does, and returns it with its frames."""
    opened = []

    def open_document(shown: Page, *, width: int = 1200, scheme: str = "light") -> Any:
        path = tmp_path / f"notebook-{len(opened)}.html"
        path.write_text(f"<!DOCTYPE html><body>{shown._repr_html_()}</body>", "utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        problems: list[str] = []
        opened.append((context, problems))
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        page.frames[1].wait_for_function("window.view && document.querySelector('#frame').style")
        return page

    yield open_document
    for context, problems in opened:
        context.close()
        assert not problems


@pytest.mark.parametrize("width", [1200, 700, 400])
def test_plays_and_is_as_high_as_its_chart(chart: Any, show: Show, width: int) -> None:
    page = show(rc.page(chart, description="What happens."), width=width)
    page.frames[1].wait_for_function("view.signal('epoch') > 20")
    outer, inner = page.evaluate(HEIGHTS)
    assert outer == inner
    assert page.frames[1].locator(".caption").inner_text() == "What happens."
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_function(f"() => {{ const [a, b] = ({HEIGHTS})(); return a === b; }}")


@pytest.mark.parametrize("width", [1200, 760])
def test_height_is_right_where_the_frame_is_out_of_reach(
    chart: Any, show: Show, width: int
) -> None:
    shown = rc.page(chart, description="What happens.")
    frame = shown.frame.replace("data-replaychart ", "")
    page = show(Page(shown.html, shown.height, frame), width=width)
    outer, inner = page.evaluate(HEIGHTS)
    assert abs(outer - inner) <= 20
    if width == 1200:
        assert abs(shown.height - inner) <= 20


@pytest.mark.parametrize("width", [1200, 760])
def test_steps_of_a_story_have_room(chart: Any, show: Show, width: int) -> None:
    captions = {0: "At first, a few words.", 50: "Then\nmore.", 100: "word " * 40}
    shown = rc.page(rc.story(chart, captions))
    frame = shown.frame.replace("data-replaychart ", "")
    outer, inner = show(Page(shown.html, shown.height, frame), width=width).evaluate(HEIGHTS)
    assert abs(outer - inner) <= 40
    page = show(shown, width=width)
    page.wait_for_function(f"() => {{ const [a, b] = ({HEIGHTS})(); return a === b; }}")


def test_height_of_your_own(chart: Any, show: Show) -> None:
    shown = rc.page(chart, height=300)
    page = show(shown)
    assert shown.height == page.evaluate(HEIGHTS)[0] == 300


@pytest.mark.parametrize(
    ("theme", "scheme", "background"),
    [
        ("auto", "light", "white"),
        ("auto", "dark", "#22272e"),
        ("light", "dark", "white"),
        ("dark", "light", "#22272e"),
    ],
)
def test_theme(chart: Any, show: Show, theme: Any, scheme: str, background: str) -> None:
    frame = show(rc.page(chart, theme=theme), scheme=scheme).frames[1]
    assert frame.evaluate("view.background()") == background
    is_dark = frame.evaluate("document.documentElement.classList.contains('dark')")
    assert is_dark == (background != "white")


def test_dark_theme_of_altair_makes_a_dark_page(chart: Any, show: Show) -> None:
    with alt.theme.enable("replaychart-dark"):
        frame = show(rc.page(chart)).frames[1]
    assert frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(34, 39, 46)"
    assert frame.evaluate("view.background()") == "#22272e"


def test_names_stay_text(show: Show) -> None:
    own = alt.Chart(pd.DataFrame({"x": [HOSTILE]})).mark_text().encode(text="x")
    shown = rc.page(own.properties(title=HOSTILE), title=HOSTILE, description=HOSTILE)
    page = show(shown)
    assert page.evaluate("window.pwned") is None
    assert page.locator("iframe").get_attribute("title") == HOSTILE
    assert page.frames[1].title() == HOSTILE
    assert page.frames[1].locator(".caption").inner_text() == HOSTILE
    assert len(page.frames) == 2


def test_description_is_short(chart: Any) -> None:
    assert repr(rc.page(chart)).startswith("<Page: 0.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chart": "boundary.html"}, "chart must be an Altair chart. Got str."),
        ({"title": 1}, "title must be a string or None. Got 1."),
        ({"description": b"a"}, "description must be a string or None. Got b'a'."),
        ({"theme": "black"}, "theme must be one of 'auto', 'light', 'dark'. Got 'black'."),
        *(
            (
                {"height": height},
                f"height must be a number of pixels from 50 to 20,000, or None. Got {height!r}.",
            )
            for height in (10, "300px", True, float("nan"))
        ),
    ],
)
def test_errors(chart: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        rc.page(**({"chart": chart} | options))
    assert str(raised.value) == message


def test_a_cell_with_a_dashboard_is_small(shipped: rc.Run) -> None:
    # 2,000 points and 151 epochs, and no warning that something was left out.
    linked = rc.animate(rc.link(rc.dashboard(shipped)))
    assert len(rc.page(linked).frame) < 2_000_000


# What notebooks in VS Code allow: scripts in the page, and nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src https: http: data:; font-src https:; connect-src https:; child-src https: data: blob:"
)
PLACES = {
    "VS Code": f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{{}}',
    # Outputs are in a frame without the rights of the page around it.
    "Colab": '<iframe sandbox="allow-scripts" srcdoc="{quoted}" width="900" height="900"></iframe>',
}


@pytest.mark.parametrize("place", PLACES)
def test_plays_where_outputs_are_restricted(
    place: str, chart: Any, browser: Any, tmp_path: Path
) -> None:
    shown = rc.page(chart)._repr_html_()
    path = tmp_path / "output.html"
    text = PLACES[place].format(shown, quoted=html.escape(shown))
    path.write_text(f"<!DOCTYPE html><html><head></head><body>{text}</body></html>", "utf-8")
    page = browser.new_page(offline=True)
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame = frame.frame_locator("iframe") if place == "Colab" else frame
    frame.locator("canvas.marks").wait_for()
    page.frames[-1].wait_for_function("view.signal('epoch') > 20")
    page.close()
