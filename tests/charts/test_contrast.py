"""Every mark and every text is readable on a light and on a dark background.

The contrasts are those of WCAG 2.2: 4.5:1 for texts, 3:1 for marks. What is drawn is read from the
SVG. Left out are the theme's own lines (axes, frames), surfaces, which lie behind everything else,
half-transparent lines (grid lines, and the faint part of a curve, which is drawn again), and
half-transparent cells, which have a number on them.
"""

import itertools
import re
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
    "lines of units": partial(rc.decision_boundary, units="hidden"),
    "class_accuracy": rc.class_accuracy,
    "layer_morph": rc.layer_morph,
    "probe": rc.probe,
    "dashboard": rc.dashboard,
    "probability_histogram": rc.probability_histogram,
    "loss_and_metric": partial(rc.loss_and_metric, source="training"),
    "loss_histogram": rc.loss_histogram,
    "data_map": rc.data_map,
    "similarity": rc.similarity,
    "difference": lambda run: rc.difference(run, run),
    "parallel_coordinates": lambda run: rc.parallel_coordinates(
        {"a": run, "b": run}, columns=["name", "weights"]
    ),
    "weights": rc.weights,
    "gradients": rc.gradients,
    "activations": rc.activations,
    "pre_activations": rc.pre_activations,
    "roc": rc.roc,
    "confusion": rc.confusion,
    "calibration": rc.calibration,
    "spread": rc.spread,
    "updates": rc.updates,
    "learning rate": partial(rc.loss_and_metric, learning_rate=True),
    "network_diagram": rc.network_diagram,
    "loss_landscape": partial(rc.loss_landscape, resolution=9),
    "spread of one epoch": partial(rc.spread, epochs=[2]),
}
OF_PICTURES = {"filters": rc.filters, "feature_maps": rc.feature_maps}


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
        # Surfaces, and the bar that explains their colors.
        surface = node.get("stroke-width") == "0" and {"mark-line", "mark-rect"} & set(roles)
        if surface or node.get("stroke-opacity", "1") != "1" or node.get("d") == "":
            continue
        if not is_text and node.get("opacity", "1") != "1":
            seen["mark"] += 1
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


@pytest.fixture(scope="module")
def run(parabola: Training) -> rc.Run:
    """One run for all charts, which evaluates each layer once."""
    return parabola.open()


@pytest.mark.parametrize("build", OF_THE_PARABOLA.values(), ids=OF_THE_PARABOLA)
def test_contrast(build: Callable[..., Any], run: rc.Run, tmp_path: Path) -> None:
    chart = build(run)
    for theme in ("replaychart", "dark"):
        assert _faults(_drawn(chart, theme, tmp_path), BACKGROUNDS[theme]) == [], theme


@pytest.mark.parametrize("build", OF_PICTURES.values(), ids=OF_PICTURES)
def test_contrast_of_pictures(build: Callable[..., Any], images: Training, tmp_path: Path) -> None:
    """What is in a tile is a surface; its frame and its name are readable."""
    chart = build(images.open())
    for theme in ("replaychart", "dark"):
        assert _faults(_drawn(chart, theme, tmp_path), BACKGROUNDS[theme]) == [], theme


def test_contrast_of_other_tasks(
    three: Training, regression: Training, images: Training, tmp_path: Path
) -> None:
    run = regression.open()
    space = next(layer for layer in run.layers if run.layer_shape(layer) == (3,))
    charts = [
        rc.feature_space(three.open()),
        rc.probability_histogram(three.open()),
        rc.roc(three.open()),
        rc.confusion(three.open(), normalize="true"),
        rc.feature_space(run),
        rc.feature_space(run, space, projection="rotate"),
        rc.residual_histogram(run),
        rc.spread(images.open(), kind="weights"),
    ]
    for chart, theme in itertools.product(charts, ("replaychart", "dark")):
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


def _tints(svg: str) -> set[str]:
    """The fills of surfaces."""
    return {
        _hex(node.get("fill", ""))
        for node, roles in _parts(ElementTree.fromstring(svg))
        if node.get("stroke-width") == "0" and "mark-line" in roles and node.get("d")
    }


@pytest.mark.parametrize("theme", ["replaychart", "dark"])
def test_points_stand_out_from_the_surface_of_their_class(
    theme: str, parabola: Training, ten: rc.Run, shipped: rc.Run, tmp_path: Path
) -> None:
    dark = theme == "dark"
    for run, epoch in ((parabola.open(), 6), (shipped, 150), (ten, 0)):
        with alt.theme.enable(theme):
            chart = rc.decision_boundary(run)
            svg = rc.save(chart, tmp_path / "chart.svg", epoch=epoch).read_text()
        tints = _tints(svg)
        assert len(tints) >= 2
        shown = colors.class_colors(run.classes, dark=dark)
        assert all(color in svg for color in shown)
        for tint in tints:
            # The class whose tint it is: the one to which it is the closest in hue.
            own = min(shown, key=lambda color: _hue_distance(color, tint, dark=dark))
            assert colors.contrast(own, tint) >= MARK, (own, tint)


def _hue_distance(color: str, tint: str, *, dark: bool) -> float:
    """How far a tint is from the line between the background and a color."""
    background = np.array(ImageColor.getrgb(BACKGROUNDS["dark" if dark else "default"]), float)
    toward = np.array(ImageColor.getrgb(color), float) - background
    away = np.array(ImageColor.getrgb(tint), float) - background
    share = np.clip(away @ toward / (toward @ toward), 0, 1)
    return float(np.linalg.norm(away - share * toward))


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> rc.Run:
    """Ten classes on a circle, after a few steps."""
    keras.utils.set_random_seed(0)
    turn = np.arange(300) * 2 * np.pi / 10
    X = np.stack([3 * np.cos(turn), 3 * np.sin(turn)], axis=1)
    X += np.random.default_rng(0).normal(0, 0.2, X.shape)
    y = np.arange(300) % 10
    model = small_model(
        dense(2, "tanh", "hidden"),
        dense(10, "softmax", "output"),
        loss="sparse_categorical_crossentropy",
    )
    path = tmp_path_factory.mktemp("ten") / "a.h5"
    recorder = rc.Recorder(X.astype("float32"), y, path, "ten")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    angle = np.arange(10) * 2 * np.pi / 10
    weights = [np.eye(2) / 3, np.zeros(2), 4 * np.stack([np.cos(angle), np.sin(angle)])]
    model.set_weights([*weights, np.zeros(10)])
    rc.Recorder(X.astype("float32"), y, path, "known", model=model)
    return rc.open_run(path, "known")


def test_names_of_ten_classes_do_not_overlap(ten: rc.Run, tmp_path: Path) -> None:
    for build in (rc.feature_space, rc.decision_boundary):
        svg = rc.save(build(ten, labels=True), tmp_path / "chart.svg").read_text()
        places = [
            (float(x), float(y))
            for x, y, name in re.findall(
                r'translate\(([\d.]+),([\d.]+)\)" [^>]*font-weight="600"[^>]*>(\d)<', svg
            )
        ]
        assert len(places) == 20, "each name and its halo"
        names = sorted(set(places))
        assert len(names) == 10
        for one, other in itertools.combinations(names, 2):
            assert abs(one[0] - other[0]) > 7 or abs(one[1] - other[1]) > 12
        assert 'font-weight="600"' in svg
        without = rc.save(build(ten, labels=False), tmp_path / "chart.svg").read_text()
        assert svg.count("<text") - without.count("<text") == 20


def test_classes_differ_in_shape_on_request(ten: rc.Run) -> None:
    spec = rc.decision_boundary(ten, shapes=True).to_dict()
    (points,) = [layer for layer in spec["layer"] if "shape" in layer.get("encoding", {})]
    shape, color = points["encoding"]["shape"], points["encoding"]["color"]
    assert shape["legend"] == color["legend"]
    assert shape["scale"]["domain"] == color["scale"]["domain"]
    assert len(set(shape["scale"]["range"])) == 8
    assert all(
        "shape" not in layer["encoding"] for layer in rc.decision_boundary(ten).to_dict()["layer"]
    )


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


@pytest.mark.parametrize(
    ("background", "theme"),
    [("#111", "default"), ("#102030", "replaychart"), ("ivory", "replaychart-dark")],
)
def test_texts_are_readable_on_a_background_of_ones_own(
    background: str, theme: str, parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    chart = rc.loss_and_metric(run) | rc.probability_histogram(run)
    for own in (chart.configure(background=background), chart.properties(background=background)):
        assert _faults(_drawn(own, theme, tmp_path), _hex(background)) == []
    titled = chart.properties(background=background).configure_axis(titleColor="#ff8800")
    assert 'fill="#ff8800"' in _drawn(titled, theme, tmp_path)


def test_film_on_a_dark_background_shows_what_the_still_shows(
    parabola: Training, tmp_path: Path
) -> None:
    chart = rc.loss_histogram(parabola.open())
    with alt.theme.enable("dark"):
        still = rc.save(chart, tmp_path / "still.png", epoch=6)
        frames = rc.save(chart, f"{tmp_path}/frames/", epochs=[*range(7)] * 2, progress=False)
    with Image.open(still) as one, Image.open(frames / "epoch_0006.png") as other:
        difference = np.abs(np.asarray(one, int) - np.asarray(other, int))
    assert difference.max() <= 2
