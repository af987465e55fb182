"""The dashboard: what it shows of each kind of run, and that its panels line up to the pixel."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
import vl_convert
from PIL import Image
from sklearn.datasets import make_circles
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.drawing.readout import number_texts, percent_texts
from replaychart.drawing.wording import in_words, layer_in_words
from replaychart.export.specs import ChartSpec


def _scene(chart: Any) -> dict[str, Any]:
    return vl_convert.vegalite_to_scenegraph(ChartSpec.of(chart).still(None))


def _frames(mark: dict[str, Any], x: float = 0, y: float = 0) -> Iterator[tuple[str, list[float]]]:
    """The name of each view of a scene, with left, top, right and bottom of its plot."""
    for item in mark.get("items", []):
        if mark.get("marktype") != "group":
            continue
        left, top = x + item.get("x", 0), y + item.get("y", 0)
        name = mark.get("name") or ""
        if name.endswith("_group") and item.get("width") is not None:
            yield name, [left, top, left + item["width"], top + item["height"]]
        for inner in item["items"]:
            yield from _frames(inner, left, top)


def _texts(mark: dict[str, Any], x: float = 0, y: float = 0) -> Iterator[tuple[str, float, float]]:
    """Each text that is a mark, with its position."""
    for item in mark.get("items", []):
        left, top = x + item.get("x", 0), y + item.get("y", 0)
        if mark.get("marktype") == "group":
            for inner in item["items"]:
                yield from _texts(inner, left, top)
        elif mark.get("marktype") == "text" and mark.get("role") == "mark":
            yield str(item.get("text")), left, top


def _rows(scene: dict[str, Any]) -> tuple[list[list[float]], list[list[float]]]:
    """The frames of the large and of the small plots."""
    frames = dict(_frames(scene["scenegraph"]))
    rows = [
        [frame for name, frame in frames.items() if name.startswith(f"concat_{row}_concat_")]
        for row in (1, 2)
    ]
    return rows[0], rows[1]


def _shown(chart: Any) -> list[str]:
    return [text for text, _, _ in _texts(_scene(chart)["scenegraph"])]


def _circles(folder: Path) -> rc.Run:
    X, y = make_circles(60, noise=0.05, factor=0.5, random_state=0)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    rc.Recorder(X.astype("float32"), y, folder / "circles.h5", "two_circles", model=model)
    return rc.open_run(folder / "circles.h5")


@pytest.mark.parametrize(
    ("kind", "size"), [("shipped", "medium"), ("circles", "small"), ("islands", "large")]
)
def test_plots_and_titles_line_up_to_the_pixel(
    kind: str, size: Any, shipped: rc.Run, three: Training, tmp_path: Path
) -> None:
    runs = {
        "shipped": lambda: shipped,
        "islands": three.open,
        "circles": lambda: _circles(tmp_path),
    }
    run = runs[kind]()
    scene = _scene(rc.dashboard(run, size=size, epochs=run.epochs[:: max(1, len(run.epochs) // 4)]))
    heroes, small = _rows(scene)
    assert (len(heroes), len(small)) == (2, 2 if size == "small" else 3)
    for row in (heroes, small):
        assert len({frame[1] for frame in row}) == 1, "tops"
        assert len({frame[3] for frame in row}) == 1, "bottoms"
        assert len({frame[2] - frame[0] for frame in row}) == 1, "widths"
        gaps = np.subtract([frame[0] for frame in row[1:]], [frame[2] for frame in row[:-1]])
        assert len(set(gaps)) == 1
    assert heroes[0][2] - heroes[0][0] == heroes[0][3] - heroes[0][1], "squares"
    assert heroes[0][0] == small[0][0] == 0
    assert heroes[1][2] == small[-1][2], "right ends"
    texts = list(_texts(scene["scenegraph"]))
    for row in (heroes, small):
        top = row[0][1]
        titles = [(x, y) for _, x, y in texts if top - 10 < y < top]
        assert len({y for _, y in titles}) == 1
        assert {frame[0] for frame in row} <= {x for x, _ in titles}


def test_medium_fits_a_screen_with_its_controls(shipped: rc.Run) -> None:
    scene = _scene(rc.dashboard(shipped, epochs=range(0, 151, 50)))
    assert scene["width"] <= 1280
    assert scene["height"] <= 720 - 32
    small, large = (
        _scene(rc.dashboard(shipped, size=size, epochs=[0, 150])) for size in ("small", "large")
    )
    assert small["width"] <= 640 < scene["width"] < large["width"] <= 1280


def test_heading_says_what_and_how_well(shipped: rc.Run) -> None:
    run = shipped
    chart = rc.dashboard(run, epochs=[0, 36, 150], epoch=36)
    texts = _shown(chart)
    assert {"Parabola", "2-2-1, sigmoid, SGD 0.05", "Epoch", "36", "/ 150"} <= set(texts)
    correct = (~run.wrong(epochs=36)).mean()
    assert f"{100 * correct:.0f}% correct" in texts
    assert f"loss {run.losses(epochs=36).mean():.3f}" in texts
    assert {"Inputs", "Hidden layer", "Accuracy and loss"} <= set(texts)
    named = _shown(rc.dashboard(run, title=["At {epoch}", "below"], subtitle="", epochs=[36, 150]))
    assert {"At 36", "below"} <= set(named) or {"At 150", "below"} <= set(named)
    assert "2-2-1, sigmoid, SGD 0.05" not in named


def test_stills_show_the_epoch_at_which_the_loss_has_fallen_half_way(shipped: rc.Run) -> None:
    losses = shipped.losses().mean(axis=1, dtype=np.float64)
    half = int(np.argmax(losses <= (losses[0] + losses.min()) / 2))
    assert 0 < half < 150
    for epoch, wanted in ((None, half), ("half", half), ("last", 150), ("best", 150), (7, 7)):
        (parameter,) = rc.dashboard(shipped, epoch=epoch).to_dict()["params"]
        assert parameter["value"] == wanted
    assert rc.loss_histogram(shipped, epoch="half").to_dict()["params"][0]["value"] == half
    assert rc.epoch_param(shipped, value="half").param.value == half
    few = rc.loss_histogram(shipped, epochs=[0, 10, 100], epoch="half").to_dict()["params"]
    assert {param["name"]: param["value"] for param in few}["epoch"] in (0, 10, 100)


def test_names_of_epochs_without_losses_are_the_last_one(tmp_path: Path) -> None:
    epochs = [{"epoch": epoch, "probabilities": np.array([0.2, 0.7])} for epoch in range(3)]
    rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=np.eye(2), targets=np.array([0, 1]), epochs=epochs
    )
    run = rc.open_run(tmp_path / "a.h5")
    for name in ("half", "best", "last"):
        assert rc.epoch_param(run, value=name).param.value == 2
    assert "100% correct" in _shown(rc.dashboard(run))


def test_plain_and_composable(shipped: rc.Run) -> None:
    chart = rc.dashboard(shipped, epochs=range(0, 151, 50))
    assert isinstance(chart, alt.VConcatChart)
    spec = (chart | rc.spread(shipped, epochs=range(0, 151, 50), epoch="half")).to_dict()
    assert [parameter["name"] for parameter in spec["params"]] == ["epoch"]
    # Altair's own theme adds a config to every spec.
    with alt.theme.enable("none"):
        own = set(chart.to_dict())
    assert not {"config", "background", "padding", "autosize", "usermeta"} & own
    names = [parameter["name"] for parameter in rc.animate(chart).to_dict()["params"]]
    assert {"epoch", "playing"} <= set(names)


def test_film_and_dark_picture_are_drawn(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.dashboard(shipped, size="small", epochs=[0, 50, 150])
    with Image.open(rc.save(chart, tmp_path / "a.gif", progress=False)) as film:
        assert film.n_frames == 3
    with alt.theme.enable("dark"), Image.open(rc.save(chart, tmp_path / "a.png")) as dark:
        assert dark.convert("RGB").getpixel((2, 2)) == (51, 51, 51)


KINDS: dict[str, tuple[int, int, set[str]]] = {
    "parabola": (2, 3, {"Inputs", "Hidden layer", "Probability"}),
    "folded": (2, 3, {"Inputs", "Fold layer", "Probability"}),
    "three": (2, 3, {"Inputs", "Bend layer", "Accuracy of each class"}),
    "regression": (2, 3, {"Inputs", "Space layer", "Residuals", "3 units, projected"}),
    "one_hot": (2, 3, {"Latent layer", "Output layer", "Accuracy of each class"}),
    "images": (2, 3, {"Flat layer", "Output layer", "Accuracy of each class"}),
    "branches": (2, 3, {"Both layer", "Plane layer", "Probability"}),
    "two_inputs": (2, 3, {"Both layer", "Plane layer", "Probability"}),
    "subclassed": (2, 2, {"Inputs", "Accuracy and loss", "Probability"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_run_has_its_panels(kind: str, request: pytest.FixtureRequest) -> None:
    heroes, small, titles = KINDS[kind]
    run = request.getfixturevalue(kind).open()
    with warnings.catch_warnings():
        warnings.simplefilter("error" if kind != "subclassed" else "ignore")
        chart = rc.dashboard(run, epochs=[0, EPOCHS])
    scene = _scene(chart)
    rows = _rows(scene)
    assert tuple(map(len, rows)) == (heroes, small)
    assert titles <= {text for text, _, _ in _texts(scene["scenegraph"])}
    assert rows[0][-1][2] == rows[1][-1][2]


def test_one_feature_is_drawn_as_a_curve(tmp_path: Path) -> None:
    X = np.linspace(-2, 2, 40, dtype="float32")[:, None]
    model = small_model(dense(4, "tanh", "hidden"), dense(1, "sigmoid", "output"), features=1)
    y = (np.abs(X[:, 0]) < 1).astype(int)
    rc.Recorder(X, y, tmp_path / "a.h5", "band", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    spec = rc.decision_boundary(run, xlim=(-3, 3)).to_dict()
    *_, curve = spec["layer"]
    rows = spec["datasets"][curve["data"]["name"]]
    assert (rows[0]["x"], rows[-1]["x"]) == (-3, 3)
    x = np.array([row["x"] for row in rows], np.float32)
    wanted = model.predict(x[:, None], verbose=0)[:, 0]
    origin, step = (
        float(number)
        for number in curve["transform"][0]["calculate"].split("? ")[1].split(" * ")[0].split(" + ")
    )
    drawn = origin + step * np.array([row["replay_y"][0] for row in rows])
    np.testing.assert_allclose(drawn, wanted, atol=step)
    with pytest.raises(rc.ArgumentError, match="Grid lines need inputs with 2 features"):
        rc.decision_boundary(run, grid=True)
    run.store()
    assert rc.decision_boundary(rc.open_run(tmp_path / "a.h5")).to_dict()
    assert {"Probability of class 1", "Hidden layer"} <= set(_shown(rc.dashboard(run)))


@pytest.mark.parametrize("classes", [0, 3])
def test_one_feature_of_other_tasks(classes: int, tmp_path: Path) -> None:
    X = np.linspace(-2, 2, 30, dtype="float32")[:, None]
    outputs = (
        {"predictions": np.sin(X[:, 0])}
        if not classes
        else {"probabilities": np.full((30, 3), 1 / 3)}
    )
    targets = X[:, 0] if not classes else np.digitize(X[:, 0], [-1, 1])
    rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=X, targets=targets, epochs=[{"epoch": 0, **outputs}]
    )
    run = rc.open_run(tmp_path / "a.h5")
    spec = rc.decision_boundary(run).to_dict()
    *_, curve = spec["layer"]
    assert len(spec["datasets"][curve["data"]["name"]]) == 30 * max(1, classes)
    title = "Probability of each class" if classes else "Prediction and targets"
    assert title in _shown(rc.dashboard(run))


def test_diverged_runs_show_what_is_left(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    losses = [1.0, 5e8, np.nan]
    epochs = [
        {
            "epoch": epoch,
            "predictions": np.full(40, loss),
            "losses": np.full(40, loss),
            "layers": {"hidden": X * loss},
        }
        for epoch, loss in enumerate(losses)
    ]
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y * 3.7, epochs=epochs)
    run = rc.open_run(tmp_path / "a.h5")
    chart = rc.dashboard(run)
    assert chart.to_dict()["params"][0]["value"] == 0, "the last epoch has nothing to show"
    texts = _shown(chart)
    assert any("NaN or infinite from epoch 2" in text for text in texts)
    assert {"Inputs", "Hidden layer", "Residuals", "Loss of each point"} <= set(texts)
    assert "loss NaN" in _shown(rc.dashboard(run, epoch="last"))


def test_what_cannot_be_evaluated_is_left_out_with_a_warning(
    parabola: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        message = "The loss is not known."
        raise rc.EvaluationError(message)

    monkeypatch.setattr("replaychart.charts.dashboard.loss_histogram", refuse)
    with pytest.warns(UserWarning, match="leaves out a plot: The loss is not known"):
        chart = rc.dashboard(parabola.open(), epochs=[0, EPOCHS])
    heroes, small = _rows(_scene(chart))
    assert (len(heroes), len(small)) == (2, 2)
    assert small[-1][2] == heroes[-1][2], "the others fill the row"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, "size must be one of 'small', 'medium', 'large'. Got 'huge'"),
        ({"layer": "hiden"}, "layer must be one of 'hidden', 'output'. Got 'hiden'"),
        ({"subtitle": 3}, "subtitle must be a string. Got 3"),
        ({"title": 3}, "title must be a string"),
        ({"epoch": "first"}, "epoch must be a number, one of"),
        ({"max_bytes": 1}, "max_bytes must be at least 1000"),
    ],
)
def test_bad_arguments_raise(options: dict[str, Any], message: str, shipped: rc.Run) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.dashboard(shipped, **options)


def test_class_accuracy_counts_the_right_points(three: Training) -> None:
    run = three.open()
    frame = run.class_accuracy()
    predicted = run.probabilities().argmax(axis=2)
    for epoch, rows in frame.groupby("epoch"):
        own = predicted[run.epochs.tolist().index(epoch)]
        wanted = [int((own[run.targets == case] == case).sum()) for case in range(3)]
        assert rows["correct"].tolist() == wanted
        assert rows["points"].tolist() == np.bincount(run.targets).tolist()
    spec = rc.class_accuracy(run, epochs=[0, EPOCHS]).to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    assert [row["class"] for row in rows] == run.class_names
    last = frame[frame["epoch"] == EPOCHS]
    assert [row["replay_correct"][-1] for row in rows] == last["correct"].tolist()
    with pytest.raises(rc.EvaluationError, match="predicts numbers"):
        rc.class_accuracy(_numbers(three))


def _numbers(three: Training) -> rc.Run:
    path = three.path.parent / "numbers_without_classes.h5"
    values = np.linspace(0.1, 5.3, 4)
    rc.record_outputs(
        path,
        "numbers",
        inputs=np.eye(4)[:, :2],
        targets=values,
        epochs=[{"epoch": 0, "predictions": values}],
        if_exists="overwrite",
    )
    return rc.open_run(path)


@pytest.mark.parametrize(
    ("kind", "setup"),
    [
        ("parabola", "2-2-1, sigmoid, SGD 0.5 to 0.0833"),
        ("folded", "2-8-2-1, tanh, SGD 0.5"),
        ("images", "6\N{MULTIPLICATION SIGN}6-conv 4-3, ReLU, SGD 0.3"),
        ("tokens_and_features", "7+2-embedding 4-LSTM 3-1, tanh, Adam 0.001"),
    ],
)
def test_setup_is_read_from_the_recording(
    kind: str, setup: str, request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(kind).open().setup == setup


def test_names_in_words() -> None:
    names = {
        "acc": "Accuracy",
        "val_loss": "Validation loss",
        "two_moons": "Two moons",
        "auc": "AUC",
        "val_auc": "Validation AUC",
        "My run_2": "My run_2",
        "_": "_",
    }
    assert {name: in_words(name) for name in names} == names
    assert [layer_in_words(name) for name in ("hidden", "dense_1", "my_layer")] == [
        "Hidden layer", "Dense 1", "My layer",
    ]  # fmt: skip


def test_readout_does_not_jump_and_does_not_say_all_of_nearly_all() -> None:
    shares = np.array([0.0, 0.0004, 0.29, 0.819, 0.999, 1.0])
    assert percent_texts(shares, "correct") == [
        "0% correct", "1% correct", "29% correct", "82% correct", "99% correct", "100% correct",
    ]  # fmt: skip
    assert number_texts("loss", np.array([0.7, 0.03, np.nan])) == [
        "loss 0.700", "loss 0.030", "loss NaN",
    ]  # fmt: skip
    assert number_texts("mae", np.array([3e30, 1.0])) == ["mae 3e+30", "mae 1.00"]
