"""Captions that appear with their epochs, and the epochs that are proposed for them."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from support.training import Training

import replaychart as rc
from replaychart.errors import ArgumentError
from replaychart.evaluation.key_epochs import accuracy_jumps, greatest_change, plateau
from replaychart.playback.parameter import find_slider
from replaychart.playback.story_steps import story_steps

CAPTIONS = {0: "At first.", 2: "Then, <b>markup</b> is text.", 5: "In the end."}
SHOWN = {0: 0, 1: 0, 2: 2, 4: 2, 5: 5, 6: 5}


def _captions_in(svg: str) -> list[int]:
    return [epoch for epoch, text in CAPTIONS.items() if text.split()[0] in svg]


def test_captions_appear_with_their_epochs_in_stills(parabola: Training, tmp_path: Path) -> None:
    chart = rc.story(rc.loss_histogram(parabola.open()), CAPTIONS)
    for epoch, expected in SHOWN.items():
        svg = rc.save(chart, tmp_path / "a.svg", epoch=epoch).read_text("utf-8")
        assert _captions_in(svg) == [expected]
    assert "&lt;b" in rc.save(chart, tmp_path / "a.svg", epoch=3).read_text("utf-8")


def test_captions_are_in_filmstrips_and_films(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    chart = rc.story(rc.loss_histogram(run), CAPTIONS, width=300)
    strip = rc.save(chart, tmp_path / "strip.svg", epochs=[0, 6]).read_text("utf-8")
    assert _captions_in(strip) == [0, 5]
    same = rc.story(rc.loss_histogram(run), dict.fromkeys(CAPTIONS, "."), width=300)
    heights = []
    for one, name in ((chart, "a"), (same, "b")):
        folder = rc.save(one, f"{tmp_path}/{name}/", epochs=[1, 2, 6], progress=False)
        frames = []
        for path in sorted(folder.iterdir()):
            with Image.open(path) as image:
                frames.append(np.asarray(image.convert("L")))
        heights.append(frames[0].shape)
        assert len({frame.shape for frame in frames}) == 1
        if one is chart:
            still = rc.save(chart, tmp_path / "still.png", epoch=6)
            with Image.open(still) as image:
                difference = np.abs(np.asarray(image.convert("L"), int) - frames[-1])
            assert difference.max() <= 2
            top = [frame[:45, :300] for frame in frames]
            assert not np.array_equal(top[0], top[1])
            assert not np.array_equal(top[1], top[2])


def test_captions_follow_the_slider_in_a_page(parabola: Training, opened: Any) -> None:
    page = opened(
        rc.animate(rc.story(rc.loss_histogram(parabola.open()), CAPTIONS), autoplay=False)
    )
    for epoch, expected in SHOWN.items():
        page.show(epoch)
        assert _captions_in(page.page.evaluate("view.toSVG()")) == [expected]
    assert not page.problems


SHOWN_STEPS = "[...document.querySelectorAll('#story [aria-current]')].map(one => one.innerText)"


def test_page_lists_the_captions_as_steps(parabola: Training, opened: Any) -> None:
    chart = rc.story(rc.loss_histogram(parabola.open()), CAPTIONS | {2.5: "Between stops."})
    page = opened(rc.animate(chart, autoplay=False))
    steps = page.page.locator("#story button")
    assert [step.split("\n") for step in steps.all_inner_texts()] == [
        ["Epoch 0", "At first."],
        ["Epoch 2", "Then, <b>markup</b> is text."],
        ["Epoch 3", "Between stops."],
        ["Epoch 5", "In the end."],
    ]
    assert page.page.evaluate(SHOWN_STEPS) == ["Epoch 0\nAt first."]
    steps.nth(3).click()
    page.wait_until("view.signal('epoch') === 5")
    assert page.page.evaluate(SHOWN_STEPS) == ["Epoch 5\nIn the end."]
    # A step is reached by Tab, and chosen by Enter or Space, which elsewhere plays.
    steps.nth(0).focus()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Space")
    page.wait_until("view.signal('epoch') === 2")
    assert page.page.evaluate("view.signal('playing')") is False
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    page.wait_until("view.signal('epoch') === 3")
    page.show(4)
    assert page.page.evaluate(SHOWN_STEPS) == ["Epoch 3\nBetween stops."]
    page.page.evaluate("location.hash = '#epoch=6'")
    page.wait_until(f"{SHOWN_STEPS}[0].startsWith('Epoch 5')")


def test_steps_are_beside_the_chart_or_below_it(parabola: Training, opened: Any) -> None:
    run = parabola.open()
    chart = rc.loss_histogram(run) | rc.spread(run)
    page = opened(rc.animate(rc.story(chart, CAPTIONS, width=700), autoplay=False)).page
    for width, beside in ((1300, True), (800, False), (390, False)):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            f"document.documentElement.classList.contains('beside') === {str(beside).lower()}"
            f" && document.querySelector('#captions').hidden === {str(width > 640).lower()}"
        )
        chart, steps = (page.locator(one).bounding_box() for one in ("#frame", "#story"))
        if beside:
            assert chart["x"] + chart["width"] <= steps["x"]
        else:
            assert chart["y"] + chart["height"] <= steps["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    # On a phone, the caption is a part of the page, and the chart is as wide as the screen.
    assert chart["width"] > 300
    assert page.locator("#captions p.current").inner_text() == "At first."


def test_playing_pauses_at_each_step(parabola: Training, opened: Any) -> None:
    chart = rc.story(rc.loss_histogram(parabola.open()), CAPTIONS, pause=0.7)
    page = opened(rc.animate(chart, fps=60, autoplay=False))
    page.page.evaluate(
        """() => {
            window.seen = [[0, performance.now()]];
            view.addSignalListener('epoch', (_, value) => {
                if (value !== seen.at(-1)[0]) seen.push([value, performance.now()]);
            });
            view.signal('speed', 8).runAsync();
        }"""
    )
    page.page.locator("#play").click()
    page.wait_until("seen.filter(([epoch]) => epoch === 0).length > 1 && seen.at(-1)[0] > 0")
    page.page.locator("#play").click()
    seen = page.page.evaluate("seen.slice(1)")
    # However fast it plays, it stops at each step, and nowhere else.
    assert {0, 2, 5, 6} <= {epoch for epoch, _ in seen}
    waited = {epoch: then - at for (epoch, at), (_, then) in pairwise(seen)}
    assert all((waited[epoch] >= 690) == (epoch in CAPTIONS) for epoch in waited)
    # Whoever plays on from a step has read it.
    page.page.evaluate("view.signal('speed', 1).runAsync().then(() => 1)")
    page.page.locator("#story button").nth(0).click()
    page.wait_until("view.signal('epoch') === 0")
    page.page.evaluate("() => { seen = [[0, performance.now()]]; }")
    page.page.evaluate("view.signal('playing', true).runAsync().then(() => 1)")
    page.wait_until("view.signal('epoch') > 0")
    (_, begun), (_, moved) = page.page.evaluate("seen.slice(0, 2)")
    assert moved - begun < 690


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_films_pause_at_each_step(parabola: Training, tmp_path: Path, suffix: str) -> None:
    chart = rc.story(rc.loss_histogram(parabola.open()), CAPTIONS, pause=1.5)
    path = tmp_path / f"a.{suffix}"
    rc.save(chart, path, epochs=[0, 1, 3, 4, 6, 1], fps=10, scale=0.3, progress=False)
    with Image.open(path) as film:
        stay = []
        for frame in range(film.n_frames):
            film.seek(frame)
            film.load()
            stay.append(film.info["duration"])
    # The captions of 2 and 5 appear with the first frame after them; the last frame goes back.
    assert stay == [1500, 100, 1500, 100, 1500, 1500]


def test_videos_pause_at_each_step(parabola: Training, tmp_path: Path) -> None:
    chart = rc.story(rc.loss_histogram(parabola.open()), CAPTIONS, pause=0.5)
    path = rc.save(chart, tmp_path / "a.mp4", fps=10, hold=0, scale=0.3, progress=False)
    with av.open(str(path)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 3 * 5 + 4


def test_two_stories_have_one_list(parabola: Training) -> None:
    run = parabola.open()
    chart = rc.story(rc.loss_histogram(run), CAPTIONS, pause=0) | rc.story(
        rc.spread(run), {2: "Also then.", 3.2: "Late.", 3.4: "Later."}
    )
    spec = chart.to_dict()
    steps = story_steps(spec, find_slider(spec))
    assert [(step.epoch, step.pause) for step in steps] == [(0, 0), (2, 2), (4, 2), (5, 0)]
    assert steps[1].text == f"{CAPTIONS[2]}\nAlso then."
    # Between two stops, nobody sees the earlier caption.
    assert steps[2].text == "Later."


def test_post_has_text_and_one_image_for_each_step(parabola: Training, tmp_path: Path) -> None:
    captions = {0: "At *first*.", 2: "1. One\n- two & <b>", 5: "In the end."}
    chart = rc.story(rc.loss_histogram(parabola.open()), captions)
    path = rc.save(
        chart, tmp_path / "a post.md", description="Two.\n\nParagraphs_", scale=2, progress=False
    )
    assert path.read_text("utf-8").split("\n\n") == [
        "Two.",
        "Paragraphs\\_",
        "**Epoch 0.** At \\*first\\*.",
        "![Epoch 0: At \\*first\\*.](a%20post_files/epoch_0000.png)",
        "**Epoch 2.** 1\\. One\\\n\\- two \\& \\<b\\>",
        "![Epoch 2: 1. One - two \\& \\<b\\>](a%20post_files/epoch_0002.png)",
        "**Epoch 5.** In the end.",
        "![Epoch 5: In the end.](a%20post_files/epoch_0005.png)\n",
    ]
    # The caption is in the text, so the images do not repeat it.
    plain = rc.save(rc.loss_histogram(parabola.open()), tmp_path / "plain.png", epoch=5, scale=2)
    with Image.open(plain) as one, Image.open(tmp_path / "a post_files/epoch_0005.png") as other:
        assert np.allclose(one.size, other.size, atol=8)


def test_post_needs_a_story_and_no_epochs(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    with pytest.raises(ArgumentError, match=r"\.md only for a chart with captions, see story"):
        rc.save(chart, tmp_path / "a.md")
    with pytest.raises(ArgumentError, match=r"\.md has the epochs of the captions; pass none"):
        rc.save(rc.story(chart, CAPTIONS), tmp_path / "a.md", epochs=[1, 2])
    assert not list(tmp_path.iterdir())


def test_epochs_may_be_irregular(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    charts = rc.loss_histogram(run, epochs=[0, 1, 2, 6]) | rc.spread(run, epochs=[0, 1, 2, 6])
    chart = rc.story(charts, CAPTIONS, position="below")
    for epoch, expected in {0: 0, 1: 0, 2: 2, 6: 5}.items():
        svg = rc.save(chart, tmp_path / "a.svg", epoch=epoch).read_text("utf-8")
        assert _captions_in(svg) == [expected]


def test_long_captions_are_broken_and_leave_room_for_the_longest(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open())
    told = rc.story(chart, {0: "short", 3: "word " * 40 + "\nand a line of its own"}, width=200)
    caption = told.to_dict()["vconcat"][0]
    (rows,) = (rows for rows in told.to_dict()["datasets"].values() if "caption" in rows[0])
    longest = rows[1]["caption"].split("\n")
    assert longest[-1] == "and a line of its own"
    assert len(longest) > 5
    assert caption["height"] >= 20 * len(longest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"captions": {}}, "captions must be a mapping of epochs of the chart, from 0 to 6"),
        ({"captions": {9: "late"}}, "captions must be a mapping"),
        ({"captions": {0: 1}}, "captions must be a mapping"),
        ({"captions": {0: "a"}, "position": "left"}, "position must be one of"),
        ({"captions": {0: "a"}, "width": 5}, "width must be at least 100 pixels"),
        ({"captions": {0: "a"}, "pause": -1}, "pause must be from 0 to 60 seconds. Got -1"),
    ],
)
def test_bad_arguments_are_named(parabola: Training, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        rc.story(rc.loss_histogram(parabola.open()), **options)


def test_a_chart_without_a_slider_has_no_story(parabola: Training) -> None:
    with pytest.raises(ArgumentError, match="must have the 'epoch' parameter with a slider"):
        rc.story(rc.loss_histogram(parabola.open(), epochs=[3]), {3: "Only one."})


def test_key_epochs_are_where_numpy_finds_them(shipped: rc.Run) -> None:
    found = rc.key_epochs(shipped)
    outputs = shipped.outputs().reshape(151, -1).astype(float)
    change = [np.abs(after - before).mean() for before, after in pairwise(outputs)]
    assert "The outputs change the most" in found[int(np.argmax(change)) + 1]
    accuracy = [1 - np.mean(wrong) for wrong in shipped.wrong()]
    rises = np.diff(accuracy)
    best = int(rises.argmax())
    expected = f"rises from {accuracy[best]:.1%} to {accuracy[best + 1]:.1%}"
    assert expected in found[best + 1]
    assert found[0].startswith(f"Before training: an accuracy of {accuracy[0]:.1%}")
    assert f"a loss of {shipped.losses()[-1].mean():.3g}" in found[150]
    assert list(found) == sorted(found)
    rc.story(rc.loss_histogram(shipped), found)


def test_findings_of_known_curves() -> None:
    epochs = np.arange(21.0)
    loss = np.concatenate([np.linspace(1, 0.5, 6), np.full(10, 0.5), np.linspace(0.4, 0, 5)])
    (flat,) = plateau(loss, epochs)
    assert flat.snapshot == 5
    assert "From epoch 5 to 15, the loss stays at 0.5" in flat.text
    assert plateau(np.linspace(1, 0, 21), epochs) == []
    assert plateau(np.full(21, np.nan), epochs) == []
    accuracy = np.array([0.5, 0.5, 0.9, 0.7, 0.7])
    rise, fall = accuracy_jumps(accuracy, np.array([0, 1, 2, 5, 10]))
    assert (rise.snapshot, fall.snapshot) == (2, 3)
    assert fall.text == "The accuracy falls from 90.0% to 70.0% after epoch 2."
    outputs = np.array([0.0, 0.1, 0.2, 0.8])[:, None]
    # 0.6 over 10 epochs is slower than 0.1 in one.
    (most,) = greatest_change(outputs, np.array([0.0, 1.0, 2.0, 12.0]))
    assert most.snapshot in (1, 2)
    assert greatest_change(np.zeros((3, 4)), np.arange(3.0)) == []


def test_key_epochs_of_a_regression_and_of_one_epoch(regression: Training) -> None:
    run = regression.open()
    found = rc.key_epochs(run, most=3)
    assert len(found) <= 3
    assert "accuracy" not in " ".join(found.values())
    with pytest.raises(ArgumentError, match="most must be"):
        rc.key_epochs(run, most=1)
