"""Keys and the scrubber of animated charts, on a plain page, with a real keyboard and pointer."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.plain_page import opened_plainly, write_plain_page

import replaychart as rc

IRREGULAR = [0, 1, 2, 5, 10, 100]


@pytest.fixture(scope="module")
def page(browser: Any, shipped: rc.Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three charts that do not play by themselves, the last one with irregular epochs."""
    options = {"width": 200, "height": 100}
    charts = [
        rc.animate(rc.loss_and_metric(shipped, **options), autoplay=False),
        rc.animate(rc.loss_histogram(shipped, **options), autoplay=False),
        rc.animate(rc.loss_and_metric(shipped, epochs=IRREGULAR, **options), autoplay=False),
    ]
    folder = tmp_path_factory.mktemp("plain")
    opened = opened_plainly(browser, write_plain_page(folder / "a.html", charts))
    yield opened
    opened.close()


def _epochs(page: Any) -> list[float]:
    return page.evaluate("views.map((view) => view.signal('epoch'))")


def _reset(page: Any) -> None:
    page.mouse.move(900, 20)
    page.mouse.down()
    page.mouse.up()
    page.evaluate("window.scrollTo(0, 0)")
    moved = "view.signal('pressed', `Home ${Date.now()}`).runAsync()"
    page.evaluate(f"Promise.all(views.map((view) => {moved})).then(() => 1)")
    assert _epochs(page) == [0, 0, 0]


def _plot(page: Any, number: int) -> tuple[float, float]:
    """Return the position of a chart's plot on the page."""
    return page.evaluate(
        "(i) => { const box = document.querySelector(`#chart-${i} svg`).getBoundingClientRect();"
        " const [x, y] = views[i].origin(); const room = views[i].padding();"
        " return [box.x + x + room.left, box.y + y + room.top]; }",
        number,
    )


def _press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(50)


def test_keys_move_the_chart_under_the_pointer(page: Any) -> None:
    _reset(page)
    _press(page, "ArrowRight")
    assert _epochs(page) == [0, 0, 0]
    for number in (0, 1):
        x, y = _plot(page, number)
        page.mouse.move(x + 20, y + 20)
        page.mouse.move(x + 30, y + 20)
        _press(page, "ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowRight")
        assert _epochs(page) == [11, 11 * number, 0]
    _press(page, "End")
    assert _epochs(page) == [11, 150, 0]
    _press(page, "Shift+ArrowLeft", "Home", "ArrowLeft")
    assert _epochs(page) == [11, 0, 0]


def test_keys_move_the_chart_clicked_last_unless_the_pointer_is_over_another(page: Any) -> None:
    _reset(page)
    x, y = _plot(page, 1)
    page.mouse.click(x + 20, y + 20)
    page.mouse.move(900, 20)
    _press(page, "ArrowRight")
    assert _epochs(page) == [0, 1, 0]
    x, y = _plot(page, 0)
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(x + 30, y + 20)
    _press(page, "ArrowRight")
    assert _epochs(page) == [1, 1, 0]
    page.mouse.click(900, 20)
    _press(page, "ArrowRight")
    assert _epochs(page) == [1, 1, 0]


def test_space_plays_and_pauses_and_does_not_scroll(page: Any) -> None:
    _reset(page)
    x, y = _plot(page, 1)
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(x + 30, y + 20)
    _press(page, " ")
    page.wait_for_function("views[1].signal('epoch') >= 3")
    assert page.evaluate("views.map((view) => view.signal('playing'))") == [False, True, False]
    _press(page, "ArrowRight")
    assert not page.evaluate("views[1].signal('playing')")
    assert page.evaluate("window.scrollY") == 0
    page.mouse.move(900, 20)
    _press(page, " ")
    page.wait_for_function("window.scrollY > 0")


@pytest.mark.parametrize("field", ["#text", "#area", "#editable"])
def test_typing_is_left_alone(field: str, page: Any) -> None:
    _reset(page)
    page.focus(field)
    x, y = _plot(page, 0)
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(x + 30, y + 20)
    _press(page, "End", " ", "a", "ArrowLeft")
    assert _epochs(page) == [0, 0, 0]
    typed = page.evaluate(
        "(field) => { const e = document.querySelector(field); return e.value ?? e.textContent; }",
        field,
    )
    assert typed.replace("\N{NO-BREAK SPACE}", " ").endswith(" a")
    page.evaluate("document.activeElement.blur()")


def test_keys_with_modifiers_belong_to_the_browser(page: Any) -> None:
    _reset(page)
    x, y = _plot(page, 0)
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(x + 30, y + 20)
    _press(page, "Control+ArrowRight", "Alt+ArrowRight")
    assert _epochs(page) == [0, 0, 0]


def test_dragging_over_the_curves_moves_the_chart_until_it_is_released(page: Any) -> None:
    _reset(page)
    x, y = _plot(page, 0)
    page.mouse.move(x + 20, y + 50)
    page.mouse.down()
    page.wait_for_function("views[0].signal('epoch') === 15")
    page.mouse.move(x + 100, y + 60)
    page.wait_for_function("views[0].signal('epoch') === 75")
    page.mouse.move(x + 400, y + 90)
    page.wait_for_function("views[0].signal('epoch') === 150")
    page.mouse.move(x + 40, y + 300)
    page.wait_for_function("views[0].signal('epoch') === 30")
    page.mouse.up()
    page.mouse.move(x + 100, y + 60)
    page.wait_for_timeout(100)
    assert _epochs(page) == [30, 0, 0]


def test_pointer_over_the_curves_shows_the_values_at_the_nearest_epoch(
    page: Any, shipped: rc.Run
) -> None:
    _reset(page)
    losses = shipped.curves.values("loss", source="replay")
    accuracies = shipped.curves.values("acc", source="replay")
    x, y = _plot(page, 0)
    for offset, epoch in ((60, 45), (120.9, 91)):
        page.mouse.move(x + offset, y + 40)
        page.wait_for_function(
            "(epoch) => document.querySelector('#vg-tooltip-element.visible td.value')"
            "?.innerText === String(epoch)",
            arg=epoch,
            timeout=5_000,
        )
        text = page.evaluate("document.querySelector('#vg-tooltip-element').innerText")
        assert f"Loss {losses[epoch]:.4g}" in text
        assert f"Accuracy {accuracies[epoch]:.4g}" in text
    page.mouse.move(900, 20)


def test_dragging_over_irregular_epochs_stops_at_the_nearest(page: Any) -> None:
    _reset(page)
    page.evaluate("document.querySelector('#chart-2').scrollIntoView()")
    x, y = _plot(page, 2)
    page.mouse.move(x + 1, y + 50)
    page.mouse.down()
    for offset, epoch in ((1, 0), (3, 1), (6, 2), (13, 5), (100, 10), (120, 100)):
        page.mouse.move(x + offset, y + 50)
        page.wait_for_function(f"views[2].signal('epoch') === {epoch}")
    page.mouse.up()


def test_dragging_pauses_a_playing_chart(page: Any) -> None:
    _reset(page)
    page.evaluate("views[0].signal('playing', true).runAsync().then(() => 1)")
    page.wait_for_function("views[0].signal('epoch') >= 2")
    x, y = _plot(page, 0)
    page.mouse.move(x + 100, y + 50)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("views[0].signal('playing') === false")
    page.wait_for_timeout(300)
    assert _epochs(page)[0] == 75


def test_speed_and_loop_can_change_while_it_plays(page: Any) -> None:
    _reset(page)
    page.evaluate(
        "views[1].signal('speed', 8).signal('loop', false).signal('playing', true)"
        ".runAsync().then(() => 1)"
    )
    page.wait_for_function("views[1].signal('epoch') === 150 && !views[1].signal('playing')")
    page.evaluate("views[1].signal('loop', true).signal('playing', true).runAsync().then(() => 1)")
    page.wait_for_function("views[1].signal('epoch') < 100")
    page.evaluate("views[1].signal('speed', 1).signal('playing', false).runAsync().then(() => 1)")
