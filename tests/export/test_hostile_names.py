"""Names that would run as code if they were not treated as text, in every chart and file.

All names in the file of a run are replaced: features, classes, layers and metrics. Pages and images
are opened in a real browser, which must show the names and run nothing.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import h5py
import keras
import numpy as np
import pytest
from support.training import dense, small_model, train

import replaychart as rc
from replaychart.drawing.texts import displayed, fitted
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import Attributes, text_in

NAMES = {
    "script": "</script><script>window.pwned='script'</script>",
    "image": "<img src=x onerror=\"window.pwned='image'\">",
    "comment": "<!--<script>window.pwned='comment'",
    "expression": "a\\\" + (window.pwned='expression') + \\\"",
    "list": "\"] + (window.pwned='list') + [\"",
    "apostrophe": "' + (window.pwned='apostrophe') + '",
    "end": "a name that ends in a \\",
    "field": "datum.a['b'].c[0]",
    "template": "${window.pwned='template'}{{epoch}}",
    "link": "javascript:window.pwned='link'",
    "entity": "&lt;b&gt;&amp;\u2028\u2029\x07\n",
    "picture": "image",
    "long": "<i>" * 2000,
    "reordering": "\u202egnp.\u2066exe",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with two classes, with three, and a regression, in which all names are hostile."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.h5"
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype("float32")
    space = rng.normal(size=(60, 4)).astype("float32")
    for group, points, classes in (("two", X, 2), ("three", space, 3), ("number", space, 0)):
        model = small_model(
            dense(2, "tanh", "layer-1"),
            dense(3, "tanh", "layer-2"),
            dense(2, "tanh", "layer-3"),
            dense(classes if classes > 2 else 1, _OUTPUT[classes][0], "layer-4"),
            features=points.shape[1],
            loss=_OUTPUT[classes][1],
        )
        y = rng.integers(0, classes, 60) if classes else rng.normal(size=60)
        train(path, group, model, points, y, epochs=2)
        run = rc.open_run(path, group)
        run.store()
        for draw in CHARTS.values():
            try_to(draw, run)
        run._memory.store()
        with h5py.File(path, "a") as file:
            _rename(file[group], points.shape[1], classes)
    return path


_OUTPUT = {
    2: ("sigmoid", "binary_crossentropy"),
    3: ("softmax", "sparse_categorical_crossentropy"),
    0: (None, "mse"),
}
_LAYERS = {"layer-1": "script", "layer-2": "expression", "layer-3": "end", "layer-4": "list"}
_FEATURES = ("image", "expression", "reordering", "long")
_CLASSES = ("comment", "end", "apostrophe")


def _rename(run: h5py.Group, features: int, classes: int) -> None:
    """Replace all names by hostile ones."""
    renamed = {f'"{old}"': json.dumps(NAMES[new]) for old, new in _LAYERS.items()}

    def with_names(text: str) -> str:
        return re.sub("|".join(renamed), lambda found: renamed[found[0]], text)

    for part in ("layers", "variables", "architecture"):
        fixed_texts.write(run, f"model/{part}", with_names(text_in(run, f"model/{part}")))
    for evaluation in run["evaluations"].values():
        fixed_texts.set_attribute(evaluation, "key", with_names(Attributes(evaluation)["key"]))
    details = json.loads(Attributes(run)["details"])
    details["feature_names"] = [NAMES[name] for name in _FEATURES[:features]]
    details["class_names"] = [NAMES[name] for name in _CLASSES[:classes]] or None
    details["metrics"] = {NAMES["expression"]: "accuracy"}
    fixed_texts.set_attribute(run, "details", json.dumps(details))
    logged = {"accuracy": "template", "loss": None}
    names = json.loads(text_in(run, "log_names"))
    renamed_logs = [NAMES[logged[name]] if logged.get(name) else name for name in names]
    fixed_texts.write(run, "log_names", json.dumps(renamed_logs))


def _layer(run: rc.Run, units: int) -> str:
    return next(name for name in run.layers if run.layer_shape(name) == (units,))


CHARTS: dict[str, Callable[[rc.Run], Any]] = {
    "feature_space": lambda run: rc.feature_space(run, _layer(run, 2)),
    "pca": lambda run: rc.feature_space(run, _layer(run, 3)),
    "units": lambda run: rc.feature_space(run, _layer(run, 3), projection=(0, 2)),
    "rotate": lambda run: rc.feature_space(run, _layer(run, 3), projection="rotate"),
    "layer_morph": partial(rc.layer_morph, depth=0.5),
    "probe": rc.probe,
    "class_accuracy": rc.class_accuracy,
    "dashboard": partial(rc.dashboard, epoch="last"),
    "decision_boundary": rc.decision_boundary,
    "units' lines": lambda run: rc.decision_boundary(run, units=_layer(run, 2)),
    "slice": lambda run: rc.decision_boundary(run, features=run.feature_names[2:], at="mean"),
    "probability_histogram": rc.probability_histogram,
    "loss_and_metric": rc.loss_and_metric,
    "training": lambda run: rc.loss_and_metric(run, NAMES["template"], source="training"),
    "loss_histogram": rc.loss_histogram,
    "data_map": rc.data_map,
    "residual_histogram": rc.residual_histogram,
    "roc": rc.roc,
    "confusion": rc.confusion,
    "calibration": rc.calibration,
    "weights": rc.weights,
    "gradients": rc.gradients,
    "activations": lambda run: rc.activations(run, inputs=True),
    "pre_activations": rc.pre_activations,
    "spread": rc.spread,
    "updates": rc.updates,
    "network_diagram": rc.network_diagram,
    "similarity": rc.similarity,
    "tour": lambda run: rc.tour(run, run.layers[-1]),
    "difference": lambda run: rc.difference(run, run, names=tuple(NAMES.values())[:2]),
    "parallel_coordinates": lambda run: rc.parallel_coordinates(
        dict.fromkeys(NAMES.values(), run), columns=["name", "run", "architecture"]
    ),
    "loss_landscape": partial(rc.loss_landscape, resolution=5),
    "spread_of_one": lambda run: rc.spread(run, kind="weights", epochs=[0]),
}


def try_to(draw: Callable[[rc.Run], Any], run: rc.Run) -> Any:
    """Return a chart of a run, or None if the run has no such chart."""
    try:
        return draw(run)
    except (rc.ReplayChartError, TypeError):
        return None


def charts(path: Path, group: str) -> dict[str, Any]:
    run = rc.open_run(path, group)
    drawn = {name: try_to(draw, run) for name, draw in CHARTS.items()}
    return {name: chart for name, chart in drawn.items() if chart is not None}


def _moving(drawn: dict[str, Any]) -> list[Any]:
    return [chart for name, chart in drawn.items() if name != "spread_of_one"]


@pytest.fixture
def watched(browser: Any) -> Iterator[Any]:
    """A page that must not run scripts, open dialogs or load anything."""
    page = browser.new_page(viewport={"width": 2600, "height": 1800}, offline=True)
    events: list[str] = []
    page.on("dialog", lambda dialog: (events.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: events.append(f"error {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:", "blob:"))
            else events.append(f"request {request.url}")
        ),
    )
    page.on(
        "console",
        lambda message: events.append(message.text) if message.type == "error" else None,
    )
    yield page
    assert page.evaluate("window.pwned") is None
    assert events == []
    page.close()


def _texts(svg: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


@pytest.mark.parametrize("group", [pytest.param("two", marks=pytest.mark.thorough), "three"])
def test_names_are_text_in_a_page(group: str, hostile: Path, watched: Any, tmp_path: Path) -> None:
    drawn = charts(hostile, group)
    assert len(drawn) >= 14
    whole = alt.vconcat(*_moving(drawn)).resolve_scale(color="independent")
    page = watched
    playing = rc.animate(whole)
    playing.usermeta = {"embedOptions": {"renderer": "svg"}}  # Its marks are elements of the page.
    page.goto(rc.save(playing, tmp_path / "page.html").as_uri())
    page.wait_for_function("window.view !== undefined || window.failed", timeout=60_000)
    page.wait_for_function("view.signal('epoch') >= 1", timeout=20_000)
    texts = _texts(page.evaluate("view.toSVG()"))
    shown = displayed(NAMES["script"])[:12]
    assert any(shown in text for text in texts), texts
    # Tooltips of the marks under the pointer contain only text.
    tooltips = page.evaluate(POINT_AT_MARKS)
    assert any(displayed(NAMES["template"])[:10] in text or "Class" in text for text, _ in tooltips)
    assert not {tag for _, tags in tooltips for tag in tags} & {"img", "script", "a", "iframe"}


POINT_AT_MARKS = """
() => {
  const found = new Map();
  const marks = [...document.querySelectorAll(
    "#chart .mark-symbol path, #chart .mark-rect path, #chart .mark-rule line")];
  for (const mark of marks.filter((_, i) => i % 7 === 0)) {
    const box = mark.getBoundingClientRect();
    const at = {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2};
    for (const kind of ["pointerover", "pointermove", "mouseover", "mousemove"]) {
      mark.dispatchEvent(new MouseEvent(kind, {bubbles: true, ...at}));
    }
    const tooltip = document.getElementById("vg-tooltip-element");
    if (tooltip && tooltip.innerText) {
      found.set(tooltip.innerText, [...tooltip.querySelectorAll("*")].map((one) => one.localName));
    }
  }
  return [...found];
}
"""


@pytest.mark.parametrize(
    "group",
    [pytest.param(group, marks=pytest.mark.thorough) for group in ("two", "number")] + ["three"],
)
def test_names_are_text_in_pictures(
    group: str, hostile: Path, watched: Any, tmp_path: Path
) -> None:
    found = ""
    drawn = charts(hostile, group)
    for name, chart in drawn.items():
        svg = rc.save(chart, tmp_path / f"{name}.svg")
        watched.goto(svg.as_uri())
        tags = watched.evaluate("[...document.querySelectorAll('*')].map((one) => one.localName)")
        assert not {"script", "img", "a", "foreignObject", "parsererror"} & set(tags), name
        pictures = watched.evaluate(
            "[...document.querySelectorAll('image')].map((one) => one.href.baseVal)"
        )
        assert name in ("network_diagram", "difference") or not pictures
        assert all(url.startswith("data:image/png;base64,") for url in pictures)
        text = svg.read_text("utf-8")
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", text), name
        found += "\n".join(_texts(text))
    strip = rc.save(drawn["weights"], tmp_path / "strip.svg", epochs=[0, 2])
    watched.goto(strip.as_uri())
    assert watched.evaluate("document.documentElement.localName") == "svg"
    for name in _LAYERS.values():
        # The chart of spreads shortens the names of layers to the available room.
        assert fitted(NAMES[name], 120) in found, name


def test_names_are_text_in_a_film(hostile: Path, tmp_path: Path) -> None:
    run = rc.open_run(hostile, "two")
    chart = rc.feature_space(run, _layer(run, 2)) | rc.probability_histogram(run)
    film = rc.save(chart, tmp_path / "film.gif", scale=0.5, progress=False)
    assert film.stat().st_size > 1000
    assert rc.save(chart, tmp_path / "still.png").stat().st_size > 1000


@pytest.mark.thorough
def test_names_are_text_where_altair_writes_the_page(
    hostile: Path, watched: Any, tmp_path: Path
) -> None:
    """As in a notebook, whose output contains the unescaped spec in a script element."""
    whole = alt.vconcat(*_moving(charts(hostile, "two"))).resolve_scale(color="independent")
    page = tmp_path / "page.html"
    page.write_text(whole.to_html(inline=True), "utf-8")
    watched.goto(page.as_uri())
    watched.wait_for_function("document.querySelector('canvas.marks, svg.marks')", timeout=60_000)


@pytest.mark.parametrize("name", NAMES)
def test_displayed_text_ends_no_script_and_fits_into_xml(name: str) -> None:
    shown = displayed(NAMES[name])
    assert not re.search(r"<(/|!|script)", shown, re.IGNORECASE)
    assert not re.search(r"[\x00-\x1f\u2028\u2029]", shown)
    assert len(shown) <= 310
    if name not in ("entity", "long", "reordering"):
        assert shown.replace("\u2060", "") == NAMES[name]


def test_ordinary_names_are_displayed_as_they_are() -> None:
    for name in ("sepal length (cm)", "größer < kleiner", "x > y & z", "a/b", '"quoted"', "日本"):
        assert displayed(name) == name
