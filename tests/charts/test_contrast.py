"""Every mark and every text is readable on a light and on a dark background.

The contrasts are those of WCAG 2.2: 4.5:1 for texts, 3:1 for marks. What is drawn is read from the
SVG. Left out are the theme's own lines (axes, frames), surfaces, which lie behind everything else,
and half-transparent lines: grid lines, and the faint part of a curve, which is drawn again.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import altair as alt
import keras
import numpy as np
import pytest
from PIL import Image, ImageColor
from support.training import Training, dense, small_model

import replaychart as rc
from replaychart.drawing import colors

TEXT, MARK = 4.5, 3.0
BACKGROUNDS = {"default": "#ffffff", "replaychart": "#ffffff", "dark": "#333333"}
OF_THE_PARABOLA = {
    "feature_space": rc.feature_space,
    "without a surface": partial(rc.feature_space, surface=None),
    "decision_boundary": partial(rc.decision_boundary, grid=True),
    "probability_histogram": rc.probability_histogram,
    "loss_and_metric": partial(rc.loss_and_metric, source="training"),
    "loss_histogram": rc.loss_histogram,
    "data_map": rc.data_map,
    "weights": rc.weights,
    "gradients": rc.gradients,
    "activations": rc.activations,
    "pre_activations": rc.pre_activations,
    "spread": rc.spread,
    "spread of one epoch": partial(rc.spread, epochs=[2]),
}


def _hex(color: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(color)[:3])


def _parts(
    node: ElementTree.Element, roles: tuple[str, ...] = ()
) -> Iterator[tuple[ElementTree.Element, tuple[str, ...]]]:
    """Each element of an SVG that draws something, with the classes of the groups around it."""
    inside = (*roles, *node.get("class", "").split())
    tag = node.tag.rpartition("}")[2]
    if tag in ("path", "text", "rect", "line", "circle"):
        yield node, inside
    for child in node:
        yield from _parts(child, inside)


def _faults(svg: str, background: str) -> list[str]:
    """What is drawn with too little contrast."""
    faults, seen = [], {"text": 0, "mark": 0}
    for node, roles in _parts(ElementTree.fromstring(svg)):
        is_text = node.tag.endswith("text")
        if not is_text and not {"role-mark", "role-legend-symbol"} & set(roles):
            continue
        surface = node.get("stroke-width") == "0" and "mark-line" in roles
        if surface or node.get("stroke-opacity", "1") != "1" or node.get("d") == "":
            continue
        painted = [node.get(kind) for kind in (("fill",) if is_text else ("fill", "stroke"))]
        shown = [_hex(paint) for paint in painted if paint not in (None, "none", "transparent")]
        if not shown or (is_text and not "".join(node.itertext()).strip()):
            continue
        seen["text" if is_text else "mark"] += 1
        best = max(colors.contrast(paint, background) for paint in shown)
        if best < (TEXT if is_text else MARK):
            faults.append(f"{best:.2f} {shown} {roles[-1]} {''.join(node.itertext())}")
    assert all(seen.values())
    return sorted(set(faults))


def _drawn(chart: Any, theme: str, folder: Path) -> str:
    with alt.theme.enable(theme):
        return rc.save(chart, folder / "chart.svg").read_text()


@pytest.mark.parametrize("theme", ["replaychart", "dark"])
@pytest.mark.parametrize("build", OF_THE_PARABOLA.values(), ids=OF_THE_PARABOLA)
def test_contrast(
    build: Callable[..., Any], theme: str, parabola: Training, tmp_path: Path
) -> None:
    svg = _drawn(build(parabola.open()), theme, tmp_path)
    assert _faults(svg, BACKGROUNDS[theme]) == []


@pytest.mark.parametrize("theme", ["replaychart", "dark"])
def test_contrast_of_other_tasks(
    theme: str, three: Training, regression: Training, images: Training, tmp_path: Path
) -> None:
    run = regression.open()
    space = next(layer for layer in run.layers if run.layer_shape(layer) == (3,))
    charts = [
        rc.feature_space(three.open()),
        rc.probability_histogram(three.open()),
        rc.feature_space(run),
        rc.feature_space(run, space, projection="rotate"),
        rc.residual_histogram(run),
        rc.spread(images.open(), kind="weights"),
    ]
    for chart in charts:
        assert _faults(_drawn(chart, theme, tmp_path), BACKGROUNDS[theme]) == []


@pytest.mark.parametrize("theme", ["replaychart", "dark"])
def test_contrast_of_the_restored_epoch(theme: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(40)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    callbacks = [
        rc.Recorder(X, y, tmp_path / "a.h5", "a"),
        keras.callbacks.EarlyStopping(
            monitor="accuracy", mode="min", patience=2, restore_best_weights=True
        ),
    ]
    model.fit(X, y, epochs=6, verbose=0, callbacks=callbacks)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.restored_epoch is not None
    svg = _drawn(rc.loss_and_metric(run), theme, tmp_path)
    assert ">restored</text>" in svg
    assert _faults(svg, BACKGROUNDS[theme]) == []


@pytest.mark.parametrize("classes", [2, 10, 25])
def test_contrast_of_any_number_of_classes_and_layers(classes: int) -> None:
    for dark, background in ((False, "#ffffff"), (True, "#333333")):
        of_classes = colors.class_colors(classes, dark=dark)
        of_layers = colors.depth_colors(classes, dark=dark)
        assert len(set(of_classes)) == len(set(of_layers)) == classes
        assert min(colors.contrast(color, background) for color in of_classes) >= MARK
        contrasts = [colors.contrast(color, background) for color in of_layers]
        assert min(contrasts) >= TEXT
        assert all(1.03 * after > before for before, after in itertools.pairwise(contrasts))


def test_points_stay_visible_on_the_surface() -> None:
    for color, light, dark in zip(
        colors.CLASSES, colors.SURFACE[::2], colors.DARK_SURFACE[::2], strict=True
    ):
        on_light = colors.contrast(color, light)
        assert colors.contrast(colors.on_dark(color), dark) >= on_light >= 2


def test_contrast_in_a_browser(parabola: Training, opened: Any) -> None:
    run = parabola.open()
    charts = rc.decision_boundary(run) | rc.loss_and_metric(run) | rc.spread(run, kind="weights")
    for theme in ("default", "dark"):
        with alt.theme.enable(theme):
            svg = opened(charts).page.evaluate("view.toSVG()")
        assert _faults(svg, BACKGROUNDS[theme]) == []


def test_background_decides_and_the_theme_if_it_is_transparent(
    parabola: Training, tmp_path: Path
) -> None:
    chart = rc.loss_and_metric(parabola.open())
    assert _faults(_drawn(chart, "dark", tmp_path), "#333333") == []
    dark = chart.properties(background="#102030").configure(font="Arial")
    svg = _drawn(dark, "default", tmp_path)
    assert colors.LOSS not in svg
    assert colors.on_dark(colors.LOSS) in svg
    for theme, color in (("dark", colors.on_dark(colors.LOSS)), ("replaychart", colors.LOSS)):
        assert color in _drawn(chart.properties(background="transparent"), theme, tmp_path)
    strip = rc.save(dark, tmp_path / "strip.svg", epochs=[0, 3]).read_text()
    assert f'fill="{colors.on_dark(colors.MUTED)}">epoch 0' in strip


def test_film_on_a_dark_background_shows_what_the_still_shows(
    parabola: Training, tmp_path: Path
) -> None:
    chart = rc.loss_and_metric(parabola.open())
    with alt.theme.enable("dark"):
        still = rc.save(chart, tmp_path / "still.png", epoch=6)
        frames = rc.save(chart, f"{tmp_path}/frames/", epochs=[*range(7)] * 2, progress=False)
    with Image.open(still) as one, Image.open(frames / "epoch_0006.png") as other:
        difference = np.abs(np.asarray(one, int) - np.asarray(other, int))
    assert difference.max() <= 2
