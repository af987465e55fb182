"""The saved page: its controls, on any screen, light and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import replaychart as rc
from replaychart.errors import ArgumentError

Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = rc.open_run(rc.datasets.parabola_recording())
    chart = rc.dashboard(run, epochs=range(0, 151, 10), epoch=20)
    animated = rc.animate(chart, autoplay=False)
    caption = "Two parabolas & <b>one</b> network.\n\nA second paragraph."
    path = tmp_path_factory.mktemp("page") / "page.html"
    return rc.save(animated, path, description=caption)


@pytest.fixture
def visit(browser: Any, saved: Path) -> Iterator[Visit]:
    contexts = []

    def open_page(
        width: int, height: int, *, scheme: str = "light", anchor: str = "", path: Path = saved
    ) -> Any:
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
            )
        )
        page = contexts[-1].new_page()
        page.goto(f"{path.as_uri()}{anchor}")
        page.wait_for_function("window.view && document.querySelector('#frame').style.width")
        return page

    yield open_page
    for context in contexts:
        context.close()


def _epoch(page: Any) -> int:
    return int(page.evaluate("view.signal('epoch')"))


def test_controls_step_slide_and_play(visit: Visit) -> None:
    page = visit(1280, 720)
    # The player is in the page, not in Vega's inputs.
    assert page.locator("#inputs .vega-bind:visible").count() == 0
    page.locator("#slider").fill("50")
    page.wait_for_function("view.signal('epoch') === 50")
    page.locator("#forward").click()
    page.wait_for_function("view.signal('epoch') === 60")
    page.locator("#back").click()
    page.wait_for_function("view.signal('epoch') === 50")
    assert page.locator("#epoch").inner_text() == "50 / 150"
    page.locator("#speed select").select_option("4")
    assert page.evaluate("view.signal('speed')") == 4
    page.locator("#play").click()
    page.wait_for_function("view.signal('epoch') >= 70")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.locator("#play").click()
    assert page.evaluate("view.signal('playing')") is False


def test_keys(visit: Visit) -> None:
    page = visit(1280, 720)
    page.keyboard.press("Home")
    assert _epoch(page) == 0
    page.keyboard.press("ArrowRight")
    assert _epoch(page) == 10
    page.keyboard.press("Shift+ArrowRight")
    assert _epoch(page) == 110
    page.keyboard.press("End")
    assert _epoch(page) == 150
    page.keyboard.press("Space")
    assert page.evaluate("view.signal('playing')") is True
    page.locator("#speed select").focus()
    page.keyboard.press("Home")  # This is for the menu of speeds.
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("view.signal('playing')") is False


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1280, 720), (1920, 1080)])
def test_nothing_is_cut_off(visit: Visit, width: int, height: int) -> None:
    page = visit(width, height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#chart").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width + 1
    # Centered, within the width of a scroll bar.
    assert abs(box["x"] + box["width"] / 2 - width / 2) <= 10
    if width >= 1280:
        assert box["y"] + box["height"] <= height


def test_parts_are_stacked_on_a_phone_and_side_by_side_when_it_is_turned(visit: Visit) -> None:
    page = visit(390, 844)
    tall = page.locator("#chart").bounding_box()
    assert tall["height"] > 2 * tall["width"]
    page.locator("#slider").fill("80")
    page.set_viewport_size({"width": 844, "height": 390})
    page.wait_for_function("document.querySelector('#chart').getBoundingClientRect().height < 800")
    page.wait_for_function("view.signal('epoch') === 80")


def test_wide_view_below_panels_is_as_narrow_as_a_phone(visit: Visit, tmp_path: Path) -> None:
    run = rc.open_run(rc.datasets.parabola_recording())
    runs, epoch = {"one": run, "two": run}, rc.epoch_param(run)
    panels = rc.small_multiples(
        runs, chart=rc.decision_boundary, columns=2, epoch=epoch, width=240, height=200
    )
    losses = rc.compare(runs, epoch=epoch, width=980, height=150)
    path = rc.save(panels & losses, tmp_path / "wide.html")
    page = visit(390, 844, path=path)
    box = page.locator("#chart").bounding_box()
    # Panels would otherwise be drawn at a third of their size.
    assert box["width"] / page.evaluate("document.querySelector('#chart').offsetWidth") > 0.75
    assert box["x"] + box["width"] <= 390
    page.set_viewport_size({"width": 1280, "height": 844})
    page.wait_for_function("document.querySelector('#chart').offsetWidth > 980")


def test_pictures_do_not_flicker(visit: Visit, tmp_path: Path) -> None:
    run = rc.open_run(rc.datasets.parabola_recording())
    chart = rc.animate(rc.unit_maps(run, "hidden"))
    page = visit(1280, 720, path=rc.save(chart, tmp_path / "tiles.html"))
    # The share of some rows of pixels that is not white, in every frame while the epoch changes.
    shares = page.evaluate(
        """async () => {
            const canvas = document.querySelector('#chart canvas'), shares = [];
            const {width, height} = canvas, context = canvas.getContext('2d');
            for (let step = 0; step < 12; step++) {
                view.signal('epoch', 10 * step).runAsync();
                for (let frame = 0; frame < 4; frame++) {
                    await new Promise(requestAnimationFrame);
                    const {data} = context.getImageData(0, height / 2, width, 9);
                    let colored = 0;
                    for (let i = 1; i < data.length; i += 4) colored += data[i] < 250;
                    shares.push(4 * colored / data.length);
                }
            }
            return shares;
        }"""
    )
    assert min(shares) > 0.8 * max(shares) > 0.2


def test_controls_stay_in_view(visit: Visit) -> None:
    page = visit(390, 844)
    page.evaluate("scrollTo(0, 600)")
    page.wait_for_function("scrollY > 0")
    assert page.locator("#player").bounding_box()["y"] == 0


@pytest.mark.parametrize(("width", "height"), [(390, 844), (700, 900), (1280, 720)])
def test_pointer_is_where_it_points_at_any_scale(visit: Visit, width: int, height: int) -> None:
    page = visit(width, height)
    # Drag along the curves: from their left to their right end.
    inside = page.evaluate(
        """() => {
            const groups = [];
            const find = (item, x, y) => {
                const at = [x + (item.x || 0), y + (item.y || 0)];
                for (const mark of item.items || []) {
                    for (const one of mark.items || []) {
                        if (one.datum && "scrub_from" in one.datum)
                            groups.push([at[0] + one.x, at[1] + one.y, one.width, one.height]);
                        if (mark.marktype === "group") find(one, at[0], at[1]);
                    }
                }
            };
            const [dx, dy] = view.origin(), padding = view.padding();
            find(view.scenegraph().root.items[0], dx + padding.left, dy + padding.top);
            return [groups[0], groups.at(-1)];
        }"""
    )
    # The ruler consists of a part for each epoch.
    (left, top, _, high), (last, _, width_of_last, _) = inside
    wide = last + width_of_last - left
    canvas = page.locator("#chart canvas")
    page.evaluate(f"scrollTo(0, {top} - 300)")
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("one => one.offsetWidth")
    y = box["y"] + (top + 0.97 * high) * scale
    for share, epoch in ((0.4, 60), (0.8, 120)):
        page.mouse.move(box["x"] + (left + 0.2 * wide) * scale, y)
        page.mouse.down()
        page.mouse.move(box["x"] + (left + share * wide) * scale, y)
        page.mouse.up()
        page.wait_for_function(f"view.signal('epoch') === {epoch}")
    # A tooltip is beside the pointer, on the side where it fits.
    x = box["x"] + (left + 0.5 * wide) * scale
    page.mouse.move(x, y)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    shown = tooltip.bounding_box()
    assert any(abs(edge - x) < 11 for edge in (shown["x"], shown["x"] + shown["width"])), (shown, x)
    assert any(abs(edge - y) < 11 for edge in (shown["y"], shown["y"] + shown["height"])), (
        shown,
        y,
    )


def test_dark_page_for_those_who_prefer_it(visit: Visit) -> None:
    light, dark = visit(1280, 720), visit(1280, 720, scheme="dark")
    assert light.evaluate("view.background()") == "white"
    assert dark.evaluate("view.background()") == "#22272e"
    paper = "getComputedStyle(document.body).backgroundColor"
    assert dark.evaluate(paper) == "rgb(34, 39, 46)"
    dark.emulate_media(color_scheme="light")
    dark.wait_for_function("view.background() === 'white'")
    assert dark.evaluate(paper) == "rgb(255, 255, 255)"


def test_link_to_an_epoch(visit: Visit) -> None:
    page = visit(1280, 720, anchor="#epoch=70")
    page.wait_for_function("view.signal('epoch') === 70")
    page.evaluate("location.hash = '#epoch=999'")
    page.wait_for_function("view.signal('epoch') === 150")


def test_caption_is_text(visit: Visit) -> None:
    captions = visit(1280, 720).locator(".caption")
    assert captions.all_inner_texts() == [
        "Two parabolas & <b>one</b> network.",
        "A second paragraph.",
    ]


def test_print_is_the_still(visit: Visit) -> None:
    page = visit(1280, 720)
    page.emulate_media(media="print")
    assert not page.locator("#player").is_visible()
    assert page.locator("#chart canvas").is_visible()


def test_description_is_for_pages(tmp_path: Path) -> None:
    chart = rc.loss_histogram(rc.open_run(rc.datasets.parabola_recording()))
    with pytest.raises(ArgumentError, match=r"description is for \.html and \.md, not for \.png"):
        rc.save(chart, tmp_path / "a.png", description="text")
    with pytest.raises(ArgumentError, match="description must be a string or None. Got 1"):
        rc.save(chart, tmp_path / "a.html", description=1)  # type: ignore[call-overload]
