"""Captions that appear with their epochs, and the epochs that are proposed for them."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.training import Training

import replaychart as rc
from replaychart.errors import ArgumentError
from replaychart.evaluation.key_epochs import accuracy_jumps, greatest_change, plateau

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
